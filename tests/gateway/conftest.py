"""The gateway's fixtures; tests/ops reads logs through the same ones."""

from tests.gateway.place import client, place, served, server

__all__ = ["client", "place", "served", "server"]
