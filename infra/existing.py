"""Looks in an account for what stands under the names of items.  Reads only; who may have it is decided in adoption.py.

It sees with the inventory's eyes (infra/inventory): what one service holds under our names, with its tags, is asked
for in one place only.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from toolkit.clouds.aws import Clients, translated
from toolkit.core.errors import NotFound
from toolkit.core.plan import Item

from .adoption import PERMISSION, URL, Found, Key, whole
from .inventory.account import Account, Noun
from .inventory.clusters import Clusters
from .inventory.event_rules import EventRules
from .inventory.functions import Functions
from .inventory.log_groups import LogGroups
from .inventory.repositories import Repositories
from .inventory.roles import Roles
from .inventory.secrets import Secrets
from .inventory.security_groups import SecurityGroups

# Functions are not listed: those of agents are none of the program's, and only the gateway's is asked for.
LISTED: Mapping[str, Callable[[Account], Noun]] = {
    noun.kind: noun
    for noun in (Clusters, EventRules, LogGroups, Repositories, Roles, Secrets, SecurityGroups)
}


def find(account: Account, items: Iterable[Item]) -> tuple[Found, ...]:
    """What is there of these items.  Raises AccessDenied and the like, in AWS's words."""
    kinds: dict[str, dict[str, Item]] = {}
    for item in items:
        kinds.setdefault(item.kind, {})[item.name] = item

    def look(kind: str) -> tuple[Found, ...]:
        if kind == Functions.kind:
            return tuple(_functions(account, kinds[kind].values()))
        return tuple(_listed(LISTED[kind](account), kinds[kind]))

    if not kinds:
        return ()
    with ThreadPoolExecutor(len(kinds)) as pool:
        return tuple(found for several in pool.map(look, kinds) for found in several)


def restore(clients: Clients, arn: str) -> None:
    """Keep a secret that waits for its deletion: until then CreateSecret is refused for its name
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html)."""
    with translated(f"restoring the secret {arn}"):
        clients.client("secretsmanager").restore_secret(SecretId=arn)


def _listed(noun: Noun, wanted: Mapping[str, Item]) -> Iterator[Found]:
    """What Pulumi imports by an id has it in the attribute `id`; everything else goes by its name."""
    for live in noun.observe():
        item = wanted.get(live.name)
        if item is not None and _in_place(item, live):
            ref = live.attributes.get("id", live.name)
            waits = ref if live.attributes.get("waiting") else None
            yield Found(item=item, tags=live.tags, imports={whole(item): ref}, restore=waits)


def _in_place(item: Item, live: Item) -> bool:
    """A security group's name is taken only within its VPC."""
    vpc = item.attributes.get("vpc")
    return vpc is None or vpc == live.attributes["vpc"]


def _functions(account: Account, wanted: Iterable[Item]) -> Iterator[Found]:
    functions = Functions(account)
    for item in wanted:
        tags = account.patiently(partial(functions.tags, item.name))
        if tags is not None:
            parts = account.patiently(partial(_parts, account.clients, item))
            yield Found(item=item, tags=tags, imports={whole(item): item.name} | parts)


def _parts(clients: Clients, item: Item) -> dict[Key, str]:
    return _url(clients, item.name) | _permissions(clients, item)


def _url(clients: Clients, name: str) -> dict[Key, str]:
    there = _or_none(clients.client("lambda").get_function_url_config, FunctionName=name)
    return {(URL, name): name} if there else {}


def _permissions(clients: Clients, item: Item) -> dict[Key, str]:
    answer = _or_none(clients.client("lambda").get_policy, FunctionName=item.name)
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    there = {statement["Sid"] for statement in statements}
    wanted = {permission["id"] for permission in item.attributes.get("permissions", ())}
    return {
        (PERMISSION, f"{item.name}-{sid}"): f"{item.name}/{sid}" for sid in sorted(wanted & there)
    }


def _or_none(call: Callable[..., Any], **arguments: Any) -> Any | None:
    try:
        with translated("looking at the gateway"):
            return call(**arguments)
    except NotFound:
        return None
