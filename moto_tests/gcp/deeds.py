"""What `al` does on Google Cloud besides running: each deed with the RPCs that it asks for, to be tried in bad weather.

A deed may be done again from its beginning, and gives what has become of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from google.cloud import scheduler_v1, secretmanager_v1

from infra import state_bucket_gcp
from infra.desired.gcp import LAUNCHES, RUNS
from infra.desired.gcp_marks import mark
from infra.inventory.gcp import GcpInventory
from infra.inventory.gcp_project import Project
from infra.provider_gcp import GcpProvider
from infra.reconcile.gcp import GcpReconciler
from moto_tests.gcp.agents import Stage, an_agent
from moto_tests.gcp.deployed import items
from moto_tests.gcp.holding import World
from moto_tests.gcp.run_world import eventually
from runtimes.cloud_run import CloudRun
from tests.contracts.ledger import a_run
from tests.fakes import Play
from toolkit.clouds import gcp_logs
from toolkit.clouds.gcp import GcpClients
from toolkit.core.agent import CredentialRef
from toolkit.core.names import TIMER
from toolkit.core.ports import Context, LayerFile
from toolkit.core.run import RunHandle, RunState
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.images import artifacts
from toolkit.images.oci import registry_for
from toolkit.scheduler.ledgers.firestore import FirestoreLedger

TOKEN = CredentialRef(type="github_token")
IMAGE = "al-shop-staging-hello"
FOREVER = Play(lines=("begun",), exit_code=None)


def _at_once(_seconds: float) -> None:
    """Waits for nothing."""


@dataclass
class Place:
    """The operator in one environment."""

    context: Context
    clients: GcpClients
    stage: Stage
    world: World
    handle: RunHandle | None = None

    @property
    def store(self) -> GcpSecrets:
        return GcpSecrets(self.context, sleep=_at_once)

    @property
    def runtime(self) -> CloudRun:
        return CloudRun(self.context, sleep=_at_once)

    @property
    def reconciler(self) -> GcpReconciler:
        return GcpReconciler(self.context, sleep=_at_once)

    @property
    def inventory(self) -> GcpInventory:
        return GcpInventory(self.context, sleep=_at_once)

    @cached_property
    def secret(self) -> str:
        return self.context.names.credential(TOKEN, "token")

    @cached_property
    def program(self) -> str:
        return self.stage.world.image("print('here')")


class Deed(NamedTuple):
    prepare: Callable[[Place], object]
    do: Callable[[Place], object]
    rpcs: tuple[str, ...]


def _nothing(_: Place) -> None:
    """Needs nothing to be there."""


# credentials


def _turn_a_credential(place: Place) -> object:
    tags = place.context.names.tags()
    for value in ("old", "new"):
        place.store.put(place.secret, Secret(value), tags=tags)
    value = place.store.get(place.secret)
    listed = [stored.name for stored in place.store.list(place.context.names.secrets)]
    return (value.reveal() if value else None), place.store.exists(place.secret), listed


def _a_disabled_credential(place: Place) -> None:
    """Its newest version is disabled, so the one before it counts."""
    tags = place.context.names.tags()
    place.store.put(place.secret, Secret("old"), tags=tags)
    client = place.clients.client(secretmanager_v1.SecretManagerServiceClient)
    (secret,) = client.list_secrets(parent=place.clients.parent)
    made = client.add_secret_version(parent=secret.name, payload={"data": b"new"})
    client.disable_secret_version(name=made.name)


def _read_a_credential(place: Place) -> object:
    found = place.store.get(place.secret)
    return found.reveal() if found else None


def _forget_a_credential(place: Place) -> object:
    place.store.put(place.secret, Secret("x"), tags=place.context.names.tags())
    place.store.delete(place.secret)
    return place.store.exists(place.secret)


# the ledger


def _keep_books(place: Place) -> object:
    ledger = FirestoreLedger(place.context)
    ledger.prepare()
    run = a_run()
    ledger.add(run)
    ledger.update(run.id, state=RunState.RUNNING)
    ledger.request_stop(run.id)
    found = ledger.get(run.id)
    ledger.set_fact("plain", 1)
    ledger.set_fact("lease", "mine")
    taken = ledger.set_fact("lease", "ours", expected="mine")
    ledger.set_fact("plain", None)
    seen = any(one.id == run.id for one in ledger.runs(limit=50))
    facts = dict(ledger.facts(""))
    return found and found.state, ledger.mailbox(run.id).stop, taken, seen, facts


# jobs


def _permit(place: Place) -> None:
    place.stage.permit("dev")


def _define(place: Place) -> tuple[str, str]:
    item = place.runtime.definition(an_agent(), place.program)
    made = place.runtime.define(item)
    return made.partition(":")[0], place.runtime.trouble(made)


def _defined_otherwise(place: Place) -> None:
    """Somebody has changed the job meanwhile."""
    _permit(place)
    job = place.runtime._jobs.look(_define(place)[0])
    assert job is not None
    job.template.template.containers[0].image = place.stage.world.image("print('other')")
    place.stage.world.jobs.update_job(job=job).result(timeout=10)


def _defined(place: Place) -> None:
    place.stage.program("print('here')")


def _prune(place: Place) -> object:
    place.runtime.prune("dev", ())
    return list(place.runtime._jobs.ours()), list(place.runtime.running())


# logs


def _log(place: Place) -> object:
    found = gcp_logs.entries(place.clients, 'textPayload:"here"', doing="reading a log")
    return [entry.text_payload for entry in found]


def _logged(place: Place) -> None:
    place.stage.world.finished("print('here')")


# images


def _pushed(place: Place) -> None:
    place.stage.world.repository()
    for number in range(2):
        files = {"/app/n": LayerFile(b"%d" % number)}
        registry_for(place.context).push_base(IMAGE, f"t{number}", files, {})


def _thin_out(place: Place) -> object:
    """All but one."""
    found = sorted(one.digest for one in artifacts.pushed(place.context, IMAGE))
    artifacts.delete(place.context, IMAGE, found[1:])
    return [*artifacts.in_use(place.context)], len([*artifacts.pushed(place.context, IMAGE)])


# identities


def _identities(place: Place) -> object:
    wanted = items(place.context, ("dev",))
    plan = place.reconciler.plan(wanted, place.reconciler.observe(wanted), ())
    place.reconciler.apply(plan, progress=lambda _: None)
    return place.reconciler.plan(wanted, place.reconciler.observe(wanted), ())


def _spoiled_identities(place: Place) -> None:
    """Somebody has disabled an account, renamed it, and taken away from one role and all of another."""
    _identities(place)
    iam, parent = place.world.console.iam, place.clients.parent
    email = place.world.console.name(place.world.google.service_account("dev"))
    iam.disable_service_account(request={"name": email})
    change = {"name": email, "display_name": "mine"}
    mask = {"paths": ["display_name"]}
    iam.patch_service_account(request={"service_account": change, "update_mask": mask})
    role = f"{parent}/roles/{place.world.google.role(RUNS)}"
    less, mask = {"included_permissions": ["run.jobs.run"]}, {"paths": ["included_permissions"]}
    iam.update_role(request={"name": role, "role": less, "update_mask": mask})
    place.world.console.delete_role(place.world.google.role(LAUNCHES))


def _no_identities(place: Place) -> object:
    plan = place.reconciler.plan([], place.reconciler.observe([]), ())
    place.reconciler.apply(plan, progress=lambda _: None)
    return place.world.console.accounts(), place.world.console.roles()


# what a teardown removes

HELD = ("job", "image_repository", "secret", "service_account", "custom_role", "bucket", "database")


def _held(place: Place) -> None:
    for kind in HELD:
        place.world.make(kind, place.context.names.tags(agent="dev"))
    _timer(place, f"{place.clients.location}/jobs/{place.world.google.job(TIMER)}")


def _timer(place: Place, name: str) -> None:
    client = place.clients.client(scheduler_v1.CloudSchedulerClient)
    job = {
        "name": name,
        "schedule": "* * * * *",
        "description": mark(place.context.names.tags()),
        "http_target": {"uri": "https://example.com/"},
    }
    client.create_job(parent=place.clients.location, job=job)


def _tear_down(place: Place) -> object:
    for item in place.inventory.found("dev").ours:
        place.inventory.remove(item)
    return place.inventory.found("dev").ours


def _serving(place: Place) -> None:
    place.world.make("run_service", place.context.names.tags())


def _image_of_dev(place: Place) -> None:
    cloud = replace(place.clients.cloud, repository=place.world.google.repository)
    environment = replace(place.context.environment, cloud=cloud)
    place.context = replace(place.context, environment=environment)
    place.world.make("image_repository", place.context.names.tags())
    repository = place.context.names.repository("dev")
    registry_for(place.context).push_base(repository, "t", {"/n": LayerFile(b"")}, {})


# a run


def _running(place: Place) -> None:
    place.handle = place.stage.runtime.launch(place.stage.spec(FOREVER))


def _stop(place: Place) -> object:
    assert place.handle is not None
    place.runtime.stop(place.handle)
    eventually(lambda: not list(place.runtime.running()))
    return place.runtime.states([place.handle])[place.handle.run].state


# the project


def _check_rights(place: Place) -> object:
    wanted = items(place.context, ("dev",))
    return place.reconciler.concerns(place.reconciler.observe(wanted), {"dev": ()})


def _bucket(place: Place) -> object:
    name = state_bucket_gcp.ensure(place.clients, place.context.names)
    return name, state_bucket_gcp.labels_of(place.clients, name)


def _look_at_project(place: Place) -> object:
    clients = GcpClients(replace(place.clients.cloud, number=""))
    GcpProvider(place.context).check_account()
    return clients.number, Project(clients=clients, names=place.context.names).google


DEEDS: Mapping[str, Deed] = {
    "turn a credential": Deed(
        _nothing,
        _turn_a_credential,
        (
            *("CreateSecret", "AddSecretVersion", "AccessSecretVersion", "GetSecret"),
            *("ListSecretVersions", "DestroySecretVersion", "ListSecrets"),
        ),
    ),
    "read a credential": Deed(
        _a_disabled_credential, _read_a_credential, ("GetSecretVersion", "ListSecretVersions")
    ),
    "forget a credential": Deed(_nothing, _forget_a_credential, ("DeleteSecret",)),
    "keep books": Deed(
        _nothing,
        _keep_books,
        (
            *("CreateDatabase", "GetDatabase", "GetField", "UpdateField", "ListCollectionIds"),
            *("CreateDocument", "UpdateDocument", "DeleteDocument"),
            *("BatchGetDocuments", "RunQuery", "Commit"),
        ),
    ),
    "define a job": Deed(_permit, _define, ("GetJob", "CreateJob", "GetIamPolicy", "SetIamPolicy")),
    "put a job right": Deed(_defined_otherwise, _define, ("UpdateJob",)),
    "prune jobs": Deed(_defined, _prune, ("ListJobs", "DeleteJob", "ListExecutions")),
    "read a log": Deed(_logged, _log, ("ListLogEntries",)),
    "thin out images": Deed(_pushed, _thin_out, ("ListVersions", "DeleteVersion", "ListJobs")),
    "make identities": Deed(
        _nothing,
        _identities,
        (
            *("CreateServiceAccount", "GetServiceAccount", "ListServiceAccounts"),
            *("CreateRole", "GetRole", "GetIamPolicy", "SetIamPolicy"),
        ),
    ),
    "put identities right": Deed(
        _spoiled_identities,
        _identities,
        ("EnableServiceAccount", "PatchServiceAccount", "UpdateRole", "UndeleteRole"),
    ),
    "remove identities": Deed(
        _identities, _no_identities, ("DeleteServiceAccount", "DeleteRole", "SetIamPolicy")
    ),
    "tear down": Deed(
        _held,
        _tear_down,
        (
            *("GetBucket", "ListObjects", "DeleteObject", "DeleteBucket"),
            *("ListRepositories", "GetRepository", "DeleteRepository", "ListSecrets"),
            *("DeleteSecret", "DeleteServiceAccount", "GetRole", "DeleteRole"),
            *("DeleteDatabase", "GetDocument", "GetJob", "DeleteJob"),
        ),
    ),
    "remove an agent's images": Deed(_image_of_dev, _tear_down, ("GetPackage", "DeletePackage")),
    "remove the gateway": Deed(_serving, _tear_down, ("GetService", "DeleteService")),
    "stop a run": Deed(_running, _stop, ("CancelExecution", "GetExecution")),
    "make the bucket of the state": Deed(_nothing, _bucket, ("InsertBucket", "GetBucket")),
    "check rights": Deed(_identities, _check_rights, ("TestIamPermissions", "GetIamPolicy")),
    "look at the project": Deed(_nothing, _look_at_project, ("GetProject",)),
}
