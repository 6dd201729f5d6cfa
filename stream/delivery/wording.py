"""A notice in few words, English or Chinese: what happened, how much of it, who says what.

Every text here is one line (`plain.one_line`); what is markup in a product its format disarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stream.delivery.notice import Evidence, Notice, Post
from stream.delivery.phrases import CARRIED_BY, CHINESE, LABELS, OF_EVERY_KIND, OTHER, TITLES
from stream.delivery.plain import one_line, web_link
from stream.receivers import Language
from stream.severities import SEVERITIES
from stream.time_zones import shown

Tone = Literal["critical", "high", "warning", "calm", "note"]

_NAME, _QUOTE, _COMMENT = 80, 280, 500  # characters
_NAMED = 5  # sources, topics and terms


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


def message(notice: Notice, language: Language, time_zone: str = "UTC") -> Message:
    """The notice in words of the language, and in times of the zone."""
    labels = LABELS[language]
    evidence = notice.evidence
    facts = {
        "severity": _word(notice.severity, language),
        "who": _who(evidence, language),
        "terms": _listed(one_line(term, _NAME) for term in evidence.terms[:_NAMED]),
        "topics": _counted(evidence.topics) if not notice.topic else "",
        "sources": _counted(evidence.sources),
        "comment": one_line(notice.comment, _COMMENT),
        "reason": "" if notice.kind == "mood" else _word(notice.reason, language),
        "opened": shown(notice.opened_at, time_zone),
        "rule": one_line(notice.rule, _NAME),
    }
    return Message(
        title=_title(notice, language),
        headline=_headline(evidence, language),
        facts=tuple((labels[name], value) for name, value in facts.items() if value),
        posts=tuple(_quote(post, time_zone) for post in evidence.posts if post.text.strip()),
        url=notice.url,
        open_board=labels["board"],
        open_post=labels["post"],
        tone=_tone(notice),
    )


def _title(notice: Notice, language: Language) -> str:
    brand, topic = one_line(notice.brand, _NAME), one_line(notice.topic, _NAME)
    subject = " · ".join(name for name in (brand, topic) if name) or one_line(notice.rule, _NAME)
    pattern = _pattern(notice, TITLES[language])
    kind = "" if notice.kind == "mood" else _word(notice.kind, language) + " "
    return (pattern or OTHER[language]).format(
        subject=subject,
        severity=_word(notice.severity, language),
        actor=one_line(notice.actor, _NAME),
        kind=kind,
        transition=_word(notice.transition, language),
    )


def _pattern(notice: Notice, titles: dict[str, str]) -> str:
    """The title's pattern, the most particular first; '' for what is not known here."""
    of_kind = f"{notice.kind}.{notice.transition}"
    usable = titles.keys() if notice.kind == "mood" else {of_kind, *OF_EVERY_KIND}
    names = (f"{notice.transition}.{notice.reason}", of_kind, notice.transition)
    pattern = next((titles[name] for name in names if name in titles and name in usable), "")
    return pattern if notice.actor or "{actor}" not in pattern else ""


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
    mind = _few_voices(evidence, language)
    if language == "zh":
        return "；".join([f"{posts} 条帖子，{texts} 种文本，{authors} 位作者", *mind])
    named = ((posts, "post"), (texts, "distinct text"), (authors, "author"))
    return "; ".join([", ".join(_some(number, name) for number, name in named), *mind])


def _few_voices(evidence: Evidence, language: Language) -> list[str]:
    """What to bear in mind where many posts are few voices."""
    carried = evidence.carried_by
    if carried is None:
        return []
    authors = _some(carried.authors, "author") if language == "en" else str(carried.authors)
    values = {"authors": authors, "percent": f"{100 * carried.authors_share:.0f}"}
    values |= {"near_copies": str(carried.near_copies), "looked_at": str(carried.looked_at)}
    phrases = CARRIED_BY[language]
    holds = {"few_authors": carried.few_authors, "one_text": carried.one_text}
    return [phrases[name].format(**values) for name, does in holds.items() if does]


def _some(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _quote(post: Post, time_zone: str) -> Quote:
    told = (
        one_line(post.source, _NAME),
        one_line(post.author, _NAME),
        shown(post.created_at, time_zone) if post.created_at else "",
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
    return CHINESE.get(name, plain) if language == "zh" else plain


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
