"""What a container is asked for: the Engine API's own request bodies (https://docs.docker.com/reference/api/engine/).  Pure.

Whoever may look at a daemon sees all of this with `docker inspect`: no secret and no prompt is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from toolkit.core.agent import Agent
from toolkit.core.units import GIB, MIB

UID = 1000
MEMORY = 4 * GIB  # of an agent that asks for none
PIDS = 512  # processes and threads: an agent with a browser has about two hundred
CREDENTIALS, WORKSPACE = "/credentials", "/workspace"
HOST = "host.docker.internal"  # by what name a container knows the machine that it runs on
LEAST = 6 * MIB  # Docker takes no smaller limit of memory
_LOG = {"max-size": "100m", "max-file": "5"}  # what one run may print before its first lines go
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What `define` gives and a run names: the image, and how much of the machine a container of it has.

    `memory` in bytes; `cpus` None is all.
    """

    image: str
    memory: int = MEMORY
    cpus: float | None = None
    pids: int = PIDS

    @classmethod
    def of(cls, agent: Agent, image: str) -> "Room":
        return cls(image=image, memory=max(agent.memory or MEMORY, LEAST), cpus=agent.cpus)

    @classmethod
    def parse(cls, text: str) -> "Room":
        """What `str` made."""
        image, _, rest = text.partition("?")
        has = dict(parse_qsl(rest))
        cpus = float(has["cpus"]) if "cpus" in has else None
        return cls(image=image, memory=int(has["memory"]), cpus=cpus, pids=int(has["pids"]))

    def __str__(self) -> str:
        cpus = {"cpus": f"{self.cpus:g}"} if self.cpus else {}
        return f"{self.image}?{urlencode({**cpus, 'memory': self.memory, 'pids': self.pids})}"


def body(
    room: Room, *, environment: Mapping[str, str], labels: Mapping[str, str], network: str
) -> dict[str, Any]:
    """ContainerCreate.  stdin is open for the one who attaches first, and closed when they go."""
    return {
        "Image": room.image,
        "User": f"{UID}:{UID}",
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": dict(labels),
        "AttachStdin": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "Tty": False,
        "StopSignal": "SIGTERM",
        "HostConfig": _host(room, network),
    }


def network(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """What NetworkCreate takes: the containers in it reach out, and not each other."""
    apart = {"com.docker.network.bridge.enable_icc": "false"}
    return {"name": name, "driver": "bridge", "options": apart, "labels": dict(labels)}


def mounts(memory: int) -> dict[str, str]:
    """What can be written.  It is memory, and together it is less than the container has: a run that fills it hears of
    a full disk, and is not killed for it."""
    owned = f"rw,nosuid,nodev,uid={UID},gid={UID}"
    return {
        "/tmp": f"{owned},exec,mode=1777,size={memory // 2}",  # noqa: S108 - the container's own
        WORKSPACE: f"{owned},exec,mode=0700,size={memory // 4}",
        CREDENTIALS: f"{owned},noexec,mode=0700,size={min(16 * MIB, memory // 16)}",
    }


def _host(room: Room, network: str) -> dict[str, Any]:
    return {
        "NetworkMode": network,
        "ExtraHosts": _names("gateway", HOST),
        "ReadonlyRootfs": True,
        "Tmpfs": mounts(room.memory),
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Privileged": False,
        "IpcMode": "private",
        "ShmSize": min(64 * MIB, room.memory // 8),
        "PidsLimit": room.pids,
        "Memory": room.memory,
        "MemorySwap": room.memory,  # equal: no swap beside it
        **({"NanoCpus": int(room.cpus * _NANO)} if room.cpus else {}),
        "RestartPolicy": {"Name": "no"},
        "LogConfig": {"Type": "json-file", "Config": dict(_LOG)},
    }


def _names(*names: str) -> Sequence[str]:
    return [f"{name}:host-gateway" for name in names]
