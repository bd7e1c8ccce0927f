"""The embedded Firestore's queries: what they find, and which of them need an index that somebody declared."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument, MethodNotImplemented

from moto_tests.gcp.firestore_world import World, number, text, world
from toolkit.clouds.gcp import GcpClients

Where = Sequence[tuple[str, str, Any]]


@pytest.fixture
def things(gcp_clients: GcpClients) -> World:
    """Four documents in a collection, and one elsewhere."""
    made = world(gcp_clients)
    made.put("a/1", n=number(1), s=text("x"))
    made.put("a/2", n=number(2), s=text("y"))
    made.put("a/3", n=number(2), s=text("x"))
    made.put("a/4", n=text("2"))
    made.put("b/1", n=number(1))
    return made


@pytest.mark.parametrize(
    ("where", "order", "ids"),
    [
        ((), "", ["1", "2", "3", "4"]),
        ((), "n", ["1", "2", "3", "4"]),
        ((), "-n", ["4", "3", "2", "1"]),
        ((), "s", ["1", "3", "2"]),
        ([("n", "EQUAL", number(2))], "", ["2", "3"]),
        ([("n", "GREATER_THAN", number(1))], "", ["2", "3"]),
        ([("n", "GREATER_THAN_OR_EQUAL", number(1)), ("n", "LESS_THAN", number(2))], "", ["1"]),
        ([("n", "LESS_THAN_OR_EQUAL", number(2))], "-n", ["3", "2", "1"]),
        ([("n", "EQUAL", number(2)), ("s", "EQUAL", text("x"))], "", ["3"]),
        ([("s", "IN", {"array_value": {"values": [text("y"), text("z")]}})], "", ["2"]),
    ],
)
def test_a_query_finds_what_it_asks_for(
    things: World, where: Where, order: str, ids: list[str]
) -> None:
    """In order, ties by name in the same direction; a document without an ordered field is not found, and a range is
    of one type (https://firebase.google.com/docs/firestore/query-data/order-limit-data)."""
    assert things.found("a", where, order) == ids


def test_a_query_by_name_is_a_range_too(things: World) -> None:
    """`__name__` is compared with references."""
    low, high = ({"reference_value": things.name(f"a/{n}")} for n in (2, 4))
    where = [("__name__", "GREATER_THAN_OR_EQUAL", low), ("__name__", "LESS_THAN", high)]
    assert things.found("a", where) == ["2", "3"]


def test_a_limit_and_an_offset_cut(things: World) -> None:
    """Of what is ordered."""
    assert things.found("a", (), "-n", limit=2) == ["4", "3"]
    assert things.found("a", (), "-n", limit=2, offset=1) == ["3", "2"]


COMPOSITE: list[tuple[Where, str]] = [
    ([("s", "EQUAL", text("x"))], "n"),
    ([("s", "EQUAL", text("x"))], "-n"),
    ([("s", "EQUAL", text("x")), ("n", "GREATER_THAN", number(0))], ""),
    ((), "s, n"),
    ([("s", "GREATER_THAN", text("a"))], "s, n"),
]


@pytest.mark.parametrize(("where", "order"), [*COMPOSITE, ((), "-__name__")])
def test_a_query_over_several_fields_needs_an_index(
    things: World, where: Where, order: str
) -> None:
    """FAILED_PRECONDITION with the console's address, where emulators succeed
    (https://firebase.google.com/docs/firestore/query-data/index-overview)."""
    with pytest.raises(FailedPrecondition, match=r"requires an index\. You can create it here"):
        things.found("a", where, order)


def declare(things: World, *fields: tuple[str, str]) -> Any:
    wanted = [{"field_path": path, "order": order} for path, order in fields]
    index = {"query_scope": "COLLECTION", "fields": wanted}
    parent = f"{things.path}/collectionGroups/a"
    return things.admin.create_index(request={"parent": parent, "index": index})


@pytest.mark.parametrize(("where", "order"), COMPOSITE)
def test_a_declared_index_serves_its_query(things: World, where: Where, order: str) -> None:
    """Equal fields first, in any direction; a whole index can be read backwards."""
    declare(things, ("s", "ASCENDING"), ("n", "ASCENDING")).result(timeout=5)
    assert things.found("a", where, order)


def test_an_index_of_other_directions_serves_not(things: World) -> None:
    """https://firebase.google.com/docs/firestore/query-data/index-overview#indexes_and_pricing."""
    declare(things, ("s", "ASCENDING"), ("n", "DESCENDING")).result(timeout=5)
    with pytest.raises(FailedPrecondition):
        things.found("a", (), "s, n")


def test_an_index_is_built_first(things: World, manners: Callable[..., None]) -> None:
    """Its operation ends when it can be used."""
    manners(operation_seconds=30)
    declare(things, ("s", "ASCENDING"), ("n", "ASCENDING"))
    with pytest.raises(FailedPrecondition, match="currently building"):
        things.found("a", *COMPOSITE[0])


def test_an_index_of_one_field_is_not_necessary(things: World) -> None:
    """Firestore has those by itself (projects.databases.collectionGroups.indexes/create)."""
    with pytest.raises(InvalidArgument, match="not necessary"):
        declare(things, ("s", "ASCENDING"))


@pytest.mark.parametrize(
    "more", [{"select": {"fields": []}}, {"start_at": {"values": [number(1)]}}]
)
def test_what_this_cloud_does_not_know_it_refuses(things: World, more: dict[str, Any]) -> None:
    """By name, rather than answer something else."""
    with pytest.raises(MethodNotImplemented, match="does not know"):
        things.found("a", (), "n", **more)
