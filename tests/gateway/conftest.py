"""The gateway's fixtures; tests/ops reads logs through the same ones."""

from tests.gateway.place import client, place, served, server
from tests.gateway.shop import shop

__all__ = ["client", "place", "served", "server", "shop"]
