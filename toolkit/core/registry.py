"""Plug-ins, found by file name: a plug-in is one file that exports PLUGIN, and its name is the file's name.

Listing names imports nothing.  Only `find` imports a plug-in, and only `wiring`, `ops/doctor` and
`gateway/routes/webhooks` call it (tests/test_imports.py holds that).
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from .errors import UnknownPlugin

HOMES = {
    "runtime": "runtimes",
    "credential": "toolkit.credentials.types",
    "store": "toolkit.credentials.stores",
    "ledger": "toolkit.scheduler.ledgers",
    "builder": "toolkit.images.builders",
    "platform": "toolkit.inside.platforms",
    "webhook": "gateway.webhooks",
}


def names(kind: str) -> tuple[str, ...]:
    """The plug-ins of this kind, sorted, without importing one."""
    spec = find_spec(HOMES[kind])
    places = spec.submodule_search_locations if spec else None
    return tuple(sorted(m.name for m in iter_modules(places) if not m.name.startswith("_")))


def find(kind: str, name: str) -> Any:
    """The PLUGIN of that file.  Raises UnknownPlugin with the nearest match."""
    if name not in (known := names(kind)):
        raise UnknownPlugin(kind, name, known)
    return import_module(f"{HOMES[kind]}.{name}").PLUGIN
