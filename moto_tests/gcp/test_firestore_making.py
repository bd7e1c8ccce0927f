"""The environment's Firestore database: when it is made, whose it is, and what is done when it is somebody else's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from google.cloud.firestore_admin_v1 import FirestoreAdminClient

from tests.contracts.ledger import a_run
from toolkit.clouds.gcp import GcpClients, cloud_of
from toolkit.core.environment import Scope
from toolkit.core.errors import ConfigError, Conflict, Unreachable
from toolkit.core.ports import Context
from toolkit.sandbox.gcp.cloud import Google
from toolkit.scheduler.ledgers._firestore_documents import Documents
from toolkit.scheduler.ledgers._firestore_making import make
from toolkit.scheduler.ledgers.firestore import PLUGIN

PATH = "projects/al-sandbox/databases/al-shop-staging-state"
EXPIRY = f"{PATH}/collectionGroups/runs/fields/expiresAt"
SCOPE = Scope(project="shop", environment="staging")


@pytest.fixture
def admin(gcp_clients: GcpClients) -> FirestoreAdminClient:
    return gcp_clients.client(FirestoreAdminClient)


@pytest.fixture
def documents(gcp_context: Context) -> Documents:
    return Documents(cloud_of(gcp_context.environment), "al-shop-staging-state")


def create(admin: FirestoreAdminClient, **settings: Any) -> None:
    """The database, as somebody made it."""
    ours = {
        "type_": "FIRESTORE_NATIVE",
        "location_id": "europe-west1",
        "concurrency_mode": "OPTIMISTIC",
    }
    parent, _, id_ = PATH.partition("/databases/")
    request = {"parent": parent, "database_id": id_, "database": ours | settings}
    admin.create_database(request=request).result(timeout=5)


def test_the_database_is_ours_native_near_and_forgets(
    gcp_context: Context, admin: FirestoreAdminClient, documents: Documents
) -> None:
    """In the environment's region, without locks, with an expiry, and a document that says whose it is."""
    assert PLUGIN(gcp_context).prepare() is True
    about = admin.get_database(name=PATH)
    assert (about.type_.name, about.location_id) == ("FIRESTORE_NATIVE", "europe-west1")
    assert about.concurrency_mode.name == "OPTIMISTIC"
    assert "ttl_config" in admin.get_field(name=EXPIRY)
    owner = documents.get(documents.name("al", "owner"))
    assert owner is not None
    assert owner.values == {"project": "shop", "environment": "staging", "format": 1}


def test_preparing_again_costs_one_look(gcp_context: Context, google: Google) -> None:
    """Every push prepares, also one whose identity may make no database."""
    PLUGIN(gcp_context).prepare()
    google.counts.clear()
    assert PLUGIN(gcp_context).prepare() is False
    assert google.counts == {"google.firestore.v1.Firestore/BatchGetDocuments": 1}


def test_an_interrupted_preparation_is_finished(
    gcp_context: Context, admin: FirestoreAdminClient
) -> None:
    """Killed after the database was made, the next push does the rest."""
    create(admin)
    assert PLUGIN(gcp_context).prepare() is False
    assert "ttl_config" in admin.get_field(name=EXPIRY)
    PLUGIN(gcp_context).add(a_run())
    assert PLUGIN(gcp_context).prepare() is False


def test_a_database_that_is_being_made_is_waited_for(
    admin: FirestoreAdminClient, documents: Documents, manners: Callable[..., None]
) -> None:
    """By a push that was interrupted, or by another one: its name is taken, and it is not there yet."""
    manners(operation_seconds=0.5)
    request = {"parent": "projects/al-sandbox", "database_id": documents.database}
    wanted = {"type_": 1, "location_id": "europe-west1", "concurrency_mode": 1}
    admin.create_database(request=request | {"database": wanted})
    assert make(documents, SCOPE) is True
    assert documents.get(documents.name("al", "owner"))


def test_a_slow_operation_is_waited_for(gcp_context: Context, manners: Callable[..., None]) -> None:
    """CreateDatabase answers with an operation
    (https://firebase.google.com/docs/firestore/reference/rest/v1/projects.databases/create)."""
    manners(operation_seconds=0.5)
    assert PLUGIN(gcp_context).prepare() is True
    assert PLUGIN(gcp_context).fact("x") is None


def test_an_operation_that_never_ends_is_given_up(
    documents: Documents, manners: Callable[..., None]
) -> None:
    """With a sentence, after some minutes; and so is one that another process began."""
    manners(stuck_operations=1)
    with pytest.raises(Unreachable, match="still being made"):
        make(documents, SCOPE, seconds=0.3)
    with pytest.raises(Unreachable, match="still being made"):
        make(documents, SCOPE, seconds=0.3)


def test_a_database_whose_making_was_not_answered_is_made_once(
    gcp_context: Context, google: Google, admin: FirestoreAdminClient
) -> None:
    """Asked for again, it exists; nor does it matter which other answer is lost."""
    for rpc in ("CreateDatabase", "GetDatabase", "GetField", "UpdateField", "CreateDocument"):
        google.faults.lose(rpc)
    assert PLUGIN(gcp_context).prepare() is True
    assert "ttl_config" in admin.get_field(name=EXPIRY)
    assert PLUGIN(gcp_context).prepare() is False


def test_of_many_that_make_the_database_all_go_on(gcp_context: Context) -> None:
    """Laptops and CI, at the same time: whoever is slower is told ALREADY_EXISTS, and looks."""

    def push(number: int) -> None:
        ledger = PLUGIN(gcp_context)
        ledger.prepare()
        ledger.add(a_run(after=number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(8)))
    assert len(PLUGIN(gcp_context).runs()) == 8


@pytest.mark.parametrize(
    "scope",
    [Scope(project="shop", environment="other"), Scope(project="x", environment="staging")],
)
def test_another_environments_database_is_refused(
    gcp_context: Context, documents: Documents, scope: Scope
) -> None:
    """Names that were shortened or chosen badly may meet: nothing is written into it."""
    make(documents, scope)
    with pytest.raises(Conflict, match="not this environment's"):
        PLUGIN(gcp_context).prepare()


def test_a_database_with_something_else_in_it_is_refused(
    gcp_context: Context, admin: FirestoreAdminClient, documents: Documents
) -> None:
    """Somebody's who chose our name; one that is empty is nobody's, and becomes ours."""
    create(admin)
    documents.put(documents.name("orders", "1"), {"total": 3})
    with pytest.raises(Conflict, match="something else"):
        PLUGIN(gcp_context).prepare()
    assert documents.collections() == ("orders",)


@pytest.mark.parametrize(
    "settings", [{"type_": "DATASTORE_MODE"}, {"concurrency_mode": "PESSIMISTIC"}]
)
def test_a_database_of_another_mode_is_refused(
    gcp_context: Context, admin: FirestoreAdminClient, settings: dict[str, str]
) -> None:
    """Empty as it is, it cannot be used."""
    create(admin, **settings)
    with pytest.raises(Conflict):
        PLUGIN(gcp_context).prepare()


def test_a_newer_format_is_left_alone(gcp_context: Context, documents: Documents) -> None:
    """An old `al` does not guess."""
    PLUGIN(gcp_context).prepare()
    documents.merge(documents.name("al", "owner"), {"format": 2}, ["format"])
    with pytest.raises(Conflict, match="newer version") as raised:
        PLUGIN(gcp_context).prepare()
    assert "upgrade" in raised.value.hint


def test_an_id_that_was_just_given_up_is_a_clear_refusal(
    gcp_context: Context, admin: FirestoreAdminClient, manners: Callable[..., None]
) -> None:
    """Torn down a moment ago: Google says for how long to wait."""
    PLUGIN(gcp_context).prepare()
    manners(database_id_seconds=300)
    admin.delete_database(name=PATH).result(timeout=5)
    with pytest.raises(Conflict, match="retry in"):
        PLUGIN(gcp_context).prepare()


@pytest.mark.parametrize("rpc", ["BatchGetDocuments", "CreateDatabase"])
def test_a_project_without_the_api_is_told_to_enable_it(
    gcp_context: Context, google: Google, rpc: str
) -> None:
    """By hand: a push enables APIs under its lease, which is in the database."""
    text = "Cloud Firestore API has not been used in project al-sandbox before or it is disabled."
    google.faults.fail(rpc, "PERMISSION_DENIED", message=text)
    with pytest.raises(ConfigError, match="has not been used") as raised:
        PLUGIN(gcp_context).prepare()
    assert raised.value.hint.startswith("enable the Firestore API")


def test_legacy_names_make_one_database_for_the_project(
    gcp_context: Context, admin: FirestoreAdminClient
) -> None:
    """`nameScope = "legacy"`."""
    scope = replace(gcp_context.environment.scope, legacy_names=True)
    environment = replace(gcp_context.environment, scope=scope)
    assert PLUGIN(replace(gcp_context, environment=environment)).prepare() is True
    assert admin.get_database(name="projects/al-sandbox/databases/al-state")
