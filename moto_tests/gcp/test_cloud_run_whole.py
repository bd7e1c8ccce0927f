"""A run on Google Cloud from its trigger to its receipt: the real image, the real container, its account's own rights."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from google.cloud.artifactregistry_v1 import ArtifactRegistryClient

from moto_tests.gcp.agents import Stage
from moto_tests.gcp.run_world import eventually
from moto_tests.gcp.test_cloud_run_death import grant
from tests.fakes import MemoryLedger
from toolkit.core import pace
from toolkit.core.agent import Agent, AgentName, CredentialRef, Project
from toolkit.core.credential import CredentialType, Field
from toolkit.core.run import Run, RunState, Trigger, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.images.base import base_reference, image
from toolkit.images.builders.append import Append
from toolkit.ops import run as runs
from toolkit.ops.logs import follow_run
from toolkit.scheduler.dispatch import Definition, dispatch, fact_key
from toolkit.wiring import Services

SSH = CredentialType(
    id="git_ssh",
    label="SSH key",
    fields=(Field(name="id_rsa", label="key"), Field(name="username", label="user")),
)
SCRIPT = """
for field in id_rsa username; do wc -c < "$AL_CREDENTIALS_PATH/git_ssh/default/$field"; done
al-return "all is well"
"""


@dataclass
class Whole:
    """One agent with a credential of two fields, pushed as it really is."""

    stage: Stage
    services: Services

    def deploy(self, script: str) -> None:
        context = self.stage.context
        agent = self._agent(script)
        project = Project(name="shop", directory=context.project, agents=(agent,))
        registry = self.services.registry
        base = base_reference(context, registry)  # type: ignore[arg-type]
        plan = Append(context).plan(project, agent, types={"git_ssh": SSH}, base=base)
        reference = image(context, plan.repository, Append(context).build(plan, registry))
        definition = Definition(
            agent="dev",
            runtime="cloud_run",
            ref=self.stage.runtime.define(self.stage.runtime.definition(agent, reference)),
            image=reference,
            hash="",
            timeout=agent.timeout,
            credentials=("git_ssh/default/id_rsa", "git_ssh/default/username"),
        )
        self.services.ledger.set_fact(fact_key("dev"), definition.to_fact())

    def start(self) -> Run:
        return dispatch(self.services, Trigger(agent=AgentName("dev"), kind=TriggerKind.MANUAL))

    def _agent(self, script: str) -> Agent:
        place = self.stage.context.project / "agents" / "dev"
        place.mkdir(parents=True, exist_ok=True)
        (place / "test-script.sh").write_text(f"#!/bin/sh\n{script}")
        (place / "SKILL.md").write_text("---\ndescription: d\n---\nwork\n")
        return Agent(
            name=AgentName("dev"),
            directory=place,
            instructions="work",
            credentials=(CredentialRef(type="git_ssh"),),
            timeout=120,
            script=True,
        )


@pytest.fixture(params=["reference", "mount"])
def whole(
    stage: Stage,
    request: pytest.FixtureRequest,
    credentials: Callable[[Services], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Whole:
    monkeypatch.setattr(pace, "OF_OTHERS", 0.2)
    used = stage.mounting() if request.param == "mount" else stage
    grant(used)
    services = Services(used.context).with_ledger(MemoryLedger())
    credentials(services)
    repository = {"format_": "DOCKER"}
    stage.runtime.clients.client(ArtifactRegistryClient).create_repository(
        parent=stage.runtime.clients.location, repository_id="al", repository=repository
    ).result(timeout=10)
    return Whole(used, services)


@pytest.fixture
def credentials() -> Callable[[Services], None]:
    def store(services: Services) -> None:
        names = services.context.names
        for field, value in (("id_rsa", "12345"), ("username", "me")):
            name = names.credential(CredentialRef(type="git_ssh"), field)
            services.store.put(name, Secret(value), tags=names.tags())

    return store


def last(services: Services, run: Run) -> Run:
    *_, over = runs.watch(services, run, every=0.1)
    return over


def test_a_run_goes_from_trigger_to_receipt(whole: Whole) -> None:
    """More than one field of a credential arrives, the return value comes back through the log, and the secret is read,
    gone, and seen to be gone."""
    whole.deploy(SCRIPT)
    run = whole.start()
    over = last(whole.services, run)
    assert (over.state, over.exit_code, over.reason) == (RunState.SUCCEEDED, 0, "")
    assert over.return_value == "all is well"
    assert over.receipt.complete
    output = [e["text"].strip() for e in follow_run(whole.services, run.id) if e["msg"] == "output"]
    assert output[:2] == ["5", "2"]


def test_a_run_that_asks_for_another_one_says_so(whole: Whole) -> None:
    """Exit code 42, from the task and from the report alike."""
    whole.deploy("exit 42")
    over = last(whole.services, whole.start())
    assert (over.state, over.exit_code) == (RunState.SUCCEEDED, 42)


def test_a_run_that_is_stopped_reports_it(whole: Whole) -> None:
    """SIGTERM reaches the container, which ends its script and says how."""
    whole.deploy("echo begun; sleep 60")
    run = whole.start()
    lines = follow_run(whole.services, run.id, poll=0.1)
    eventually(lambda: next(lines).get("text") == "begun")
    runs.stop(whole.services, run)
    over = last(whole.services, run)
    assert over.state is RunState.STOPPED
    assert over.receipt.complete


def test_a_run_costs_few_calls(whole: Whole, stage: Stage) -> None:
    """Besides looking at it: the secret and its version, the run, and in the container the claim, which is the deletion."""
    whole.deploy("true")
    google = stage.world.google
    google.counts.clear()
    last(whole.services, whole.start())
    counted = Counter({name.rpartition("/")[2]: n for name, n in google.counts.items()})
    writes = {name: counted[name] for name in WRITES if counted[name]}
    assert writes == (REFERENCE if not whole.stage.runtime.cloud.mount_secrets else MOUNT)


WRITES = ("CreateSecret", "AddSecretVersion", "DestroySecretVersion", "DeleteSecret", "CreateJob", "UpdateJob", "RunJob", "DeleteJob")  # fmt: skip
REFERENCE = {"CreateSecret": 1, "AddSecretVersion": 1, "DeleteSecret": 1, "RunJob": 1}
MOUNT = REFERENCE | {"CreateJob": 1, "DeleteJob": 1}
