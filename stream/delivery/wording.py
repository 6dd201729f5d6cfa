"""A notice in few words, English or Chinese: what happened, how much of it, who says what.

Every text here is one line (`plain.one_line`); what is markup in a product its format disarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from stream.delivery.notice import Evidence, Notice, Post
from stream.delivery.plain import one_line, web_link
from stream.receivers import Language
from stream.severities import SEVERITIES

Tone = Literal["critical", "high", "warning", "calm", "note"]

_NAME, _QUOTE, _COMMENT = 80, 280, 500  # characters
_NAMED = 5  # sources, topics and terms

_TITLES: dict[Language, dict[str, str]] = {
    "en": {
        "opened": "{subject}: unusually many negative mentions",
        "escalated": "{subject}: escalated, now {severity}",
        "updated": "{subject}: still growing",
        "reopened": "{subject}: negative mentions are back",
        "resolved": "{subject}: back to normal",
        "acknowledged": "{subject}: acknowledged by {actor}",
        "silenced": "{subject}: silenced by {actor}",
        "test": "Test notice of Undertone: nothing has happened",
    },
    "zh": {
        "opened": "{subject}：负面提及异常增多",
        "escalated": "{subject}：事态升级，现为{severity}",
        "updated": "{subject}：仍在扩大",
        "reopened": "{subject}：负面提及再次增多",
        "resolved": "{subject}：已恢复正常",
        "acknowledged": "{subject}：{actor} 已确认",
        "silenced": "{subject}：{actor} 已静默",
        "test": "Undertone 测试通知：并无事件发生",
    },
}
# Of a kind other than mood, and of a transition not known here: both by name.
_OTHER: dict[Language, str] = {
    "en": "{subject}: {kind}{transition}",
    "zh": "{subject}：{kind}{transition}",
}

_WORDS: dict[str, str] = {  # a word of the code: its Chinese; English needs none
    "warning": "警告",
    "high": "严重",
    "critical": "危急",
    "opened": "已触发",
    "escalated": "已升级",
    "updated": "有更新",
    "reopened": "再次触发",
    "resolved": "已恢复",
    "acknowledged": "已确认",
    "silenced": "已静默",
}

_LABELS: dict[Language, dict[str, str]] = {
    "en": {
        "severity": "Severity: ",
        "who": "Who: ",
        "terms": "Terms: ",
        "topics": "Topics: ",
        "sources": "Sources: ",
        "comment": "Comment: ",
        "reason": "Reason: ",
        "opened": "Since: ",
        "rule": "Rule: ",
        "board": "Open the board",
        "post": "Open the post",
    },
    "zh": {
        "severity": "级别：",
        "who": "规模：",
        "terms": "高频词：",
        "topics": "话题：",
        "sources": "来源：",
        "comment": "备注：",
        "reason": "原因：",
        "opened": "开始于：",
        "rule": "规则：",
        "board": "打开看板",
        "post": "查看原帖",
    },
}


@dataclass(frozen=True, slots=True)
class Quote:
    """A post: its words, who said them where and when, and its link or ''."""

    text: str
    by: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads. `headline` and `url` may be empty; a fact's label ends in its colon."""

    title: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    posts: tuple[Quote, ...]
    url: str
    open_board: str
    open_post: str
    tone: Tone

    def lines(self) -> list[str]:
        """Everything but the posts and links, without the title."""
        told = [self.headline] if self.headline else []
        return told + [label + value for label, value in self.facts]


def message(notice: Notice, language: Language) -> Message:
    """The notice in words of the language."""
    labels = _LABELS[language]
    evidence = notice.evidence
    facts = {
        "severity": _word(notice.severity, language),
        "who": _who(evidence, language),
        "terms": _listed(one_line(term, _NAME) for term in evidence.terms[:_NAMED]),
        "topics": _counted(evidence.topics) if not notice.topic else "",
        "sources": _counted(evidence.sources),
        "comment": one_line(notice.comment, _COMMENT),
        "reason": "" if notice.kind == "mood" else _word(notice.reason, language),
        "opened": _time(notice.opened_at),
        "rule": one_line(notice.rule, _NAME),
    }
    return Message(
        title=_title(notice, language),
        headline=_headline(evidence, language),
        facts=tuple((labels[name], value) for name, value in facts.items() if value),
        posts=tuple(_quote(post) for post in evidence.posts if post.text.strip()),
        url=notice.url,
        open_board=labels["board"],
        open_post=labels["post"],
        tone=_tone(notice),
    )


def _title(notice: Notice, language: Language) -> str:
    brand, topic = one_line(notice.brand, _NAME), one_line(notice.topic, _NAME)
    subject = " · ".join(name for name in (brand, topic) if name) or one_line(notice.rule, _NAME)
    titles = _TITLES[language]
    usual = notice.kind == "mood" or notice.transition in {"acknowledged", "silenced", "test"}
    pattern = titles.get(notice.transition, "") if usual else ""
    if "{actor}" in pattern and not notice.actor:
        pattern = ""
    kind = "" if notice.kind == "mood" else _word(notice.kind, language) + " "
    return (pattern or _OTHER[language]).format(
        subject=subject,
        severity=_word(notice.severity, language),
        actor=one_line(notice.actor, _NAME),
        kind=kind,
        transition=_word(notice.transition, language),
    )


def _headline(evidence: Evidence, language: Language) -> str:
    if evidence.negative is None or evidence.mentions is None:
        return one_line(evidence.summary, _QUOTE)
    span = _span(evidence.minutes, language)
    usual = "" if evidence.expected is None else _number(evidence.expected)
    if language == "zh":
        told = f"{span}{evidence.mentions} 条提及中 {evidence.negative} 条负面"
        return told + (f"，平常约 {usual} 条" if usual else "")
    told = f"{evidence.negative} negative of {evidence.mentions} mentions{span}"
    return told + (f", {usual} expected" if usual else "")


def _who(evidence: Evidence, language: Language) -> str:
    posts, texts, authors = evidence.posts_counted, evidence.texts, evidence.authors
    if posts is None or texts is None or authors is None:
        return ""
    if language == "zh":
        return f"{posts} 条帖子，{texts} 种文本，{authors} 位作者"
    return ", ".join(
        f"{number} {name}{'' if number == 1 else 's'}"
        for number, name in ((posts, "post"), (texts, "distinct text"), (authors, "author"))
    )


def _quote(post: Post) -> Quote:
    told = (
        one_line(post.source, _NAME),
        one_line(post.author, _NAME),
        _time(post.created_at) if post.created_at else "",
    )
    by = " · ".join(part for part in told if part)
    return Quote(one_line(post.text, _QUOTE), by, web_link(post.url))


def _tone(notice: Notice) -> Tone:
    if notice.transition in {"acknowledged", "silenced", "test"}:
        return "note"
    if notice.state == "resolved":
        return "calm"
    return next((one for one in SEVERITIES if one == notice.severity), "warning")


def _word(name: str, language: Language) -> str:
    plain = one_line(name.replace("_", " "), _NAME)
    return _WORDS.get(name, plain) if language == "zh" else plain


def _counted(counts: dict[str, int]) -> str:
    largest = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
    return _listed(f"{one_line(name, _NAME)} {count}" for name, count in largest)


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))


def _span(minutes: int | None, language: Language) -> str:
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    if language == "zh":
        parts = [f"{hours} 小时" if hours else "", f"{rest} 分钟" if rest or not hours else ""]
        return " ".join(filter(None, parts)) + "内 "
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " in " + " ".join(filter(None, parts))


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if value < 10 else f"{value:.0f}"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
