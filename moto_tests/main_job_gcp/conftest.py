"""The same stage as moto_tests/main_job has, on the embedded Google cloud; and that cloud, to look into."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from moto_tests.main_job.conftest import Stage
from toolkit.clouds.gcp import GcpClients
from toolkit.config.environments import sandbox_google, sandbox_state
from toolkit.core.environment import Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.sandbox import daemon

WHERE = "sandbox-gcp"
AGENTS = {
    "quick": 'echo "hello from $AL_RUN_ID"; al-return "done $AL_RUN_ID"',
    "fails": "echo about to fail; exit 7",
    "again": "exit 42",
    "counts": 'for n in 1 2 3 4 5 6 7 8 9 10; do echo "line $n"; sleep 0.4; done',
    "slow": "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.3; done",
}
FIELDS = {"access_token": "at-0123456789abcdef", "access_token_secret": "ats-0123456789abcdef"}
SECRETIVE = """
cd "$AL_CREDENTIALS_PATH/x_twitter_user_oauth1/default"
for field in *; do echo "$field: $(stat -c %a "$field") $(wc -c < "$field") bytes"; done
cat access_token access_token_secret; echo "=$X_ACCESS_TOKEN="
"""


class GoogleStage(Stage):
    """The same in the embedded Google cloud, whose timers fire when a test asks for it (`tick`)."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "AL_SANDBOX_GCP_CLOCK": "0"}

    def tick(self) -> int:
        running = daemon.status(self.home)
        assert running is not None
        assert running.google is not None
        where = f"http://{running.google.http}/al-sandbox/tick"
        answer = httpx.post(where, trust_env=False, timeout=150)
        return int(answer.raise_for_status().json()["fired"])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose sandbox ends with the session."""
    made = tmp_path_factory.mktemp("home")
    yield made
    daemon.stop(made)


@pytest.fixture(scope="session")
def new_stage(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stage]:
    """Another project with the same cloud: `new_stage("shop")`."""

    def make(name: str) -> Stage:
        project = tmp_path_factory.mktemp("projects") / name
        (project / "agents").mkdir(parents=True)
        (project / "config.toml").write_text(f'name = "{name}"\n')
        return GoogleStage(home=home, project=project, where=WHERE)

    return make


@pytest.fixture(scope="session")
def pushed(new_stage: Callable[[str], Stage]) -> Stage:
    """A pushed project with an agent for each way to end."""
    stage = new_stage("shop")
    for name, script in AGENTS.items():
        stage.agent(name, script)
    stage.agent("late", "sleep 30", timeout=2)
    stage.agent("secretive", SECRETIVE, config='credentials = ["x_twitter_user_oauth1"]\n')
    add_credential(stage)
    done = stage.al("push", "-E", WHERE)
    assert done.returncode == 0, done.stderr
    return stage


def add_credential(stage: Stage) -> None:
    done = stage.al("creds", "add", "x_twitter_user_oauth1", given=json.dumps(FIELDS))
    assert done.returncode == 0, done.stderr


class Cloud:
    """What the embedded cloud holds of one project."""

    def __init__(self, stage: Stage) -> None:
        self.names = GcpNames(Scope(project=stage.project.name, environment=WHERE))
        self.clients = GcpClients(sandbox_google(sandbox_state(stage.home), self.names.scope))

    def held(self) -> list[str]:
        """The full names of everything whose name or labels are the project's."""
        return sorted(name for kind in _KINDS for name in kind(self))

    def secrets(self) -> Iterator[str]:
        from google.cloud import secretmanager_v1 as sm

        client = self.clients.client(sm.SecretManagerServiceClient)
        return self._ours(client.list_secrets(parent=self.clients.parent), self.names.secrets)

    def run_secrets(self) -> list[str]:
        return [name for name in self.secrets() if f"/{self.names.secrets}runs--" in name]

    def jobs(self) -> Iterator[str]:
        from google.cloud import run_v2

        client = self.clients.client(run_v2.JobsClient)
        return self._ours(client.list_jobs(parent=self.clients.location))

    def running(self) -> list[str]:
        """Executions that go on."""
        from google.cloud import run_v2

        client = self.clients.client(run_v2.ExecutionsClient)
        found = client.list_executions(parent=f"{self.clients.location}/jobs/-")
        return [one.name for one in found if not one.completion_time]

    def services(self) -> Iterator[str]:
        from google.cloud import run_v2

        client = self.clients.client(run_v2.ServicesClient)
        return self._ours(client.list_services(parent=self.clients.location))

    def accounts(self) -> Iterator[str]:
        from google.cloud import iam_admin_v1

        client = self.clients.client(iam_admin_v1.IAMClient)
        return self._ours(client.list_service_accounts(name=self.clients.parent))

    def roles(self) -> Iterator[str]:
        from google.cloud import iam_admin_v1

        client = self.clients.client(iam_admin_v1.IAMClient)
        found = client.list_roles({"parent": self.clients.parent})
        return self._ours(found, self.names.role(""))

    def repositories(self) -> Iterator[str]:
        from google.cloud import artifactregistry_v1 as ar

        client = self.clients.client(ar.ArtifactRegistryClient)
        return self._ours(client.list_repositories(parent=self.clients.location))

    def images(self) -> list[str]:
        """Of all its repositories."""
        from google.cloud import artifactregistry_v1 as ar

        client = self.clients.client(ar.ArtifactRegistryClient)
        return [p.name for place in self.repositories() for p in client.list_packages(parent=place)]

    def databases(self) -> Iterator[str]:
        from google.cloud import firestore_admin_v1

        client = self.clients.client(firestore_admin_v1.FirestoreAdminClient)
        return self._ours(client.list_databases(parent=self.clients.parent).databases)

    def timers(self) -> Iterator[str]:
        from google.cloud import scheduler_v1

        client = self.clients.client(scheduler_v1.CloudSchedulerClient)
        return self._ours(client.list_jobs(parent=self.clients.location))

    def granted(self) -> dict[str, list[str]]:
        """Role -> who of the project's accounts has it on the whole of Google's project."""
        from google.cloud import resourcemanager_v3

        client = self.clients.client(resourcemanager_v3.ProjectsClient)
        asked = {"resource": self.clients.parent, "options": {"requested_policy_version": 3}}
        found: dict[str, list[str]] = {}
        for binding in client.get_iam_policy(request=asked).bindings:
            ours = [member for member in binding.members if self.names.accounts in member]
            found |= {binding.role: [*found.get(binding.role, ()), *ours]} if ours else {}
        return found

    def members(self) -> Iterator[str]:
        """Whoever has a role on Google's project."""
        return (member for members in self.granted().values() for member in members)

    def _ours(self, found: Any, head: str | None = None) -> Iterator[str]:
        beginnings = {head or self.names.accounts, "gw-" + self.names.accounts}
        for one in found:
            last = one.name.rpartition("/")[2]
            if last.startswith(tuple(beginnings)):
                yield one.name


_KINDS = (
    *(Cloud.secrets, Cloud.jobs, Cloud.services, Cloud.accounts, Cloud.roles),
    *(Cloud.repositories, Cloud.databases, Cloud.members, Cloud.timers),
)


@pytest.fixture
def cloud(pushed: Stage) -> Cloud:
    return Cloud(pushed)
