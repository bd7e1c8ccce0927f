"""What a teardown removes on this machine: the checkout's word that it was pushed, and the copy of the gateway's key."""

import json
from collections.abc import Iterator

from toolkit.core.plan import Item
from toolkit.ops import credentials
from toolkit.ops.push import PUSHED_AS, pushed_as
from toolkit.wiring import Services

FILE_ENTRY, CREDENTIAL = "file_entry", "local_credential"


def found(services: Services) -> tuple[Item, ...]:
    """Only what is this environment's; credentials of the user's own are not looked at."""
    return tuple(_found(services))


def _found(services: Services) -> Iterator[Item]:
    environment, project = services.environment.name, services.context.project
    if environment in pushed_as(project):
        yield Item(kind=FILE_ENTRY, name=f"{project / PUSHED_AS}: {environment}")
    key = credentials.own_key_name(services.context.names)
    if services.local_store.exists(key):
        yield Item(kind=CREDENTIAL, name=key)


def remove(services: Services, item: Item) -> None:
    """Take one of them away; one that is gone is fine."""
    if item.kind == CREDENTIAL:
        services.local_store.delete(item.name)
        return
    path = services.context.project / PUSHED_AS
    known = pushed_as(services.context.project)
    known.pop(services.environment.name, None)
    if known:
        path.write_text(json.dumps(known), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
