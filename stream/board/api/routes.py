"""All endpoints, and the routes made of them."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from stream.board.api.backtests import BACKTEST
from stream.board.api.brands import BRANDS
from stream.board.api.clients import Clients
from stream.board.api.deliveries import DELIVERIES
from stream.board.api.endpoints import Endpoint
from stream.board.api.health import HEALTH
from stream.board.api.incidents import INCIDENTS
from stream.board.api.me import ME
from stream.board.api.openapi import openapi_route
from stream.board.api.post_list import POSTS
from stream.board.api.post_story import POST
from stream.board.api.replays import REPLAY
from stream.board.api.rules import RULES
from stream.board.api.sayings import TELLING, TERMS
from stream.board.api.scores import SCORES
from stream.board.api.shares import BREAKDOWN, TOPICS
from stream.board.api.silences import SILENCES
from stream.board.context import BoardContext

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    ME,
    BRANDS,
    SCORES,
    TOPICS,
    BREAKDOWN,
    TERMS,
    TELLING,
    POSTS,
    POST,
    *INCIDENTS,
    REPLAY,
    *SILENCES,
    *DELIVERIES,
    *RULES,
    BACKTEST,
    *HEALTH,
)


def api_routes(context: BoardContext, clients: Clients) -> list[Route]:
    """The routes of `/api/v1`, each with the verb it answers."""
    return [openapi_route(ENDPOINTS), *(one.route(context, clients) for one in ENDPOINTS)]
