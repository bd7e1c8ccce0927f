"""The embedded Firestore's databases and expiry, as https://firebase.google.com/docs/firestore/manage-databases and
https://firebase.google.com/docs/firestore/ttl have them."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from google.cloud.firestore_admin_v1 import FirestoreAdminClient

from moto_tests.gcp.firestore_world import World, number, world
from toolkit.clouds.gcp import GcpClients
from toolkit.sandbox.gcp.cloud import Google

NATIVE = {"type_": "FIRESTORE_NATIVE", "location_id": "europe-west1"}


@pytest.fixture
def admin(gcp_clients: GcpClients) -> FirestoreAdminClient:
    return gcp_clients.client(FirestoreAdminClient)


@pytest.fixture
def create(admin: FirestoreAdminClient, gcp_clients: GcpClients) -> Callable[..., Any]:
    def made(id_: str, **settings: Any) -> Any:
        request = {"parent": gcp_clients.parent, "database_id": id_, "database": settings or NATIVE}
        return admin.create_database(request=request)

    return made


@pytest.mark.parametrize(
    "id_",
    ["abc", "a" * 64, "1abc", "Abcd", "ab_cd", "abcd-", "12345678-1234-1234-1234-123456789012"],
)
def test_some_ids_are_refused(create: Callable[..., Any], id_: str) -> None:
    """4 to 63 of lower-case letters, digits and hyphens
    (https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases/create)."""
    with pytest.raises(InvalidArgument):
        create(id_)


@pytest.mark.parametrize("settings", [{"type_": "FIRESTORE_NATIVE"}, {"location_id": "eur3"}])
def test_mode_and_location_are_chosen_at_the_beginning(
    create: Callable[..., Any], settings: dict[str, str]
) -> None:
    """Neither can be left out."""
    with pytest.raises(InvalidArgument, match="required"):
        create("abcd", **settings)


def test_a_database_is_there_when_its_operation_is_done(
    admin: FirestoreAdminClient, create: Callable[..., Any], manners: Callable[..., None]
) -> None:
    """Not before; and its name is taken at once."""
    manners(operation_seconds=30)
    operation = create("abcd")
    assert not operation.done()
    with pytest.raises(NotFound):
        admin.get_database(name="projects/al-sandbox/databases/abcd")
    with pytest.raises(AlreadyExists):
        create("abcd")


def test_a_database_comes_back_with_what_was_not_said(
    admin: FirestoreAdminClient, create: Callable[..., Any]
) -> None:
    """Standard edition, pessimistic transactions (Database.concurrency_mode)."""
    made = create("abcd").result(timeout=5)
    assert made == admin.get_database(name=made.name)
    assert (made.concurrency_mode.name, made.database_edition.name) == ("PESSIMISTIC", "STANDARD")
    listed = admin.list_databases(parent="projects/al-sandbox").databases
    assert [database.name for database in listed] == [made.name]


def test_a_datastore_database_is_none_of_firestores(gcp_clients: GcpClients) -> None:
    """FAILED_PRECONDITION (https://cloud.google.com/datastore/docs/firestore-or-datastore)."""
    things = world(gcp_clients, type_="DATASTORE_MODE")
    with pytest.raises(FailedPrecondition, match="Datastore Mode"):
        things.put("a/b", x=number(1))


def test_a_deleted_database_is_gone_with_all_that_was_in_it(
    gcp_clients: GcpClients, admin: FirestoreAdminClient, manners: Callable[..., None]
) -> None:
    """Its id is not free at once, and the new one is empty."""
    things = world(gcp_clients)
    things.put("a/b", x=number(1))
    manners(database_id_seconds=300)
    admin.delete_database(name=things.path).result(timeout=5)
    with pytest.raises(NotFound):
        things.get("a/b")
    with pytest.raises(Aborted, match="retry in"):
        world(gcp_clients)
    manners(clock_ahead=301)
    assert (
        list(world(gcp_clients).client.list_collection_ids(request={"parent": things.root})) == []
    )


def test_a_protected_database_is_not_deleted(gcp_clients: GcpClients) -> None:
    """Nor one whose etag is another (DeleteDatabaseRequest)."""
    things = world(gcp_clients, delete_protection_state="DELETE_PROTECTION_ENABLED")
    with pytest.raises(FailedPrecondition, match="protection"):
        things.admin.delete_database(name=things.path)
    with pytest.raises(FailedPrecondition, match="etag"):
        things.admin.delete_database(request={"name": things.path, "etag": "old"})


def test_what_is_in_a_database_is_kept_with_the_cloud(google: Google, things: World) -> None:
    """`al sandbox stop --keep` writes everything down."""
    written = things.put("a/b", x=number(1))
    transaction = things.begin()
    things.read(transaction, "a/b")
    kept = pickle.dumps(google.kept())
    google.reset()
    google.put_back(pickle.loads(kept))  # noqa: S301 - written a line above
    assert things.get("a/b") == written
    assert things.commit({"update": things.document("a/c")}, transaction=transaction)


# expiry


@pytest.fixture
def things(gcp_clients: GcpClients) -> World:
    made = world(gcp_clients)
    expire(made, "a", "until")
    return made


def expire(things: World, group: str, field: str) -> Any:
    name = f"{things.path}/collectionGroups/{group}/fields/{field}"
    wanted = {"field": {"name": name, "ttl_config": {}}, "update_mask": {"paths": ["ttl_config"]}}
    return things.admin.update_field(request=wanted).result(timeout=5)


def test_a_field_that_expires_says_so(things: World) -> None:
    """Others have no policy."""
    place = f"{things.path}/collectionGroups/a"
    field = things.admin.get_field(name=f"{place}/fields/until")
    assert field.ttl_config.state.name == "ACTIVE"
    assert "ttl_config" not in things.admin.get_field(name=f"{place}/fields/other")
    request = {"parent": place, "filter": "indexConfig.usesAncestorConfig:false OR ttlConfig:*"}
    assert [found.name for found in things.admin.list_fields(request=request)] == [field.name]


def test_a_collection_group_has_one_field_that_expires(things: World) -> None:
    """https://firebase.google.com/docs/firestore/ttl#limitations."""
    with pytest.raises(FailedPrecondition):
        expire(things, "a", "other")


def test_expired_documents_are_there_for_up_to_a_day(
    things: World, manners: Callable[..., None]
) -> None:
    """Typically within 24 hours; whoever reads them before must compare the time."""
    past = datetime.now(UTC) - timedelta(hours=1)
    things.put("a/b", until={"timestamp_value": past})
    assert things.found("a") == ["b"]
    manners(clock_ahead=timedelta(hours=25).total_seconds())
    assert things.found("a") == []


def test_only_a_time_expires(things: World, manners: Callable[..., None]) -> None:
    """A number never does, nor another collection's document; collections inside of a document stay."""
    past = {"timestamp_value": datetime.now(UTC)}
    things.put("a/number", until=number(1))
    things.put("b/other", until=past)
    things.put("a/gone", until=past)
    things.put("a/gone/c/inner", x=number(1))
    manners(clock_ahead=timedelta(hours=25).total_seconds())
    assert (things.found("a"), things.found("b")) == (["number"], ["other"])
    assert things.get("a/gone/c/inner")
