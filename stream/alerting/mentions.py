"""The mentions a rise is made of, read from `posts`: counted, sampled, and the heaviest ones.

However many there are, what is read into memory is bounded, and the same posts give the same
answer. What was usual before comes from the windows; texts of it from a sample of its minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stream.alerting.minutes import LISTENED
from stream.alerting.terms import Saying
from stream.database import Client, errors_sorted
from stream.windows import SETTINGS

SAMPLE = 400  # posts whose texts are looked at, now and before
USUAL_FOR = timedelta(days=3)
_CUT = 280  # characters of a text that are looked at, around the brand's first mention
_CANDIDATES = 60  # for the most telling posts
_BUSIEST = 3
_MINUTES = 120  # of before, from which texts are taken
_OF_A_LANGUAGE = 100  # texts of before

# A post mentions a brand at most once; a tie is negative (DESIGN §7).
_NEGATIVE_MENTIONS = f"""
FROM posts FINAL
WHERE toStartOfMinute(created_at) >= {{since:DateTime('UTC')}}
    AND toStartOfMinute(created_at) < {{until:DateTime('UTC')}}
    AND i > 0 AND ({{topic:String}} = '' OR has(`mentions.topics`[i], {{topic:String}}))
    AND `mentions.negative`[i] >= `mentions.neutral`[i]
    AND `mentions.negative`[i] >= `mentions.positive`[i]
    AND {LISTENED}"""
_I = "indexOf(`mentions.brand`, {brand:String}) AS i"
_AUTHOR = "if(author_id = '', concat('text:', toString(text_hash)), concat(source, ':', author_id))"

_COUNTED = f"""
WITH {_I}
SELECT count(), uniqExact(text_hash), uniqExact({_AUTHOR}), max(generation),
    sumMap([toString(source)], [1]), sumMap([toString(lang)], [1]),
    sumMap(arrayMap(topic -> toString(topic), `mentions.topics`[i]),
        arrayMap(topic -> 1, `mentions.topics`[i])),
    sumMap(arrayMap(brand -> toString(brand), `mentions.brand`),
        arrayMap(brand -> 1, `mentions.brand`)),
    max((created_at, ingested_at, source, post_id))
{_NEGATIVE_MENTIONS}
{SETTINGS}"""

_BUSY = f"""
WITH {_I}
SELECT count() AS wrote {_NEGATIVE_MENTIONS}
GROUP BY {_AUTHOR} ORDER BY wrote DESC LIMIT {_BUSIEST}
{SETTINGS}"""

_SAMPLED = f"""
WITH {_I}
SELECT text, lang, `mentions.spans`[i] {_NEGATIVE_MENTIONS}
ORDER BY sipHash64(source, post_id) LIMIT {SAMPLE}
{SETTINGS}"""

# Copies are dropped after the limit: sorting all by text as well takes twice as long.
_HEAVIEST = f"""
SELECT * EXCEPT text_hash FROM (
    WITH {_I}
    SELECT source, post_id, created_at, author_id, author_name, followers, url, text,
        `mentions.negative`[i], `mentions.negative`[i] * log2(2 + followers) AS weight, text_hash
    {_NEGATIVE_MENTIONS}
    ORDER BY weight DESC, created_at, source, post_id LIMIT {5 * _CANDIDATES})
ORDER BY weight DESC, created_at, source, post_id
LIMIT 1 BY text_hash LIMIT {_CANDIDATES}
{SETTINGS}"""

_USUAL = f"""
SELECT sumIf(negative, topic = ''), sumIf(negative, topic = {{topic:String}}),
    sumMapIf([toString(source)], [negative], topic = {{topic:String}}),
    sumMapIf([toString(lang)], [negative], topic = {{topic:String}}),
    sumMapIf([toString(topic)], [negative], topic != '')
FROM window_scores FINAL
WHERE brand = {{brand:String}} AND {LISTENED}
    AND window_start >= {{before:DateTime('UTC')}} AND window_start < {{since:DateTime('UTC')}}
{SETTINGS}"""

# The brand's own texts first, complaints first; where a language has few, what is said of others.
_USUAL_TEXTS = f"""
WITH {_I}
SELECT text, lang, `mentions.spans`[i]
FROM posts FINAL
WHERE toStartOfMinute(created_at) IN (
        SELECT window_start FROM window_scores
        WHERE brand = {{brand:String}} AND topic = {{topic:String}} AND {LISTENED}
            AND window_start >= {{before:DateTime('UTC')}}
            AND window_start < {{since:DateTime('UTC')}}
        GROUP BY window_start
        ORDER BY max(negative) > 0 DESC, sipHash64(window_start) LIMIT {_MINUTES})
    AND notEmpty(`mentions.brand`) AND lang IN {{spoken:Array(String)}}
    AND {LISTENED}
ORDER BY i > 0 AND ({{topic:String}} = '' OR has(`mentions.topics`[i], {{topic:String}})) DESC,
    i > 0 DESC,
    `mentions.negative`[i] >= greatest(`mentions.neutral`[i], `mentions.positive`[i]) DESC,
    sipHash64(source, post_id)
LIMIT {_OF_A_LANGUAGE} BY lang LIMIT {SAMPLE}
{SETTINGS}"""


@dataclass(frozen=True)
class Counted:
    """The negative mentions in numbers; `brands` are those named in the same posts."""

    posts: int
    texts: int
    authors: int
    generation: int
    sources: Mapping[str, int]
    languages: Mapping[str, int]
    topics: Mapping[str, int]
    brands: Mapping[str, int]
    latest: tuple[datetime, datetime, str, str]
    """created_at, ingested_at, source, post_id"""


@dataclass(frozen=True)
class Usual:
    """Negative mentions before: of the brand, of the series, and the series' by its parts."""

    of_brand: int
    of_series: int
    sources: Mapping[str, int]
    languages: Mapping[str, int]
    topics: Mapping[str, int]


class Mentions:
    """Reads about one brand and topic in [since, until). Every method raises RetryLater."""

    def __init__(self, client: Client, values: Mapping[str, Any]) -> None:
        """`values`: brand, topic, since, until, limit, and what the rule listens to."""
        self._client = client
        self._values = {**values, "before": values["since"] - USUAL_FOR}

    def counted(self) -> Counted:
        posts, texts, authors, generation, *maps, latest = self._rows(_COUNTED)[0]
        sources, languages, topics, brands = map(_mapping, maps)
        brands.pop(self._values["brand"], None)
        return Counted(
            posts, texts, authors, generation, sources, languages, topics, brands, latest
        )

    def busiest_authors(self) -> list[int]:
        """What the busiest wrote, the busiest first. One without a name is one for each text."""
        return [wrote for (wrote,) in self._rows(_BUSY)]

    def sample(self) -> tuple[list[str], list[Saying]]:
        """Texts of a fair sample; the same without the brand's name."""
        rows = self._rows(_SAMPLED)
        return [text for text, _, _ in rows], [_saying(*row) for row in rows]

    def heaviest(self) -> list[dict[str, Any]]:
        """Candidates for the most telling posts, negative times reach, one a text."""
        columns = (
            "source", "post_id", "created_at", "author_id", "author", "followers", "url", "text",
            "negative", "weight",
        )  # fmt: skip
        return [dict(zip(columns, row, strict=True)) for row in self._rows(_HEAVIEST)]

    def usual(self) -> Usual:
        of_brand, of_series, *maps = self._rows(_USUAL)[0]
        return Usual(of_brand, of_series, *map(_mapping, maps))

    def usual_sayings(self, languages: Sequence[str]) -> list[Saying]:
        """What was said before in these languages, without the brand's name."""
        return [_saying(*row) for row in self._rows(_USUAL_TEXTS, spoken=list(languages))]

    def _rows(self, query: str, **more: Any) -> Sequence[Any]:
        with errors_sorted():
            rows: Sequence[Any] = self._client.query(
                query, parameters={**self._values, **more}
            ).result_rows
        return rows


def _saying(text: str, lang: str, spans: Sequence[int]) -> Saying:
    """A text around the brand's first mention, each mention blanked."""
    start = max(0, spans[0] - _CUT // 2) if spans else 0
    parts, at = [], start
    for begin, end in zip(spans[::2], spans[1::2], strict=True):
        parts.append(text[at:begin])
        at = max(at, end)
    parts.append(text[at:])
    return Saying(" ".join(parts)[:_CUT], lang)


def _mapping(keys_and_values: Any) -> dict[str, int]:
    keys, values = keys_and_values
    return {str(key): int(value) for key, value in zip(keys, values, strict=True)}
