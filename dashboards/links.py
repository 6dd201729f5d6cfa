"""The ways from board to board: they keep the time range and what was chosen.

A value of a row goes into an address encoded, and it is a name or an id: never a post's text.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DynamicConfigValue

TAG = "undertone"
_CHOSEN = "${__url_time_range}&${source:queryparam}&${language:queryparam}"


def uid(board: str) -> str:
    """The name of a board in addresses."""
    return f"undertone-{board}"


def among_boards() -> DashboardLink:
    """At the top of each board: the others."""
    return (
        DashboardLink("Undertone")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )


def to_brand(brand: str) -> DynamicConfigValue:
    """To the board of a brand, as a whole. `brand` is where its name stands, as `field` tells."""
    return _links(("See the brand", f"/d/{uid('brand')}?{_CHOSEN}&var-brand={brand}"))


def to_topic(topic: str) -> DynamicConfigValue:
    """To the same brand, narrowed to a topic. `topic` is where its name stands."""
    url = f"/d/{uid('brand')}?{_CHOSEN}&${{brand:queryparam}}&var-topic={topic}"
    return _links(("See the topic", url))


def to_incident() -> DynamicConfigValue:
    """To the board of an incident, over the time around it, and to the live board's page of it."""
    return _links(
        (
            "See its evidence",
            f"/d/{uid('incident')}?from={field('from')}&to={field('to')}"
            f"&var-incident={field('alert_id')}",
        ),
        _ACKNOWLEDGE,
    )


def to_incident_page() -> DynamicConfigValue:
    """To the live board's page of an incident, where it can be acknowledged."""
    return _links(_ACKNOWLEDGE)


def to_post() -> DynamicConfigValue:
    """To the live board's page of a post."""
    return _links(
        ("See the post", f"${{board:raw}}/#/post/{field('source')}/{field('post_id')}"),
    )


def field(name: str) -> str:
    """Where a row's value stands in an address."""
    return f"${{__data.fields.{name}:percentencode}}"


def label(name: str) -> str:
    """Where the name of a series stands in an address."""
    return f"${{__field.labels.{name}:percentencode}}"


def _links(*links: tuple[str, str]) -> DynamicConfigValue:
    return DynamicConfigValue("links", [{"title": title, "url": url} for title, url in links])


_ACKNOWLEDGE = (
    "Acknowledge it on the live board",
    f"${{board:raw}}/#/incident/{field('alert_id')}",
)
