"""A push that dies at any point: whatever it had recorded by then, the next one makes the account and the record agree.

Dying is simulated before each write of a fact, the one thing that separates doing from having done.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.errors import Conflict, NotFound
from toolkit.core.names import GATEWAY
from toolkit.ops import deploy_lease, push
from toolkit.ops.holder import Holder
from toolkit.ops.load import load_services
from toolkit.ops.push import steps as push_steps
from toolkit.wiring import Services

from .conftest import Stage

STEP = 1 if "AL_CHAOS" in os.environ else 2  # every second fact, but where there is time
NUMBERS = itertools.count()  # every test has a project of its own


class Died(BaseException):
    """The process is gone."""


class Mortal:
    """A ledger whose process dies before its nth fact is written; nothing is written afterwards."""

    def __init__(self, ledger: Any, lives: int) -> None:
        self._ledger, self._lives = ledger, lives
        self.died = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def set_fact(self, key: str, value: Any, **conditions: Any) -> bool:
        if key != deploy_lease.FACT or self.died:
            self._lives -= 1
            if self._lives < 0:
                self.died = True
                raise Died
        kept: bool = self._ledger.set_fact(key, value, **conditions)
        return kept


def services_of(stage: Stage) -> Services:
    return load_services(stage.project, "sandbox", note=lambda text: None)


def pushed_to_death(stage: Stage, lives: int) -> bool:
    """Push and die before fact number `lives`; whether there was that much to do."""
    services = services_of(stage)
    ledger = Mortal(services.ledger, lives)
    services.__dict__["ledger"] = ledger
    try:
        push_steps.carry_out(push.decide(services), lambda text: None)
    except Died:
        services_of(stage).ledger.set_fact(deploy_lease.FACT, None)  # as when it has run out
    return ledger.died


def push_whole(stage: Stage) -> None:
    push_steps.carry_out(push.decide(services_of(stage)), lambda text: None)


def check_agreement(stage: Stage) -> None:
    """What the facts say is what the account has, and a further push has nothing to do."""
    services = services_of(stage)
    facts = push.read_facts(services)
    assert not push.decide(services).plan.changes
    assert services.project is not None
    names = services.context.names
    agents = {str(agent.name) for agent in services.project.agents}
    assert {key.split("/")[1] for key in facts if key.startswith("definition/")} == agents
    for agent in agents:
        check_definition(stage, facts[f"definition/{agent}"])
    for key in facts:
        if key.startswith("image/"):
            images = stage.client("ecr").describe_images(repositoryName=key.removeprefix("image/"))[
                "imageDetails"
            ]
            assert facts[key]["digest"] in {image["imageDigest"] for image in images}
        if key.startswith("credential/"):
            kind, instance, field = key.removeprefix("credential/").split("/")
            assert services.store.get(f"{names.secrets}{kind}/{instance}/{field}") is not None
    on_lambda = {
        names.function(a) for a in agents if facts[f"definition/{a}"]["runtime"] == "aws_lambda"
    }
    functions = stage.client("lambda").get_paginator("list_functions").paginate()
    mine = {f["FunctionName"] for page in functions for f in page["Functions"]}
    prefix = names.function("x").removesuffix("x")
    assert {name for name in mine if name.startswith(prefix)} == on_lambda | {
        names.function(GATEWAY)
    }
    assert (
        urlopen(  # noqa: S310 - the URL is the sandbox own
            facts["gateway"]["url"] + "/health", timeout=10
        ).status
        == 200
    )


def check_definition(stage: Stage, fact: dict[str, Any]) -> None:
    """The version or revision is there, with the image that the fact names."""
    if fact["runtime"] == "aws_lambda":
        function, version = fact["ref"].rsplit(":", 1)
        found = stage.client("lambda").get_function(FunctionName=function, Qualifier=version)
        assert found["Code"]["ImageUri"] == fact["image"]
        return
    found = stage.client("ecs").describe_task_definition(taskDefinition=fact["ref"])[
        "taskDefinition"
    ]
    assert (found["status"], found["containerDefinitions"][0]["image"]) == ("ACTIVE", fact["image"])


def _write(stage: Stage, **timeouts: int) -> None:
    for name, timeout in timeouts.items():
        stage.agent(name, "exit 0", timeout=timeout)


def everything(stage: Stage) -> Iterator[None]:
    """One agent moves from Lambda to Fargate and needs a credential, another is removed, and the gateway's image gets
    a new setting; then all of it back.  One push has every kind of change: a push for each kind took minutes."""
    (stage.project / "environments").mkdir(exist_ok=True)
    for number in itertools.count(4):
        (stage.project / "environments" / "sandbox.toml").write_text(
            f'[cloud]\nprovider = "ecs"\nkeepImages = {number}\n'
        )
        if number % 2:
            _write(stage, one=300, two=3600)
        else:
            stage.agent("one", "exit 0", timeout=3600, config='credentials = ["sentry_token"]\n')
            shutil.rmtree(stage.project / "agents" / "two")
        yield


@pytest.fixture
def stage(
    new_stage: Callable[[str], Stage],
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    made = new_stage(f"resume-{next(NUMBERS)}")
    monkeypatch.setenv("AL_HOME", str(made.home))
    made.al("creds", "add", "sentry_token", given="sntrys_value")
    _write(made, one=300, two=3600)
    return made


def test_a_push_that_dies_before_any_fact_is_finished_by_the_next(stage: Stage) -> None:
    """For every fact of every kind of change: die before it is written, push again, and everything agrees."""
    push_whole(stage)
    changes = everything(stage)
    for lives in range(0, 50, STEP):
        next(changes)
        died = pushed_to_death(stage, lives)
        push_whole(stage)
        check_agreement(stage)
        if not died:
            return
    raise AssertionError("a push never came to its end")


def test_a_first_push_that_dies_before_any_fact_is_finished_by_the_next(
    stage: Stage, new_stage: Callable[[str], Stage]
) -> None:
    """The same for the very first push, each time of another project."""
    for lives in range(0, 30, 3):
        other = new_stage(f"first-{lives}")
        _write(other, one=300)
        died = pushed_to_death(other, lives)
        push_whole(other)
        check_agreement(other)
        if not died:
            return
    raise AssertionError("a push never came to its end")


def test_two_pushes_at_once_are_one_after_the_other(stage: Stage) -> None:
    """The second is told who is pushing, and nothing of it is done."""
    push_whole(stage)
    _write(stage, one=301)
    services = services_of(stage)
    decided = push.decide(services)
    with (
        deploy_lease.held(services.ledger, Holder(name="somebody@elsewhere pid 1")),
        pytest.raises(Conflict, match="somebody@elsewhere"),
    ):
        push_steps.carry_out(decided, lambda text: None)
    assert push_steps.carry_out(decided, lambda text: None).definitions


def test_a_plan_that_somebody_overtook_is_not_carried_out(stage: Stage) -> None:
    """Between deciding and doing another push changed the environment: decide again."""
    push_whole(stage)
    _write(stage, one=302)
    overtaken = push.decide(services_of(stage))
    push_whole(stage)
    with pytest.raises(Conflict, match="since this was decided"):
        push_steps.carry_out(overtaken, lambda text: None)


def test_a_renamed_project_is_not_deployed_twice(stage: Stage) -> None:
    """A new `name` would silently make a second copy of everything."""
    push_whole(stage)
    (stage.project / "config.toml").write_text('name = "renamed"\n')
    done = stage.al("push", "-E", "sandbox")
    assert done.returncode == 2
    assert "is now called 'renamed'" in done.stderr


def test_a_dry_run_writes_nothing_at_all(
    new_stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key on this machine, no table, no fact: a preview that changes something is not one."""
    made = new_stage("dry")
    monkeypatch.setenv("AL_HOME", str(made.home))
    _write(made, one=300)
    before = {p for p in made.home.rglob("*") if "credentials" in p.parts}
    push.decide(services_of(made))
    assert {p for p in made.home.rglob("*") if "credentials" in p.parts} == before
    with pytest.raises(NotFound):
        services_of(made).ledger.facts("")


def test_a_second_machine_keeps_the_gateway_s_key(stage: Stage) -> None:
    """Another laptop's own key does not replace the deployed one; it learns the deployed one instead."""
    push_whole(stage)
    services = services_of(stage)
    names = services.context.names
    deployed = services.store.get(f"{names.secrets}gateway_api_key/default/key")
    services.local_store.delete(
        f"gateway_api_key/{names.scope.project}.{names.scope.environment}/key"
    )
    _write(stage, one=303)
    push_whole(stage)
    after = services.store.get(f"{names.secrets}gateway_api_key/default/key")
    assert deployed is not None
    assert after is not None
    assert deployed.reveal() == after.reveal()
    assert stage.al("logs", str(AgentName("one")), "-E", "sandbox").returncode == 0
