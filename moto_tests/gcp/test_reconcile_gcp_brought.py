"""The account that the user brings, and what whoever runs `al` may do: judged and told, never changed."""

from collections.abc import Callable, Sequence

import pytest

from infra.reconcile import gcp_preflight
from infra.reconcile.gcp import GcpReconciler
from infra.reconcile.gcp_iam import Iam
from infra.reconcile.gcp_preflight import NEEDED, OF_BUILDS, OF_STATE, USER
from moto_tests.gcp.deployed import (
    Console,
    account,
    items,
    reconcile,
    roles,
    with_cloud,
)
from moto_tests.gcp.granting import Granting
from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_runs import RUN_PERMISSIONS
from toolkit.core.environment import GcpCloud
from toolkit.core.plan import Grant
from toolkit.core.ports import Concern, Context
from toolkit.sandbox.gcp.cloud import Google

BOT = "helper@al-sandbox.iam.gserviceaccount.com"
AGENTS: dict[str, Sequence[Grant]] = {"dev": (), "ops": ()}
OF_DEV = 'resource.name.startsWith("projects/123456789012/secrets/action-llama--shop--staging--runs--dev--")'


@pytest.fixture
def console(gcp_cloud: GcpCloud) -> Console:
    return Console(gcp_cloud)


@pytest.fixture
def granting(gcp_clients: GcpClients) -> Granting:
    return Granting(gcp_clients)


@pytest.fixture
def brought(gcp_context: Context) -> Context:
    return with_cloud(gcp_context, service_account=BOT)


def concerns(context: Context) -> tuple[Concern, ...]:
    reconciler, wanted = GcpReconciler(context), items(context)
    return reconciler.concerns(reconciler.observe(wanted), AGENTS)


def test_an_account_that_is_not_there_is_said(brought: Context) -> None:
    """No job could start with it."""
    (concern,) = concerns(brought)
    assert (concern.about, concern.warning) == (BOT, False)
    assert "no such account" in concern.message


def test_what_it_lacks_is_said_for_each_agent(
    brought: Context, console: Console, granting: Granting
) -> None:
    """By permission, with the condition that would be enough."""
    console.make_account("helper")
    own = granting.role("runs", RUN_PERMISSIONS).name
    console.give(f"serviceAccount:{BOT}", own, title="dev", expression=OF_DEV)
    (concern,) = concerns(brought)
    assert "secretmanager.versions.access" in concern.message
    assert "run secrets of ops" in concern.message
    assert "runs--ops--" in concern.remedy


def test_one_that_may_do_all_is_no_concern(brought: Context, console: Console) -> None:
    """Whatever role it is that allows it."""
    console.make_account("helper")
    console.give(f"serviceAccount:{BOT}", "roles/secretmanager.admin")
    assert concerns(brought) == ()


def test_a_disabled_one_is_said(brought: Context, console: Console) -> None:
    """Nothing runs as it."""
    console.make_account("helper")
    console.give(f"serviceAccount:{BOT}", "roles/secretmanager.admin")
    console.iam.disable_service_account(request={"name": console.name("helper")})
    (concern,) = concerns(brought)
    assert "disabled" in concern.message


def test_nothing_of_a_brought_account_is_planned(brought: Context, console: Console) -> None:
    """Neither made nor changed; the gateway has an account and roles of its own all the same."""
    console.make_account("helper")
    reconciler, wanted = GcpReconciler(brought), items(brought)
    plan = reconciler.plan(wanted, reconciler.observe(wanted), ())
    own = [name for name in roles(brought) if not name.endswith("_runs")]
    assert [c.item.name for c in plan.changes] == [*own, "gw-al-shop-staging"]


# ------------------------------------------------------------------ whoever runs al


@pytest.fixture
def somebody(
    google: Google, console: Console, gcp_cloud: GcpCloud, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Concern, ...]]:
    """The concerns of an identity that has these roles on the project: not the operator, who may do everything."""

    def concerned(*roles: str, accounts: Sequence[str] = ()) -> tuple[Concern, ...]:
        console.make_account("somebody")
        for role in roles:
            console.give(console.member("somebody"), role)
        ticket = google.tickets.issue(console.email("somebody"))
        monkeypatch.setenv("GCE_METADATA_HOST", google.surroundings(ticket)["GCE_METADATA_HOST"])
        return tuple(gcp_preflight.concerns(Iam(GcpClients(gcp_cloud)), gcp_cloud, accounts))

    return concerned


Somebody = Callable[..., tuple[Concern, ...]]


def test_rights_that_lack_on_the_project_are_said_by_role(somebody: Somebody) -> None:
    """As Google itself answers (https://cloud.google.com/iam/docs/testing-permissions); a warning, for not everybody does
    everything."""
    without = {*NEEDED, *OF_STATE} - {"roles/run.developer", "roles/run.admin"}
    concern, opening = somebody(*without)
    assert concern.warning
    assert "run.jobs.runWithOverrides" in concern.message
    assert "roles/run.developer" in concern.remedy
    assert "run.services.setIamPolicy" in opening.message
    assert "roles/run.admin" in opening.remedy


def test_buckets_are_asked_about_only_where_we_make_one(
    gcp_cloud: GcpCloud, somebody: Somebody
) -> None:
    """Where the user names a place for Pulumi's state, no right on others is needed."""
    (concern,) = somebody(*NEEDED)
    assert "storage.buckets.create" in concern.message
    iam = Iam(GcpClients(gcp_cloud))
    assert list(gcp_preflight.concerns(iam, gcp_cloud, (), own_state=False)) == []


def test_builds_are_asked_about_only_where_google_makes_the_images(
    gcp_cloud: GcpCloud, somebody: Somebody
) -> None:
    """To start one, to follow it, and to end it with us."""
    assert somebody(*NEEDED, *OF_STATE) == ()
    iam = Iam(GcpClients(gcp_cloud))
    (concern,) = gcp_preflight.concerns(iam, gcp_cloud, (), builds=True)
    assert "cloudbuild.builds.create, cloudbuild.builds.get" in concern.message
    assert "roles/cloudbuild.builds.editor" in concern.remedy


def test_who_may_edit_builds_may_make_the_images(gcp_cloud: GcpCloud, somebody: Somebody) -> None:
    """The role that the page names is enough."""
    assert somebody(*NEEDED, *OF_STATE, *OF_BUILDS) == ()
    iam = Iam(GcpClients(gcp_cloud))
    assert list(gcp_preflight.concerns(iam, gcp_cloud, (), builds=True)) == []


def test_somebody_with_all_roles_lacks_nothing(
    gcp_context: Context, console: Console, somebody: Somebody
) -> None:
    """The roles that the page names are enough."""
    reconcile(gcp_context, items(gcp_context))
    assert somebody(*NEEDED, *OF_STATE, USER, accounts=console.accounts()) == ()


def test_accounts_that_one_may_not_act_as_are_named(
    gcp_context: Context, console: Console, somebody: Somebody
) -> None:
    """A job with such an account is refused (https://cloud.google.com/iam/docs/service-accounts-actas)."""
    reconcile(gcp_context, items(gcp_context))
    dev = account(gcp_context, "dev")
    (concern,) = somebody(*NEEDED, *OF_STATE, accounts=[dev])
    assert console.email(dev) in concern.message
    assert USER in concern.remedy
