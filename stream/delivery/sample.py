"""A notice that says of itself that nothing has happened, to try a receiver with."""

from __future__ import annotations

from datetime import datetime, timedelta

from stream.delivery.notice import Evidence, Notice, Post


def sample_notice(now: datetime, public_url: str = "") -> Notice:
    """One that looks like an alert, and counts as over, so that nobody is paged for good."""
    since = now - timedelta(minutes=25)
    post = Post(
        source="example",
        post_id="1",
        created_at=now - timedelta(minutes=3),
        author="Ann Example",
        url="https://example.com/posts/1",
        text="This is what the most telling posts of an alert look like. 帖子原文会显示在这里。",
    )
    return Notice(
        alert_id="0" * 32,
        step=1,
        transition="test",
        rule="test",
        brand="Undertone",
        topic="",
        state="resolved",
        severity="warning",
        opened_at=now,
        changed_at=now,
        observed=36,
        expected=0.5,
        group_key="test",
        url=public_url,
        evidence=Evidence(
            condition="test",
            since=since,
            until=now,
            minutes=25,
            negative=36,
            mentions=60,
            expected=0.5,
            posts_counted=36,
            texts=30,
            authors=28,
            sources={"example": 36},
            terms=["example", "示例"],
            posts=[post],
        ),
    )
