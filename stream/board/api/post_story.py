"""`posts/{source}/{post_id}`: one post, whole, and its way as the tables tell it.

Of a post that was deleted or erased only that is told: not what it said, nor about whom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stream import generations
from stream.board.api.answers import PostAnswer, PostIncident, Step
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.present import CLOSED_STATES, iso, label_of, post_row
from stream.board.queries import POST_COLUMNS
from stream.database import Client
from stream.errors import NotFound

_FIRST = """
SELECT tupleElement(min(first), 2) FROM post_keys
WHERE source = {source:String} AND post_id = {post_id:String}
GROUP BY source, post_id
SETTINGS max_execution_time = 10"""

# The newest version, whether it is a tombstone or not.
_NEWEST = f"""
SELECT {POST_COLUMNS}, `mentions.estimated` AS estimated, generation, kafka_partition, kafka_offset,
    kafka_time, is_deleted
FROM posts
WHERE toStartOfMinute(created_at) = {{minute:DateTime('UTC')}}
    AND source = {{source:String}} AND post_id = {{post_id:String}}
ORDER BY version DESC, ingested_at DESC LIMIT 1
SETTINGS max_execution_time = 10"""

_WINDOWS = """
SELECT brand, topic, mentions, negative, computed_at FROM window_scores FINAL
WHERE window_start = {minute:DateTime('UTC')} AND brand IN {brands:Array(String)}
    AND source = {source:String} AND lang = {lang:String}
ORDER BY brand, topic
SETTINGS max_execution_time = 10"""

# From the first minute that it was made from to its end, if it has one.
_INCIDENTS = """
SELECT alert_id, argMax((rule, brand, topic, state, severity), (step, changed_at)) AS last,
    min(opened_at) AS opened
FROM alerts FINAL
WHERE brand IN {brands:Array(String)} AND kind = 'mood'
GROUP BY alert_id
HAVING min(parseDateTime64BestEffortOrNull(JSONExtractString(evidence, 'since'), 3, 'UTC'))
        <= {minute:DateTime('UTC')}
    AND (tupleElement(last, 4) NOT IN {closed:Array(String)}
        OR maxIf(changed_at, transition = 'resolved') > {minute:DateTime('UTC')})
ORDER BY opened, alert_id
SETTINGS max_execution_time = 10"""

Record = Mapping[str, Any]


def post_story(asked: Asked, _: Asks) -> PostAnswer:
    client = asked.client
    values: dict[str, Any] = {name: asked.places[name] for name in ("source", "post_id")}
    first = client.query(_FIRST, parameters=values).result_rows
    if first:
        values["minute"] = first[0][0].replace(second=0, microsecond=0)
    found = list(client.query(_NEWEST, parameters=values).named_results()) if first else []
    if not found:
        raise NotFound("posts: no such post; its source and id are those of the message")
    record = found[0]
    received = _received(record, asked.context.topic)
    if record["is_deleted"]:
        gone = _step("deleted", record["ingested_at"], {})
        return {"post": None, "deleted": True, "steps": [received, gone], "incidents": []}
    values |= {"brands": list(record["brand"]), "lang": record["lang"]}
    values["closed"] = sorted(CLOSED_STATES)
    windows = client.query(_WINDOWS, parameters=values).result_rows
    incidents = client.query(_INCIDENTS, parameters=values).result_rows
    return {
        "post": post_row(record, whole=True),
        "deleted": False,
        "steps": [
            received,
            _step("language", None, {"language": record["lang"]}),
            _matched(record),
            *([_scored(record, client, asked.context.model_name)] if record["brand"] else []),
            _step("stored", record["ingested_at"], {}),
            *_counted(record, windows, values["minute"]),
        ],
        "incidents": _incidents(record, incidents),
    }


def _received(record: Record, topic: str) -> Step:
    return _step(
        "received",
        record["kafka_time"],
        {
            "topic": topic,
            "partition": record["kafka_partition"],
            "offset": record["kafka_offset"],
        },
    )


def _matched(record: Record) -> Step:
    """The brands, each with the words that name it. They are the post's own words."""
    brands = [
        {
            "brand": brand,
            "topics": list(topics),
            "words": [record["text"][start:end] for start, end in _pairs(spans)],
            "places": _pairs(spans),
        }
        for brand, topics, spans in zip(
            record["brand"], record["topics"], record["spans"], strict=True
        )
    ]
    return _step("matched", None, {"brands": brands})


def _scored(record: Record, client: Client, model: str) -> Step:
    """`estimated`: the post names so many brands that this one got no pass of its own."""
    generation = record["generation"]
    analysis = generations.analysis_of(client, generation)
    columns = ("brand", "negative", "neutral", "positive", "score", "estimated")
    mentions = [
        {
            "brand": brand,
            "label": label_of(negative, neutral, positive),
            "negative": negative / 10_000,
            "neutral": neutral / 10_000,
            "positive": positive / 10_000,
            "score": score / 10_000,
            "estimated": bool(estimated),
        }
        for brand, negative, neutral, positive, score, estimated in zip(
            *(record[column] for column in columns), strict=True
        )
    ]
    current = generations.active(client)
    facts = {
        "mentions": mentions,
        "generation": generation,
        # The name is known of the model that runs now only.
        "model": model if current and current[0] == generation else "",
        "model_hash": analysis.model_hash if analysis else "",
        "catalogue_hash": analysis.catalogue_hash if analysis else "",
    }
    return _step("scored", None, facts)


def _counted(record: Record, windows: Sequence[Sequence[Any]], minute: Any) -> list[Step]:
    """The windows that it is in, with everything else that they count."""
    mine = {
        (brand, topic)
        for brand, topics in zip(record["brand"], record["topics"], strict=True)
        for topic in ("", *topics)
    }
    found = [row for row in windows if (row[0], row[1]) in mine]
    if not found:
        return []
    counts = [
        {"brand": brand, "topic": topic, "mentions": mentions, "negative": negative}
        for brand, topic, mentions, negative, _ in found
    ]
    return [
        _step("counted", max(row[-1] for row in found), {"minute": iso(minute), "windows": counts})
    ]


def _incidents(record: Record, rows: Sequence[Sequence[Any]]) -> list[PostIncident]:
    topics = dict(zip(record["brand"], record["topics"], strict=True))
    return [
        {
            "id": alert_id,
            "rule": rule,
            "brand": brand,
            "topic": topic,
            "state": state,
            "severity": severity,
            "opened_at": iso(opened),
        }
        for alert_id, (rule, brand, topic, state, severity), opened in rows
        if topic == "" or topic in topics[brand]
    ]


def _step(
    name: Literal["received", "language", "matched", "scored", "stored", "counted", "deleted"],
    at: Any,
    facts: dict[str, Any],
) -> Step:
    return {"step": name, "at": iso(at) if at else None, "facts": facts}


def _pairs(flat: Sequence[int]) -> list[list[int]]:
    return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]


POST = Endpoint(
    "GET",
    "posts/{source}/{post_id:path}",
    "One post, whole, and every step it took",
    Asks,
    PostAnswer,
    post_story,
)
