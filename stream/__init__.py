"""Undertone: the service, one file per step of a post's way."""

__version__ = "0.1.0"
