"""`me`: whether somebody is signed in, for the page that asks a stranger to."""

from __future__ import annotations

from stream.board.api.answers import Me
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint


def me(asked: Asked, _: Asks) -> Me:
    caller = asked.caller
    return {
        "name": caller.name or None if caller else None,
        "signed_in": caller is not None and caller.signed_in,
        "may_act": caller is not None,
        "needs_token": caller is None,
    }


ME = Endpoint("GET", "me", "Who asks, and whether they may act", Asks, Me, me)
