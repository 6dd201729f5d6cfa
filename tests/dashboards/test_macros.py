"""What the plugin makes of its macros, as its documentation tells."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboards.macros import ALL, Look, UnknownMacro, expanded

SINCE, UNTIL = datetime(2014, 11, 4, 19, 5, 26, tzinfo=UTC), datetime(2015, 3, 4, tzinfo=UTC)
FROM, TO = int(SINCE.timestamp()), int(UNTIL.timestamp())
LOOK = Look(
    SINCE,
    UNTIL,
    20,
    {"brand": "O'Neill", "source": ALL, "language": ["en", "zh"], "step": "60", "none": ""},
    {"source": ["reddit", "weibo"]},
    time_zone="Asia/Shanghai",
)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$__timeFilter(at)", f"at >= toDateTime({FROM}) AND at <= toDateTime({TO})"),
        ("$__timeInterval(at)", "toStartOfInterval(toDateTime(at), INTERVAL 20 second)"),
        ("$__fromTime, $__toTime", f"toDateTime({FROM}), toDateTime({TO})"),
        ("greatest($__interval_s, 60)", "greatest(20, 60)"),
        ("brand = ${brand:singlequote}", r"brand = 'O\'Neill'"),
        ("lang IN (${language:singlequote})", "lang IN ('en','zh')"),
        ("source IN (${source:singlequote})", "source IN ('reddit','weibo')"),
        ("${step:raw}", "60"),
        ("${__timezone:singlequote}", "'Asia/Shanghai'"),
        ("$__conditionalAll(source IN (${source:singlequote}), $source)", "1=1"),
        ("$__conditionalAll(x = ${none:singlequote}, $none)", "1=1"),
        ("$__conditionalAll(lang IN (${language:singlequote}), $language)", "lang IN ('en','zh')"),
        ("$__conditionalAll(f(a, b) = 1, ${language})", "f(a, b) = 1"),
        ("$__conditionalAll($__timeFilter(at), $source) AND 2", "1=1 AND 2"),
    ],
)
def test_a_macro_becomes_what_the_plugin_documents(written: str, sent: str) -> None:
    assert expanded(written, LOOK) == sent


@pytest.mark.parametrize(
    "written",
    [
        "$__unixEpochFilter(at)",
        "$nobody",
        "${brand}",  # bare: whoever names a brand would write the SQL
        "${brand:csv}",
        "${language:raw}",
        "$__conditionalAll(a, $nobody)",
        "$__conditionalAll(a)",
        "$__timeFilter(at",
    ],
)
def test_what_is_not_known_is_refused(written: str) -> None:
    with pytest.raises(UnknownMacro):
        expanded(written, LOOK)
