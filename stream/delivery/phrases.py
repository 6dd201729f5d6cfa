"""The words of notices, in the languages a receiver may ask for.

A title is looked up by what happened (`opened`), by that and its reason (`resolved.rule_removed`)
and by the alert's kind and what happened (`no_data.opened`).
"""

from __future__ import annotations

from stream.receivers import Language

TITLES: dict[Language, dict[str, str]] = {
    "en": {
        "opened": "{subject}: unusually many negative mentions",
        "escalated": "{subject}: escalated, now {severity}",
        "escalated.unacknowledged": "{subject}: still there, and nobody has acknowledged it",
        "updated": "{subject}: still growing",
        "updated.not_told_before": "{subject}: unusually many negative mentions, for a while now",
        "reopened": "{subject}: negative mentions are back",
        "resolved": "{subject}: back to normal",
        "resolved.rule_removed": "{subject}: no longer watched",
        "acknowledged": "{subject}: acknowledged by {actor}",
        "commented": "{subject}: a comment by {actor}",
        "silenced": "{subject}: silenced by {actor}",
        "unsilenced": "{subject}: no longer silenced",
        "no_data.opened": "{subject}: no data, so the mood is not known",
        "no_data.updated": "{subject}: still no data",
        "no_data.reopened": "{subject}: no data again",
        "no_data.resolved": "{subject}: data is back",
        "test": "Test notice of Undertone: nothing has happened",
    },
    "zh": {
        "opened": "{subject}：负面提及异常增多",
        "escalated": "{subject}：事态升级，现为{severity}",
        "escalated.unacknowledged": "{subject}：仍在持续，尚无人确认",
        "updated": "{subject}：仍在扩大",
        "updated.not_told_before": "{subject}：负面提及异常增多，已持续一段时间",
        "reopened": "{subject}：负面提及再次增多",
        "resolved": "{subject}：已恢复正常",
        "resolved.rule_removed": "{subject}：不再监测",
        "acknowledged": "{subject}：{actor} 已确认",
        "commented": "{subject}：{actor} 添加了备注",
        "silenced": "{subject}：{actor} 已设为静默",
        "unsilenced": "{subject}：静默已结束",
        "no_data.opened": "{subject}：没有数据，舆情未知",
        "no_data.updated": "{subject}：仍然没有数据",
        "no_data.reopened": "{subject}：再次没有数据",
        "no_data.resolved": "{subject}：数据已恢复",
        "test": "Undertone 测试通知：并无事件发生",
    },
}
OF_EVERY_KIND = {
    "escalated",
    "escalated.unacknowledged",
    "resolved.rule_removed",
    "acknowledged",
    "commented",
    "silenced",
    "unsilenced",
    "test",
}

OTHER: dict[Language, str] = {
    "en": "{subject}: {kind}{transition}",
    "zh": "{subject}：{kind}{transition}",
}
"""For what has no title: its kind and what happened, by name."""

CARRIED_BY: dict[Language, dict[str, str]] = {
    "en": {
        "few_authors": "{authors} wrote {percent} % of it",
        "one_text": "{near_copies} of {looked_at} are near-copies of one text",
    },
    "zh": {
        "few_authors": "{authors} 位作者发布了其中 {percent}%",
        "one_text": "{looked_at} 条中有 {near_copies} 条近乎相同",
    },
}
"""What to bear in mind about who drives it."""

CHINESE: dict[str, str] = {
    "warning": "警告",
    "high": "严重",
    "critical": "危急",
    "no_data": "无数据",
    "opened": "已触发",
    "updated": "有更新",
    "reopened": "再次触发",
    "resolved": "已恢复",
    "acknowledged": "已确认",
    "silenced": "已静默",
}
"""Names that the code uses, for Chinese readers; English readers get the name itself."""

LABELS: dict[Language, dict[str, str]] = {
    "en": {
        "severity": "Severity: ",
        "who": "Driven by: ",
        "terms": "Terms: ",
        "topics": "Topics: ",
        "sources": "Sources: ",
        "comment": "Comment: ",
        "reason": "Reason: ",
        "opened": "Opened: ",
        "rule": "Rule: ",
        "board": "Open the board",
        "post": "Open the post",
    },
    "zh": {
        "severity": "级别：",
        "who": "规模：",
        "terms": "关键词：",
        "topics": "话题：",
        "sources": "来源：",
        "comment": "备注：",
        "reason": "原因：",
        "opened": "触发于：",
        "rule": "规则：",
        "board": "打开看板",
        "post": "查看原帖",
    },
}
