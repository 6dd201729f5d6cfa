"""The live board: one small page that shows moods, posts and alerts as they come."""

from stream.board.app import create_app
from stream.board.context import BoardContext, counted_dead_letters
from stream.board.server import BoardServer

__all__ = ["BoardContext", "BoardServer", "counted_dead_letters", "create_app"]
