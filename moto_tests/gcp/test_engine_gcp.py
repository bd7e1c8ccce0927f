"""The sandbox's engine applies the unmodified Pulumi program to the embedded Google cloud."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from google.cloud import artifactregistry_v1, secretmanager_v1

from infra.desired.gcp import CLEANUP
from moto_tests.gcp.deployed import (
    Console,
    account,
    items,
    own_repository,
    planned,
    role,
    roles,
)
from moto_tests.gcp.holding import SERVES
from moto_tests.gcp.run_world import CloudRun
from moto_tests.sandbox.programs import PYTHON
from toolkit.clouds.gcp import GcpClients, cloud_of
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import AccessDenied, Conflict
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Action, Item, Plan
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine
from toolkit.sandbox.gcp.cloud import Google

KEY = "action-llama--shop--staging--gateway_api_key--default--key"
TOKEN = "action-llama--shop--staging--github_token--default--token"


@pytest.fixture
def context(gcp_context: Context) -> Context:
    return own_repository(gcp_context)


@pytest.fixture
def console(gcp_cloud: GcpCloud) -> Console:
    return Console(gcp_cloud)


def apply(context: Context, wanted: tuple[Item, ...]) -> tuple[Mapping[str, Any], list[str]]:
    """The outputs, and the lines of progress."""
    lines: list[str] = []
    return Engine(context).apply(wanted, progress=lines.append), lines


def secrets(context: Context) -> dict[str, dict[str, str]]:
    """Id -> labels."""
    client = GcpClients(cloud_of(context.environment)).client(
        secretmanager_v1.SecretManagerServiceClient
    )
    found = client.list_secrets(parent=f"projects/{cloud_of(context.environment).project}")
    return {secret.name.rpartition("/")[2]: dict(secret.labels) for secret in found}


def repositories(context: Context) -> list[Any]:
    clients = GcpClients(cloud_of(context.environment))
    return list(
        clients.client(artifactregistry_v1.ArtifactRegistryClient).list_repositories(
            parent=clients.location
        )
    )


def test_everything_that_is_desired_exists_afterwards(context: Context, console: Console) -> None:
    """Read back from the services, not from the engine."""
    outputs, _ = apply(context, items(context))
    dev = account(context, "dev")
    assert console.accounts() == [dev, "al-shop-staging-ops", "gw-al-shop-staging"]
    assert console.roles() == roles(context)
    assert sorted(secrets(context)) == [KEY, TOKEN]
    assert [r.name.rpartition("/")[2] for r in repositories(context)] == ["al-shop-staging-images"]
    assert outputs["accounts"][dev] == console.email(dev)


def test_what_the_engine_makes_is_what_doctor_wants(context: Context) -> None:
    """One desired state, two ways to it, no difference."""
    wanted = items(context)
    apply(context, wanted)
    assert planned(context, wanted, wanted) == Plan()


def test_everything_says_whose_it_is(context: Context) -> None:
    """By labels, where there are any."""
    apply(context, items(context))
    labels = GcpNames(context.environment.scope).labels()
    assert [*secrets(context).values()] == [labels, labels]
    assert dict(repositories(context)[0].labels) == labels


def test_the_repository_has_its_cleanup(context: Context) -> None:
    """In force, not as a rehearsal."""
    apply(context, items(context))
    (repository,) = repositories(context)
    assert set(repository.cleanup_policies) == set(CLEANUP)
    assert repository.cleanup_policy_dry_run is False


def test_a_second_apply_changes_nothing(context: Context, google: Google) -> None:
    """Nothing is written, and nothing is said."""
    apply(context, items(context))
    google.counts.clear()
    _, lines = apply(context, items(context))
    verbs = {method.rpartition("/")[2] for method in google.counts}
    assert lines == []
    assert {verb for verb in verbs if not verb.startswith(("Get", "List"))} == set()


def test_an_agent_that_goes_takes_its_account_and_grants_along(
    context: Context, console: Console
) -> None:
    """The bindings first, so that nothing of them is left."""
    apply(context, items(context))
    _, lines = apply(context, items(context, ["ops"]))
    members = set().union(*console.members().values())
    assert account(context, "dev") not in console.accounts()
    assert [m for m in members if "dev@" in m] == []
    assert [line.partition(" al-")[0] for line in lines] == [
        "deleted grant",
        "deleted service account",
    ]


def test_a_changed_condition_replaces_the_grant(context: Context, console: Console) -> None:
    """As when the secrets' prefix changes: the new one is there and the old one is not."""
    apply(context, items(context))
    scope = replace(context.environment.scope, prefix="other")
    moved = replace(context, environment=replace(context.environment, scope=scope))
    apply(moved, items(moved))
    expressions = [b.condition.expression for b in console.policy.read().bindings]
    assert [e for e in expressions if "secrets/action-llama" in e] == []
    assert planned(moved, items(moved)) == Plan()


def test_a_preview_says_what_apply_does(context: Context) -> None:
    """And does none of it."""
    plan = Engine(context).preview(items(context))
    assert {c.action for c in plan.changes} == {Action.CREATE}
    assert {c.item.kind for c in plan.changes} == {
        *("api", "custom_role", "grant", "image_repository", "secret", "service_account"),
    }
    assert secrets(context) == {}


def test_a_failure_in_the_middle_is_gone_on_from(
    context: Context, console: Console, google: Google
) -> None:
    """What was done is kept."""
    google.faults.fail("SetIamPolicy", "PERMISSION_DENIED")
    with pytest.raises(AccessDenied):
        apply(context, items(context))
    apply(context, items(context))
    assert len(console.accounts()) == 3
    assert planned(context, items(context)) == Plan()


def test_a_lost_journal_is_no_loss(context: Context, console: Console) -> None:
    """What has our marks is taken over."""
    apply(context, items(context))
    Engine(context).forget(progress=lambda _: None)
    apply(context, items(context))
    apply(context, items(context, ["ops"]))
    assert account(context, "dev") not in console.accounts()


@pytest.mark.parametrize("kind", ["account", "role"])
def test_what_somebody_else_has_is_refused(context: Context, console: Console, kind: str) -> None:
    """By name, and it stays as it is."""
    make = {"account": console.make_account, "role": console.make_role}[kind]
    make({"account": account(context, "dev"), "role": role(context)}[kind])
    with pytest.raises(Conflict, match="but not of shop/staging"):
        apply(context, items(context))


def test_a_deleted_role_is_brought_back(context: Context, console: Console) -> None:
    """Its id is taken for weeks (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
    apply(context, items(context))
    console.delete_role(role(context))
    apply(context, items(context))
    assert console.roles() == roles(context)


def test_an_emptied_project_is_filled_again(
    context: Context, console: Console, google: Google
) -> None:
    """The journal is believed only as far as it is true."""
    apply(context, items(context))
    google.reset()
    apply(context, items(context))
    assert len(console.accounts()) == 3


def test_the_gateway_s_service_serves_everybody(
    context: Context, google: Google, gcp_clients: GcpClients
) -> None:
    """Its address is exported, and asks nobody for a Google account
    (https://cloud.google.com/run/docs/authenticating/public)."""
    outputs, _ = apply(context, serving(context, google, gcp_clients))
    assert httpx.get(f"{outputs['gateway_url']}/", timeout=30).text == "here"


def test_a_service_that_goes_is_gone(
    context: Context, google: Google, gcp_clients: GcpClients
) -> None:
    """With its policy."""
    wanted = serving(context, google, gcp_clients)
    outputs, _ = apply(context, wanted)
    apply(context, items(context))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{outputs['gateway_url']}/", timeout=5)


def serving(context: Context, google: Google, clients: GcpClients) -> tuple[Item, ...]:
    """The desired state with a program in the gateway's place."""
    image = CloudRun(google, clients).image(SERVES)
    *others, service, timer = items(context, image=image)
    attributes = {**service.attributes, "command": list(PYTHON["Entrypoint"])}
    return (*others, replace(service, attributes=attributes), timer)
