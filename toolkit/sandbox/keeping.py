"""Keeping a sandbox's account over a stop: moto's objects and ours, in one file for the user alone.

moto keeps everything in memory.  What it holds of the services that `al` uses is written down at the end and put
back at the next start, references between services included.  The file holds secrets' values, as the sandbox did.
"""

import io
import os
import pickle
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import LambdaType
from typing import Any
from weakref import WeakValueDictionary

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

from .cloud import Cloud

SERVICES = (
    "iam",
    "sts",
    "ec2",
    "ecr",
    "ecs",
    "logs",
    "secretsmanager",
    "dynamodb",
    "lambda",
    "sqs",
    "events",
)
_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}


class _Writer(pickle.Pickler):
    """Backends are named, not copied: the next process has its own."""

    def __init__(self, out: io.BytesIO, names: dict[int, tuple[str, str]]) -> None:
        super().__init__(out, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = names

    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        if isinstance(obj, BaseBackend):
            return self._names.get(id(obj), ("", ""))
        if isinstance(obj, (BackendDict, AccountSpecificBackend)):
            return ("", "")
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, WeakValueDictionary):
            return WeakValueDictionary, (dict(obj),)
        if isinstance(obj, defaultdict) and isinstance(obj.default_factory, LambdaType):
            return defaultdict, (type(obj.default_factory()),), None, None, iter(obj.items())
        made = _LOCKS.get(type(obj))
        return (made, ()) if made else NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, backends: dict[tuple[str, str], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._backends = backends

    def persistent_load(self, pid: Any) -> Any:
        return self._backends.get(tuple(pid))


def save(cloud: Cloud, ours: Any, place: Path) -> None:
    """Write down the account and `ours` (whatever else is to be kept), readable for the user alone."""
    with cloud.lock:
        backends = dict(_backends(cloud))
        names = {id(backend): name for name, backend in backends.items()}
        data = {name: dict(backend.__dict__) for name, backend in backends.items()}
        out = io.BytesIO()
        _Writer(out, names).dump((data, ours))
    part = place.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(out.getvalue())
    part.replace(place)


def restore(cloud: Cloud, place: Path) -> Any:
    """Put the account back as it was; what was `ours`."""
    with cloud.lock:
        backends = dict(_backends(cloud))
        data, ours = _Reader(place.read_bytes(), backends).load()
        for name, values in data.items():
            backends[name].__dict__.update(values)
    return ours


def _backends(cloud: Cloud) -> Iterator[tuple[tuple[str, str], Any]]:
    """The account's backends in the sandbox's region."""
    for service in SERVICES:
        with cloud.backend(service) as backend:
            yield (service, backend.region_name), backend
