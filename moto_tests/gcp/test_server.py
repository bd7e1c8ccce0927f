"""The embedded cloud as a whole: what it serves, what it writes down, and how it fails when it is told to."""

import importlib
from collections.abc import Callable

import grpc
import httpx
import pytest
from google.api_core import exceptions
from google.cloud import iam_admin_v1, secretmanager_v1

from moto_tests.gcp.granting import PROJECT, Granting
from toolkit.clouds.gcp import GcpClients
from toolkit.core.environment import GcpCloud
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.services import TABLE

SECRETS = "google.cloud.secretmanager.v1.SecretManagerService"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_service_of_the_table_is_there(google: Google, name: str) -> None:
    """With at least one RPC, each made of a message and a handler."""
    service = google.service(name)
    assert service is not None
    assert all(rpc.request and callable(rpc.handler) for rpc in service.rpcs().values())


def test_what_is_not_served_is_unimplemented(google: Google) -> None:
    """Neither another service nor another RPC is answered with anything else."""
    with grpc.insecure_channel(google.grpc) as channel:
        for method in ("/google.nothing.v1.Nothing/Get", f"/{SECRETS}/Nothing"):
            with pytest.raises(grpc.RpcError) as raised:
                channel.unary_unary(method)(b"")
            assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_answer_can_get_lost(google: Google, granting: Granting) -> None:
    """The work is done all the same, so a create that is repeated meets itself."""
    google.faults.lose("CreateSecret")
    with pytest.raises(exceptions.ServiceUnavailable):
        granting.secret("a")
    with pytest.raises(exceptions.AlreadyExists):
        granting.secret("a")


def test_a_call_can_fail_without_doing_anything(google: Google, granting: Granting) -> None:
    """As often as it was told."""
    google.faults.fail("CreateSecret", "RESOURCE_EXHAUSTED", times=2)
    for _ in range(2):
        with pytest.raises(exceptions.ResourceExhausted):
            granting.secret("a")
    assert granting.secret("a").name.endswith("/a/versions/1")


def test_calls_are_counted_and_their_permissions_written_down(
    google: Google, granting: Granting
) -> None:
    """By whom, what and on what: the least that a role must have can be read off it."""
    granting.secret("a")
    assert google.counts == {f"{SECRETS}/CreateSecret": 1, f"{SECRETS}/AddSecretVersion": 1}
    answer = httpx.get(f"http://{google.http}/al-sandbox/calls").json()
    asked = [(n["principal"], n["action"], n["resource"]) for n in answer["needs"]]
    number = "projects/123456789012"
    assert asked == [
        ("operator", "secretmanager.secrets.create", "projects/al-sandbox"),
        ("operator", "secretmanager.versions.add", f"{number}/secrets/a"),
    ]
    assert "hunter2" not in str(answer)


def test_manners_and_faults_are_changed_over_http(google: Google, granting: Granting) -> None:
    """So that the daemon's cloud can be told what a test's can."""
    ours = f"http://{google.http}/al-sandbox"
    httpx.post(f"{ours}/faults", json={"rpc": "GetSecret", "code": "ABORTED"}).raise_for_status()
    httpx.post(f"{ours}/settings", json={"latest_delay": 5}).raise_for_status()
    assert google.settings.latest_delay == 5
    granting.secret("a")
    with pytest.raises(exceptions.Aborted):
        granting.secrets.get_secret(name=f"{PROJECT}/secrets/a")
    assert httpx.post(f"{ours}/settings", json={"no_such": 1}).status_code == 400
    httpx.post(f"{ours}/reset").raise_for_status()
    assert list(granting.secrets.list_secrets(parent=PROJECT)) == []


def test_the_number_of_the_project_is_asked_for(google: Google) -> None:
    """By the adapters, where the environment does not name it."""
    cloud = GcpCloud(
        project=google.project, region=google.region, repository="al", endpoint=google.grpc
    )
    assert GcpClients(cloud).number == google.number


def test_what_is_held_survives_pickling(
    google: Google, granting: Granting, manners: Callable[..., None]
) -> None:
    """`al sandbox start --keep` writes it down and reads it back."""
    import pickle

    granting.claimer()
    granting.secret("a")
    kept = pickle.dumps(google.kept())
    google.reset()
    google.put_back(pickle.loads(kept))  # noqa: S301 - our own
    name = f"{PROJECT}/secrets/a/versions/1"
    assert granting.secrets.access_secret_version(name=name).payload.data == b"hunter2"
    assert granting.policy().bindings[0].role == f"{PROJECT}/roles/al_claim"


@pytest.mark.parametrize(
    ("client", "service"),
    [
        (secretmanager_v1.SecretManagerServiceClient, SECRETS),
        (iam_admin_v1.IAMClient, "google.iam.admin.v1.IAM"),
    ],
)
def test_every_rpc_of_ours_is_one_of_google_s(google: Google, client: type, service: str) -> None:
    """By the name that Google's client calls it."""
    module = importlib.import_module(client.__module__.replace(".client", ".transports.grpc"))
    source = (module.__spec__ and module.__spec__.loader.get_source(module.__name__)) or ""
    found = google.service(service)
    assert found is not None
    assert [name for name in found.rpcs() if f'/{service}/{name}"' not in source] == []
