"""The embedded Google cloud in this process, on free ports, and the unmodified google-cloud clients that talk to it.

One per session, because ports and imports cost more than a test; every test finds it as new.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moto_tests.gcp.agents import Stage
from moto_tests.gcp.granting import Granting, binding, member
from moto_tests.gcp.log_world import Logs
from moto_tests.gcp.run_world import CloudRun
from moto_tests.gcp.shelf import Shelf
from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_runs import RUN_PERMISSIONS, run_condition
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.core.ports import Context
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.running import Running
from toolkit.sandbox.gcp.settings import GcpSettings


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The cloud with its servers, for as long as the tests run."""
    running = Running.alone(tmp_path_factory.mktemp("google"))
    yield running
    running.close()


@pytest.fixture
def google(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A cloud that holds nothing and has good manners, for a user without any Google settings."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AL_GCP_ENDPOINT", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    # a process keeps its clients, and counts its own calls against a minute's quota
    monkeypatch.setattr("toolkit.clouds.gcp._clients", {})
    embedded.google.reset()
    embedded.google.settings = GcpSettings()
    yield embedded.google
    embedded.google.reset()


@pytest.fixture
def manners(google: Google) -> Callable[..., None]:
    """Give the cloud manners for one test: `manners(latest_delay=60)`."""

    def change(**values: Any) -> None:
        google.settings = google.settings.changed(values)

    return change


@pytest.fixture
def gcp_cloud(google: Google) -> GcpCloud:
    return GcpCloud(
        project=google.project,
        number=google.number,
        region=google.region,
        repository="al",
        endpoint=google.grpc,
        http_endpoint=f"http://{google.http}",
        registry=google.machine.registry,
    )


@pytest.fixture
def gcp_context(gcp_cloud: GcpCloud, tmp_path: Path) -> Context:
    """Project `shop` in environment `staging`, on the embedded cloud."""
    environment = Environment(
        name="staging", scope=Scope(project="shop", environment="staging"), cloud=gcp_cloud
    )
    return Context(environment=environment, home=tmp_path / "home", project=tmp_path / "project")


@pytest.fixture
def gcp_clients(gcp_cloud: GcpCloud) -> GcpClients:
    """The operator's clients."""
    return GcpClients(gcp_cloud)


@pytest.fixture
def cloud_run(google: Google, gcp_clients: GcpClients) -> CloudRun:
    """Cloud Run, with a service account that may be used: `cloud_run.finished("print(1)")`."""
    return CloudRun(google, gcp_clients)


@pytest.fixture
def granting(gcp_clients: GcpClients) -> Granting:
    return Granting(gcp_clients)


@pytest.fixture
def shelf(google: Google, gcp_context: Context, gcp_clients: GcpClients) -> Shelf:
    """The environment's secrets, in a store that never really waits."""
    store = GcpSecrets(gcp_context, sleep=lambda _: None)
    return Shelf(google=google, context=gcp_context, clients=gcp_clients, store=store)


@pytest.fixture
def logs(google: Google, gcp_clients: GcpClients) -> Logs:
    """Cloud Logging: `logs.say("a line")`, `logs.found('textPayload:"line"')`."""
    return Logs(google, gcp_clients)


@pytest.fixture
def impatient(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs may be read as often as one likes: neither our own pace nor Google's quota counts."""
    monkeypatch.setattr("toolkit.clouds.gcp.LOG_READS", 10_000)
    google.settings = google.settings.changed({"log_read_quota": 0})


@pytest.fixture
def stage(gcp_context: Context, cloud_run: CloudRun, granting: Granting, impatient: None) -> Stage:
    """Agents that follow plays, as runs on Cloud Run."""
    return Stage(gcp_context, cloud_run, granting.account)


@pytest.fixture
def dev_account(granting: Granting) -> str:
    """The e-mail of the service account of agent `dev`, which may nothing yet."""
    return str(granting.account("al-shop-staging-dev").email)


@pytest.fixture
def job_environ(shelf: Shelf, dev_account: str) -> dict[str, str]:
    """The variables that a job of agent `dev` has around it."""
    return {
        **shelf.google.surroundings(shelf.google.tickets.issue(dev_account)),
        "AL_PLATFORM": "gcp",
        "AL_RUNTIME": "cloud_run",
        "AL_REGION": shelf.google.region,
        "AL_PROJECT": "shop",
        "AL_ENVIRONMENT": "staging",
    }


@pytest.fixture
def allow_runs(dev_account: str, granting: Granting, gcp_context: Context) -> Callable[[str], None]:
    """Lets that account do what runs of an agent need: `allow_runs("dev")`."""
    role = granting.role("al_runs", RUN_PERMISSIONS).name
    names = GcpNames(gcp_context.environment.scope)

    def allow(agent: str) -> None:
        expression = run_condition(names, granting.clients.number, agent)
        granting.grant(binding(role, member(dev_account), expression=expression))

    return allow
