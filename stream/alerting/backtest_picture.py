"""A backtest as a timeline: one row a brand and topic, its alerts above its negative share. Pure.

SVG that stands for itself, in light and in dark. Height and colour of a bar tell the severity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape as quoted

from stream.alerting.raised import Outcome, Raised, Talk
from stream.alerting.tried import LETTERS, Tried, place
from stream.detector.folds import SeriesKey
from stream.logs import escape
from stream.severities import SEVERITIES, Severity

ROWS = 40
"""More series than these with alerts are named, not drawn: those with the most alerts are drawn."""

_WIDTH, _LEFT, _RIGHT = 1120, 216, 28
_TOP, _FOOT = 110, 44
_LANE, _SHARE, _GAP = 16, 30, 16  # heights: of a set's alerts, of the share, between rows
_LABEL = 27  # characters that fit to the left
_FEWEST = 10  # mentions that one value of the share is of
_BAR: dict[Severity, int] = {"warning": 6, "high": 10, "critical": 14}
_TICKS = [timedelta(hours=n) for n in (1, 3, 6, 12, 24, 48, 168, 336, 672, 1344)]
_MOST_TICKS = 9

_STYLE = """
svg { --paper: #fffefb; --ink: #1e1d1a; --soft: #5d5951; --line: #e2ded3; --share: #cfc9bb;
  --warning: #e3ab57; --high: #d2601a; --critical: #9a1212;
  font-family: Inter, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans",
    "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
@media (prefers-color-scheme: dark) { svg { --paper: #1b1f25; --ink: #ebe8e1; --soft: #a9a59c;
  --line: #2d333b; --share: #4b525c; --warning: #b1843c; --high: #f08b45; --critical: #ff6257; } }
.paper { fill: var(--paper); } text { fill: var(--ink); font-size: 14px; }
.title { font-size: 18px; font-weight: 600; } .soft { fill: var(--soft); font-size: 12.5px; }
.line { stroke: var(--line); stroke-width: 1; } .share { fill: var(--share); }
.warning { fill: var(--warning); } .high { fill: var(--high); } .critical { fill: var(--critical); }
"""


def draw(tried: Tried) -> str:
    """The whole picture. `tried` are outcomes over one and the same time."""
    first = tried[0][1]
    counted = Counter((one.brand, one.topic) for _, outcome in tried for one in outcome.raised)
    drawn = sorted(key for key, _ in counted.most_common(ROWS))
    row = len(tried) * _LANE + _SHARE + _GAP
    height = _TOP + len(drawn) * row + _FOOT
    title = f"What the rules would have raised, {_day(first.since)} to {_day(first.until)}"
    x = _Scale(first.since, first.until)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_safe(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        _text(24, 36, title, "title"),
        *_legend(tried),
        *_axis(x, height - _FOOT + 8),
    ]
    for number, key in enumerate(drawn):
        lines += _row(tried, key, x, _TOP + number * row)
    lines += [_text(24, height - 16, _foot(tried, len(counted), len(drawn)), "soft"), "</svg>", ""]
    return "\n".join(lines)


class _Scale:
    """From times to the places of the plot, in pixels."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since, self.until = since, until

    def __call__(self, time: datetime) -> float:
        within = (min(max(time, self.since), self.until) - self.since) / (self.until - self.since)
        return round(_LEFT + within * (_WIDTH - _LEFT - _RIGHT), 1)


def _legend(tried: Tried) -> Iterator[str]:
    at = 24
    for severity in SEVERITIES:
        tall = _BAR[severity]
        yield f'<rect class="{severity}" x="{at}" y="{62 - tall / 2}" width="22" height="{tall}"/>'
        yield _text(at + 30, 66, severity, "soft")
        at += 50 + 7 * len(severity)
    yield f'<rect class="share" x="{at}" y="55" width="22" height="14"/>'
    yield _text(at + 30, 66, "share of negative mentions, 0 to 100 %", "soft")
    if len(tried) > 1:
        files = " · ".join(
            f"{letter}: {_cut(file, 36)}" for letter, (file, _) in zip(LETTERS, tried, strict=True)
        )
        yield _text(_WIDTH - _RIGHT, 66, files, "soft", anchor="end")


def _axis(x: _Scale, bottom: int) -> Iterator[str]:
    span = x.until - x.since
    step = next((tick for tick in _TICKS if span / tick <= _MOST_TICKS), _TICKS[-1])
    midnight = x.since.replace(hour=0, minute=0, second=0, microsecond=0)
    time = midnight + -(-(x.since - midnight) // step) * step
    while time <= x.until:
        yield f'<path class="line" d="M{x(time)} {_TOP - 12}V{bottom}"/>'
        at_midnight = time.hour == time.minute == 0
        label = f"{time.day} {time:%b}" if at_midnight else f"{time:%H:%M}"
        yield _text(x(time), _TOP - 18, label, "soft", anchor="middle")
        time += step


def _row(tried: Tried, key: SeriesKey, x: _Scale, top: int) -> Iterator[str]:
    brand, topic = key
    yield _text(24, top + 14, _cut(brand, _LABEL), "")
    yield _text(24, top + 32, _cut(topic, _LABEL) if topic else "as a whole", "soft")
    for number, (_, outcome) in enumerate(tried):
        middle = top + number * _LANE + _LANE / 2
        if len(tried) > 1:
            yield _text(_LEFT - 10, middle + 4.5, LETTERS[number], "soft", anchor="end")
        for one in outcome.raised:
            if (one.brand, one.topic) == key:
                yield from _bar(one, x, middle)
    bottom = top + len(tried) * _LANE + _SHARE
    talk = next((o.talk[key] for _, o in tried if key in o.talk), None)
    if talk is not None:
        yield f'<path class="share" d="{_shares(talk, x, bottom)}"/>'
    yield f'<path class="line" d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}"/>'


def _bar(one: Raised, x: _Scale, middle: float) -> Iterator[str]:
    """Severity by severity, each to where the next one begins; never too short to be seen."""
    end = max(x(one.ended_at or x.until), x(one.opened_at) + 4)
    yield f"<g><title>{_safe(_words(one))}</title>"
    begins = [x(time) for time, _ in one.rises]
    for begin, stop, (_, severity) in zip(begins, [*begins[1:], end], one.rises, strict=True):
        tall = _BAR[severity]
        yield (
            f'<rect class="{severity}" x="{begin}" y="{middle - tall / 2}" '
            f'width="{max(stop - begin, 0.5):.1f}" height="{tall}" rx="1.5"/>'
        )
    yield "</g>"


def _shares(talk: Talk, x: _Scale, bottom: float) -> str:
    """Steps of the share; where little was said, one step is of a longer time."""
    size = (x.until - x.since) / talk.shape[1]
    said = talk[1].nonzero()[0].tolist()
    path, begin, so_far = f"M{_LEFT} {bottom}", 0, 0
    for part in said:
        so_far += int(talk[1, part])
        if so_far >= _FEWEST or part == said[-1]:
            share = float(talk[0, begin : part + 1].sum()) / so_far
            path += f"V{bottom - _SHARE * share:.1f}H{x(x.since + (part + 1) * size)}"
            begin, so_far = part + 1, 0
    return f"{path}V{bottom}z"


def _words(one: Raised) -> str:
    ended = f"to {one.ended_at:%d %b %H:%M}" if one.ended_at else "and stands"
    return (
        f"{place(one)}, {one.rule}: {one.severity}, {one.opened_at:%d %b %H:%M} {ended}, "
        f"{one.observed:.0f} negative, {one.expected:.1f} usual"
    )


def _foot(tried: Sequence[tuple[str, Outcome]], alerted: int, drawn: int) -> str:
    series = len({key for _, outcome in tried for key in outcome.talk})
    left_out = []
    if series > alerted:
        left_out.append(f"{series - alerted} of {series} series, which had no alert")
    if alerted > drawn:
        left_out.append(f"the {alerted - drawn} with the fewest alerts")
    return (f"Not drawn: {', and '.join(left_out)}. " if left_out else "") + "Times are UTC."


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}" text-anchor="{anchor}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    """As text of XML, whatever is in it."""
    return quoted(escape(text))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}" + ("" if time.hour == time.minute == 0 else f"{time: %H:%M}")
