"""`/api/v1`: what the board knows, for its own page and for other programs (docs/board.md)."""

from stream.board.api.clients import Clients
from stream.board.api.routes import ENDPOINTS, api_routes

__all__ = ["ENDPOINTS", "Clients", "api_routes"]
