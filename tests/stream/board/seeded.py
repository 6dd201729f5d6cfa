"""A database in which every view has something to show, some of it hostile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.stream.board.browsing import HOSTILE
from tests.stream.board.conftest import Seed

BAD = "<img src=x onerror=alert(5)>"
"""A brand, topic, author, rule and post id that each want to be HTML."""

ALERT = "a1" * 16
BAD_ALERT = "b2" * 16


def story(seed: Seed) -> None:
    """A day of Acme, a rise in its last half-hour, an incident of it, and a hostile stranger."""
    day = [_daily(seed, number) for number in range(48)]
    rise = [_risen(seed, number) for number in range(20)]
    hostile = [_hostile(seed, number, text) for number, text in enumerate(HOSTILE)]
    seed.keys(*day, *rise, *hostile)
    seed.store(*day, *rise, *hostile)
    seed.progress()
    _expect(seed)
    seed.alert(ALERT, _evidence(seed, "Acme"), rule="mood", group_key="g", opened_at=_ago(seed, 20))
    seed.alert(
        BAD_ALERT,
        _evidence(seed, BAD),
        rule=BAD,
        brand=BAD,
        topic=BAD,
        group_key="g",
        transition="commented",
        actor=BAD,
        comment="<script>alert(7)</script>",
        receivers=[BAD],
    )
    seed.delivery(ALERT, "retry", status_code=503, reason="answered 503")
    seed.delivery(ALERT, attempt=2)
    seed.delivery(BAD_ALERT, "retry", receiver=BAD, reason=BAD)


def _ago(seed: Seed, minutes: float) -> Any:
    return seed.now - timedelta(minutes=minutes)


def _daily(seed: Seed, number: int) -> tuple[Any, ...]:
    mood = ("neutral", "positive", "negative", "positive")[number % 4]
    return seed.post(
        f"day{number}",
        f"Acme camera, day {number}",
        {"Acme": mood},
        created_at=_ago(seed, 60 + 25 * number),
        author_id=f"someone{number}",
        lang=("en", "de")[number % 2],
        source=("reddit", "app_store")[number % 2],
        **{"mentions.topics": [["camera"]]},
    )


def _risen(seed: Seed, number: int) -> tuple[Any, ...]:
    return seed.post(
        f"rise{number}",
        f"Acme battery is swelling again, number {number}",
        {"Acme": "negative"},
        created_at=_ago(seed, 4 + number),
        author_id=f"angry{number}",
        **{"mentions.topics": [["battery"]]},
    )


def _hostile(seed: Seed, number: int, text: str) -> tuple[Any, ...]:
    return seed.post(
        f"{number}/{BAD}",
        text,
        {"Acme": "negative", BAD: "negative"},
        created_at=_ago(seed, 3 + number / 60),
        author_name=text[:512],
        lang='en" onload="alert(3)',
        url=["javascript:alert(4)", "https://evil.example/<script>", "data:x"][number % 3],
        **{"mentions.topics": [["<i>topic</i>"], [BAD]]},
    )


def _expect(seed: Seed) -> None:
    names = ["rule", "brand", "topic", "minute", "expected_low", "expected_high", "anomaly_score"]
    first = _ago(seed, 25 * 60).replace(second=0)
    rows = [
        ["mood", "Acme", "", first + timedelta(minutes=number), 0.0, 0.4, 0.1]
        for number in range(25 * 60)
    ]
    seed.client.insert("expectations", rows, column_names=names)


def _evidence(seed: Seed, told: str) -> dict[str, Any]:
    """As `stream.alerting.evidence` keeps it; `told` stands wherever a stranger's words may."""
    share = {"negative": 19, "share": 0.6, "usual_share": 0.2, "z": 5.0}
    post = {"source": "reddit", "post_id": f"0/{BAD}", "created_at": _ago(seed, 3).isoformat()}
    return {
        "condition": "count_and_share",
        "since": _ago(seed, 34).isoformat(),
        "until": _ago(seed, 4).isoformat(),
        "minutes": 30,
        "negative": 31,
        "mentions": 44,
        "expected": 3.8,
        "expected_low": 0.4,
        "expected_high": 8.2,
        "share": 0.7,
        "expected_share": 0.16,
        "count_evidence": 18.2,
        "share_evidence": 9.4,
        "posts_counted": 31,
        "texts": 22,
        "authors": 27,
        "carried_by": {"few_authors": True, "authors": 2, "authors_share": 0.6, "words": told},
        "topic_shares": [share | {"name": told}],
        "source_shares": [share | {"name": told}],
        "language_shares": [share | {"name": "en", "usual_share": None}],
        "terms": [told, "battery"],
        "term_details": [{"term": told, "texts": 8, "usual_texts": 0, "z": 4.4}],
        "posts": [
            post | {"author": told, "followers": 3, "url": "", "text": told, "negative": 0.9}
        ],
    }
