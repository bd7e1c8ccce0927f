"""Verbs that talk to a gateway use the same one as tests/gateway."""

from tests.gateway.place import client, place, served, server
from tests.gateway.shop import shop

__all__ = ["client", "place", "served", "server", "shop"]
