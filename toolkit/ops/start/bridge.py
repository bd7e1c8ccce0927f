"""Where containers of this machine reach what listens on it.

On Linux a container sees the host at the bridge's own address, where something that listens on 127.0.0.1 only does not
answer (https://docs.docker.com/reference/cli/docker/container/run/#add-host).  Docker Desktop forwards to the loopback.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from toolkit.clouds.docker import address, client_of
from toolkit.clouds.docker_errors import translated
from toolkit.core.environment import Environment

BRIDGE = "bridge"  # the network whose gateway Docker calls `host-gateway`


def of(environment: Environment) -> str | None:
    """The bridge's address; None where no container runs here, or none is needed.  Raises what Docker refuses."""
    where = address(environment.docker_host) if environment.docker else None
    if where is None or not where.startswith("unix://") or sys.platform != "linux":
        return None
    with closing(client_of(where)) as client, translated("asking for Docker's bridge"):
        return gateway_of(client.networks(names=[BRIDGE]))


def gateway_of(networks: Sequence[Mapping[str, Any]]) -> str | None:
    """Of the bridge among these networks, of which there may be none; Docker's filter takes parts of names."""
    bridges = (network for network in networks if network["Name"] == BRIDGE)
    settings = ((bridge.get("IPAM") or {}).get("Config") or () for bridge in bridges)
    return next((one["Gateway"] for each in settings for one in each if "Gateway" in one), None)
