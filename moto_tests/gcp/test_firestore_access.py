"""Who may do what in the embedded Firestore: https://docs.cloud.google.com/firestore/docs/security/iam."""

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied

from moto_tests.gcp.firestore_world import World, number, query, world
from moto_tests.gcp.granting import Granting, binding, member
from toolkit.clouds.gcp import GcpClients
from toolkit.sandbox.gcp.cloud import Google

DATABASES = {
    "get_document": lambda w: {"name": w.name("a/b")},
    "list_documents": lambda w: {"parent": w.root, "collection_id": "a"},
    "list_collection_ids": lambda w: {"parent": w.root},
    "create_document": lambda w: {"parent": w.root, "collection_id": "a", "document_id": "c"},
    "update_document": lambda w: {"document": w.document("a/b", x=number(2))},
    "delete_document": lambda w: {"name": w.name("a/b")},
    "begin_transaction": lambda w: {"database": w.path},
    "batch_get_documents": lambda w: {"database": w.path, "documents": [w.name("a/b")]},
    "commit": lambda w: {"database": w.path, "writes": [{"update": w.document("a/b")}]},
    "run_query": lambda w: {"parent": w.root, "structured_query": query("a", (), "x")},
}
READING = [
    "get_document",
    "list_documents",
    "batch_get_documents",
    "run_query",
    "begin_transaction",
]
Asking = Callable[[str], Any]


@pytest.fixture
def things(gcp_clients: GcpClients) -> World:
    made = world(gcp_clients)
    made.put("a/b", x=number(1))
    return made


@pytest.fixture
def account(gcp_clients: GcpClients) -> str:
    """A service account without any role."""
    return str(Granting(gcp_clients).account("shop-gateway").email)


@pytest.fixture
def ask(google: Google, things: World, account: str) -> Asking:
    """One call with the account's token."""
    token = google.tickets.token(account).text

    def asked(verb: str) -> Any:
        method, request = getattr(things.client, verb), DATABASES[verb](things)
        metadata = (("authorization", f"Bearer {token}"),)
        answer = method(request=request, metadata=metadata, retry=None)
        return list(answer) if verb in {"run_query", "batch_get_documents"} else answer

    return asked


@pytest.mark.parametrize("verb", DATABASES)
def test_an_account_without_a_role_may_nothing(ask: Asking, verb: str) -> None:
    """An agent's container is such a one."""
    with pytest.raises(PermissionDenied, match="denied on resource 'projects/al-sandbox/databases"):
        ask(verb)


@pytest.mark.parametrize("verb", DATABASES)
def test_a_user_of_the_database_may_all_that_documents_need(
    ask: Asking, gcp_clients: GcpClients, account: str, verb: str
) -> None:
    """roles/datastore.user, which the gateway's account has, on this database only."""
    only = 'resource.name == "projects/al-sandbox/databases/things"'
    granted = binding("roles/datastore.user", member(account), expression=only)
    Granting(gcp_clients).grant(granted)
    ask(verb)


@pytest.mark.parametrize("verb", ["get_document", "commit"])
def test_a_user_of_another_database_may_nothing_here(
    ask: Asking, gcp_clients: GcpClients, account: str, verb: str
) -> None:
    """The condition names one."""
    only = 'resource.name == "projects/al-sandbox/databases/other"'
    granted = binding("roles/datastore.user", member(account), expression=only)
    Granting(gcp_clients).grant(granted)
    with pytest.raises(PermissionDenied):
        ask(verb)


@pytest.mark.parametrize("verb", sorted(set(DATABASES) - {"list_collection_ids"}))
def test_a_viewer_only_reads(ask: Asking, gcp_clients: GcpClients, account: str, verb: str) -> None:
    """roles/datastore.viewer; `datastore.databases.get` is what begins a transaction."""
    Granting(gcp_clients).grant(binding("roles/datastore.viewer", member(account)))
    assert may(lambda: ask(verb)) == (verb in READING)


def may(call: Callable[[], Any]) -> bool:
    try:
        call()
    except PermissionDenied:
        return False
    return True


def test_a_write_with_a_condition_needs_less(
    google: Google, gcp_clients: GcpClients, things: World, account: str
) -> None:
    """Creating and updating are two permissions; a write that may be either needs both."""
    role = Granting(gcp_clients).role("al_update", ["datastore.entities.update"])
    Granting(gcp_clients).grant(binding(role.name, member(account)))
    metadata = (("authorization", f"Bearer {google.tickets.token(account).text}"),)
    wanted: dict[str, Any] = {"document": things.document("a/b", x=number(2))}
    with pytest.raises(PermissionDenied, match=r"entities\.create"):
        things.client.update_document(request=wanted, metadata=metadata)
    wanted["current_document"] = {"exists": True}
    assert things.client.update_document(request=wanted, metadata=metadata)


def test_a_user_of_documents_makes_no_database(
    google: Google, gcp_clients: GcpClients, things: World, account: str
) -> None:
    """Databases, indexes and expiry are an owner's (roles/datastore.owner)."""
    Granting(gcp_clients).grant(binding("roles/datastore.user", member(account)))
    metadata = (("authorization", f"Bearer {google.tickets.token(account).text}"),)
    wanted = {"parent": gcp_clients.parent, "database_id": "more", "database": {"type_": 1}}
    with pytest.raises(PermissionDenied, match=r"datastore\.databases\.create"):
        things.admin.create_database(request=wanted, metadata=metadata)
