"""The inventory of a Google Cloud project obeys the laws of all inventories, for every kind of thing."""

import pytest

from infra.inventory.gcp import GcpInventory
from moto_tests.gcp.deployed import Console, account, items, own_repository, reconcile, roles
from moto_tests.gcp.holding import KINDS, World
from moto_tests.gcp.run_world import CloudRun
from tests.contracts.inventory import InventoryContract
from toolkit.clouds.gcp import GcpClients
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Context
from toolkit.sandbox.engine import Engine
from toolkit.sandbox.gcp.cloud import Google


@pytest.fixture
def world(google: Google, gcp_clients: GcpClients, gcp_context: Context) -> World:
    return World(CloudRun(google, gcp_clients), gcp_clients, gcp_context.names)


@pytest.fixture
def inventory(gcp_context: Context) -> GcpInventory:
    return GcpInventory(gcp_context)


class TestGcp(InventoryContract):
    """Project `shop` in environment `staging`, on the embedded cloud."""

    @pytest.fixture
    def names(self, gcp_context: Context) -> Names:
        return gcp_context.names

    @pytest.fixture(params=KINDS)
    def kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)


def test_whatever_the_program_makes_is_found_and_removed(gcp_context: Context) -> None:
    """In the order in which it can go; then nothing is left, and a next push starts anew."""
    context = own_repository(gcp_context)
    inventory = GcpInventory(context)
    Engine(context).apply(items(context), progress=lambda _: None)
    kinds = list(dict.fromkeys(item.kind for item in inventory.found().ours))
    assert kinds == ["image_repository", "secret", "service_account", "custom_role"]
    for item in inventory.found().ours:
        inventory.remove(item)
    assert inventory.found().ours == ()
    Engine(context).forget(progress=lambda _: None)
    Engine(context).apply(items(context), progress=lambda _: None)
    assert len(inventory.found().ours) == 9


def test_an_account_goes_with_its_bindings(gcp_context: Context, gcp_cloud: GcpCloud) -> None:
    """None of them stays as that of a deleted account
    (https://cloud.google.com/iam/docs/service-accounts-delete-undelete#deleting)."""
    reconcile(gcp_context, items(gcp_context))
    inventory, console = GcpInventory(gcp_context), Console(gcp_cloud)
    stranger = "user:eve@example.com"
    console.give(stranger)
    for item in inventory.found().ours:
        inventory.remove(item)
    assert {role: who for role, who in console.members().items() if who} == {
        "roles/editor": {stranger}
    }
    assert (console.accounts(), console.roles()) == ([], [])


def test_a_role_that_was_removed_comes_back_with_the_next_push(
    gcp_context: Context, gcp_cloud: GcpCloud
) -> None:
    """Its id is taken for weeks (https://cloud.google.com/iam/docs/creating-custom-roles#deleting-custom-role)."""
    reconcile(gcp_context, items(gcp_context))
    inventory = GcpInventory(gcp_context)
    for item in inventory.found().ours:
        inventory.remove(item)
    reconcile(gcp_context, items(gcp_context))
    assert Console(gcp_cloud).roles() == roles(gcp_context)


def test_a_job_with_a_running_execution_can_be_removed(
    inventory: GcpInventory, world: World
) -> None:
    """Executions first: a job that has some running may be refused its deletion."""
    world.make("execution", world.names.tags(agent="dev"))
    found = inventory.found().ours
    assert [item.kind for item in found] == ["execution", "job"]
    for item in found:
        inventory.remove(item)
    assert inventory.found().ours == ()


def test_secrets_of_runs_are_found_whatever_the_prefix(
    inventory: GcpInventory, world: World
) -> None:
    """By label, since the prefix is a setting that may have changed."""
    world._secret("other/shop/staging/runs/dev/x", world.names.tags(agent="dev"))
    (found,) = inventory.found().ours
    assert (found.kind, found.name) == ("secret", "other/shop/staging/runs/dev/x")
    inventory.remove(found)
    assert inventory.found().ours == ()


def test_the_images_of_one_agent_are_inside_of_the_repository(
    gcp_context: Context, world: World
) -> None:
    """Only when an agent is named; the others' stay."""
    context = own_repository(gcp_context)
    world.make("image_repository", context.names.tags())
    for agent in ("dev", "ops"):
        push(world, context, agent)
    inventory = GcpInventory(context)
    assert "image" not in {item.kind for item in inventory.found().ours}
    (image,) = (item for item in inventory.found("dev").ours if item.kind == "image")
    inventory.remove(image)
    inventory.remove(image)
    assert [i for i in inventory.found("dev").ours if i.kind == "image"] == []
    assert [i.kind for i in inventory.found("ops").ours] == ["image", "image_repository"]


def test_images_in_somebody_else_s_repository_stay(
    gcp_context: Context, world: World, inventory: GcpInventory
) -> None:
    """The repository that the user names is the user's."""
    world.run.image("pass")
    image = Item(kind="image", name="al/program", tags=gcp_context.names.tags(agent="dev"))
    assert inventory.found("dev").ours == ()
    with pytest.raises(Conflict):
        inventory.remove(image)


def test_a_stranger_s_account_near_our_names_is_left(
    gcp_context: Context, gcp_cloud: GcpCloud, inventory: GcpInventory
) -> None:
    """Told of, and not touched."""
    Console(gcp_cloud).make_account(account(gcp_context, "dev"))
    Console(gcp_cloud).make_account("unrelated")
    assert [left.item.name for left in inventory.found().left] == [account(gcp_context, "dev")]


def push(world: World, context: Context, agent: str) -> None:
    """An image of the agent, in our own repository."""
    from moto_tests.sandbox.images import push as push_image
    from moto_tests.sandbox.programs import PYTHON

    cloud = world.clients.cloud
    path = f"{cloud.project}/{world.google.repository}/{context.names.repository(agent)}"
    push_image(str(cloud.registry), path, {"app/main.py": agent}, PYTHON, "amd64")


def test_a_service_whose_api_is_disabled_holds_nothing(
    gcp_context: Context, google: Google
) -> None:
    """As before a first push, which enables it later
    (https://cloud.google.com/service-usage/docs/enable-disable)."""
    text = "Secret Manager API has not been used in project 1 before or it is disabled."
    google.faults.fail("ListSecrets", "PERMISSION_DENIED", message=text, times=9)
    assert GcpInventory(gcp_context).found().ours == ()
