"""The embedded Firestore's documents: names, sizes, preconditions, masks and transforms, as Google's pages have them."""

from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)

from moto_tests.gcp.firestore_world import World, number, text, world
from toolkit.clouds.gcp import GcpClients


@pytest.fixture
def things(gcp_clients: GcpClients) -> World:
    return world(gcp_clients)


def test_a_document_comes_back_as_it_was_written(things: World) -> None:
    """Every kind of value."""
    inner = {"map_value": {"fields": {"deep": {"array_value": {"values": [number(1)]}}}}}
    fields = {"a": text("ä"), "b": {"null_value": 0}, "c": {"boolean_value": True}, "d": inner}
    written = things.put("a/b", **fields, e={"double_value": 1.5}, f={"bytes_value": b"x"})
    assert things.get("a/b") == written
    assert written.create_time == written.update_time


@pytest.mark.parametrize(
    "id_", [".", "..", "__x__", "x" * 1_501], ids=["dot", "dots", "reserved", "long"]
)
def test_some_ids_are_not_to_be_had(things: World, id_: str) -> None:
    """At most 1,500 bytes, not `.` or `..`, not `__.*__` (https://firebase.google.com/docs/firestore/quotas)."""
    with pytest.raises(InvalidArgument):
        things.put(f"a/{id_}", x=number(1))
    with pytest.raises(InvalidArgument):
        things.put(f"{id_}/a", x=number(1))


@pytest.mark.parametrize("path", ["a", "a/b/c", "a//b/c", "/".join(["a/" + "x" * 1_400] * 5)])
def test_a_document_has_a_name_of_pairs(things: World, path: str) -> None:
    """Collection and id in turns, none empty, in at most 6 KiB (https://firebase.google.com/docs/firestore/quotas)."""
    with pytest.raises(InvalidArgument):
        things.put(path, x=number(1))


def test_collections_are_at_most_a_hundred_deep(things: World) -> None:
    """https://firebase.google.com/docs/firestore/quotas."""
    assert things.put("/".join(["a/b"] * 100), x=number(1))
    with pytest.raises(InvalidArgument):
        things.put("/".join(["a/b"] * 101), x=number(1))


def test_a_document_holds_one_mebibyte(things: World) -> None:
    """1,048,576 bytes, its name and 32 bytes included
    (https://firebase.google.com/docs/firestore/quotas, https://firebase.google.com/docs/firestore/storage-size)."""
    name, field, overhead = (1 + 1) + (1 + 1) + 16, 2 + 1, 32
    fits = 1_048_576 - 2 * field - name - overhead
    assert things.put("a/b", x=text("x" * 500_000), y=text("y" * (fits - 500_000)))
    with pytest.raises(InvalidArgument, match="1,048,577 bytes"):
        things.put("a/b", x=text("x" * 500_000), y=text("y" * (fits - 499_999)))


def test_one_value_is_a_little_smaller(things: World) -> None:
    """1,048,487 bytes (https://firebase.google.com/docs/firestore/quotas)."""
    with pytest.raises(InvalidArgument, match="longer than 1048487 bytes"):
        things.put("a/b", x=text("x" * 1_048_487))


def test_maps_are_at_most_twenty_deep(things: World) -> None:
    """https://firebase.google.com/docs/firestore/quotas."""
    assert things.put("a/b", x=nested(20))
    with pytest.raises(InvalidArgument, match="20 nested"):
        things.put("a/b", x=nested(21))


def nested(depth: int) -> dict[str, Any]:
    value = number(1)
    for _ in range(depth):
        value = {"map_value": {"fields": {"m": value}}}
    return value


def test_a_request_holds_ten_mebibytes(things: World) -> None:
    """https://firebase.google.com/docs/firestore/quotas; nothing of a larger one is done."""
    writes = [{"update": things.document(f"a/{n}", x=text("x" * 1_000_000))} for n in range(11)]
    with pytest.raises(InvalidArgument, match="payload size"):
        things.commit(*writes)
    assert len(things.commit(*writes[:10]).write_results) == 10


def test_creating_what_is_there_is_refused(things: World) -> None:
    """ALREADY_EXISTS, and the first stays
    (https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents/createDocument)."""
    request = {"parent": things.root, "collection_id": "a", "document_id": "b"}
    things.client.create_document(request=request | {"document": {"fields": {"x": number(1)}}})
    with pytest.raises(AlreadyExists):
        things.client.create_document(request=request | {"document": {"fields": {"x": number(2)}}})
    assert things.get("a/b").fields["x"].integer_value == 1


def test_an_update_of_what_must_exist_makes_nothing(things: World) -> None:
    """https://firebase.google.com/docs/firestore/reference/rest/v1/Precondition."""
    wanted = {"document": things.document("a/b"), "current_document": {"exists": True}}
    with pytest.raises(NotFound, match="No document to update"):
        things.client.update_document(request=wanted)
    with pytest.raises(NotFound):
        things.get("a/b")


def test_a_write_upon_an_old_version_is_refused(things: World) -> None:
    """Compare and set by the time of the last change (Precondition.update_time)."""
    first = things.put("a/b", x=number(1))
    condition = {"current_document": {"update_time": first.update_time}}
    write = {"update": things.document("a/b", x=number(2)), **condition}
    things.commit(write)
    with pytest.raises(FailedPrecondition):
        things.commit(write)
    with pytest.raises(FailedPrecondition):
        things.client.delete_document(request={"name": things.name("a/b"), **condition})


def test_a_write_that_changes_nothing_leaves_the_version(things: World) -> None:
    """https://firebase.google.com/docs/firestore/reference/rest/v1/WriteResult."""
    first = things.put("a/b", x=number(1))
    assert things.put("a/b", x=number(1)).update_time == first.update_time
    assert things.put("a/b", x=number(2)).update_time > first.update_time


def test_a_mask_changes_what_it_names(things: World) -> None:
    """A path that the request has no value for is taken away
    (https://firebase.google.com/docs/firestore/reference/rest/v1/Write)."""
    inner = {"map_value": {"fields": {"x": number(1), "y-z": number(2)}}}
    things.put("a/b", keep=text("kept"), go=text("gone"), inner=inner)
    new = {"map_value": {"fields": {"y-z": number(3)}}}
    things.client.update_document(
        request={
            "document": things.document("a/b", inner=new),
            "update_mask": {"field_paths": ["go", "inner.`y-z`"]},
        }
    )
    fields = things.get("a/b").fields
    assert set(fields) == {"keep", "inner"}
    assert fields["inner"].map_value.fields["x"].integer_value == 1
    assert fields["inner"].map_value.fields["y-z"].integer_value == 3


def test_a_malformed_path_is_refused(things: World) -> None:
    """A hyphen needs quotes (https://firebase.google.com/docs/firestore/reference/rest/v1/DocumentMask)."""
    with pytest.raises(InvalidArgument, match="property path"):
        things.client.update_document(
            request={"document": things.document("a/b"), "update_mask": {"field_paths": ["y-z"]}}
        )


def test_the_server_counts_and_knows_the_time(things: World) -> None:
    """https://firebase.google.com/docs/firestore/reference/rest/v1/Write#FieldTransform."""
    transforms = [
        {"field_path": "n", "increment": number(2)},
        {"field_path": "at", "set_to_server_value": "REQUEST_TIME"},
        {"field_path": "most", "maximum": number(7)},
    ]
    write = {"update": things.document("a/b", n=number(40)), "update_transforms": transforms}
    answer = things.commit(write)
    fields = things.get("a/b").fields
    assert (fields["n"].integer_value, fields["most"].integer_value) == (42, 7)
    assert fields["at"].timestamp_value == answer.commit_time
    assert answer.write_results[0].transform_results[0].integer_value == 42


def test_a_commit_is_all_or_nothing(things: World) -> None:
    """https://firebase.google.com/docs/firestore/manage-data/transactions."""
    must = {"update": things.document("a/c"), "current_document": {"exists": True}}
    with pytest.raises(NotFound):
        things.commit({"update": things.document("a/b")}, must)
    with pytest.raises(NotFound):
        things.get("a/b")


def test_a_batch_is_each_for_itself(things: World) -> None:
    """https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents/batchWrite."""
    must = {"update": things.document("a/c"), "current_document": {"exists": True}}
    request = {"database": things.path, "writes": [{"update": things.document("a/b")}, must]}
    answer = things.client.batch_write(request=request)
    assert [status.code for status in answer.status] == [0, 5]
    assert things.get("a/b")


def test_deleting_what_is_not_there_is_fine(things: World) -> None:
    """What is in it stays: a document may be gone while its collections are not
    (https://firebase.google.com/docs/firestore/manage-data/delete-data)."""
    things.put("a/b/c/d", x=number(1))
    things.client.delete_document(name=things.name("a/b"))
    assert things.get("a/b/c/d")


def test_documents_are_listed_page_by_page(things: World) -> None:
    """By name, those of one collection only."""
    for path in ("a/1", "a/2", "a/3", "a/2/inner/1", "other/1"):
        things.put(path, x=number(1))
    request = {"parent": things.root, "collection_id": "a", "page_size": 2}
    pages = things.client.list_documents(request=request).pages
    names = [[d.name.rpartition("/")[2] for d in page.documents] for page in pages]
    assert names == [["1", "2"], ["3"]]
    found = things.client.list_collection_ids(request={"parent": things.root})
    assert list(found) == ["a", "other"]


def test_a_database_that_is_not_there_is_said_to_be_missing(things: World) -> None:
    """https://firebase.google.com/docs/firestore/understand-error-codes."""
    name = things.name("a/b").replace("/things/", "/other/")
    with pytest.raises(NotFound, match="database other does not exist"):
        things.client.get_document(request={"name": name})


def test_another_project_is_not_ours(things: World) -> None:
    """Nothing of it is told."""
    with pytest.raises(PermissionDenied):
        things.client.get_document(
            request={"name": "projects/stranger/databases/things/documents/a/b"}
        )


def test_a_commit_stays_in_its_database(things: World) -> None:
    """https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents/commit."""
    name = things.name("a/b").replace("/things/", "/other/")
    with pytest.raises(InvalidArgument):
        things.commit({"update": {"name": name}})
