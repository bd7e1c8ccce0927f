"""A gateway to read logs through."""

from tests.gateway.place import place, served, server

__all__ = ["place", "served", "server"]
