"""A push that fails, is interrupted, or comes second: what it says, and with which code it ends."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

from tests.fakes import MemoryStore
from toolkit.core.errors import ConfigError, Conflict, CredentialError
from toolkit.core.secrets import Secret
from toolkit.ops import deploy_lease, push
from toolkit.ops.deploy_lease import Busy
from toolkit.ops.holder import Holder
from toolkit.ops.load import load_services
from toolkit.ops.push import steps as push_steps
from toolkit.wiring import Services

from .conftest import Stage, kill, wait_until
from .terminal import terminal
from .test_resume import check_agreement, push_whole

ELSEWHERE = Holder(name="ci@elsewhere pid 1 (https://ci.example/run/5)")

NUMBERS = itertools.count()  # every test has a project of its own


@pytest.fixture
def stage(
    new_stage: Callable[[str], Stage],
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    """One agent, not yet pushed."""
    made = new_stage(f"fails-{next(NUMBERS)}")
    monkeypatch.setenv("AL_HOME", str(made.home))
    made.agent("one", "exit 0")
    services_of(made)  # which starts the sandbox
    return made


def services_of(stage: Stage) -> Services:
    return load_services(stage.project, "sandbox", note=lambda text: None)


def names(changes: list[dict[str, str]]) -> set[str]:
    return {change["kind"] for change in changes}


def test_a_failure_says_what_was_done_and_what_was_not(stage: Stage) -> None:
    """As text and as JSON, with code 1; the next push does the rest once the reason is gone."""
    role, nobody = (
        f"al-{stage.project.name}-sandbox-one-lambda-role",
        '{"Version": "2012-10-17", "Statement": []}',
    )
    stage.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=nobody)
    done = stage.al("push", "-E", "sandbox", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert role in answer["error"]["message"]
    assert answer["error"]["hint"]
    assert names(answer["done"]) == {"table"}
    assert {"role", "image", "definition", "credential value"} <= names(answer["not_done"])
    assert f"done: table al-{stage.project.name}-sandbox" in done.stderr
    assert "not done: " in done.stderr
    stage.client("iam").delete_role(RoleName=role)
    assert stage.answer("push")["not_done"] == []


def test_a_wrong_project_ends_with_2(stage: Stage) -> None:
    """Nothing was begun; who reads JSON gets the error there."""
    stage.agent("one", "exit 0", timeout=-1)
    done = stage.al("push", "-E", "sandbox", "--json")
    assert done.returncode == 2
    assert "timeout" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_push_ends_with_130_and_frees_the_environment(
    stage: Stage, by: signal.Signals
) -> None:
    """By Ctrl-C, or cancelled by CI: what was and was not done is said, and nobody has to wait for it."""
    process = stage.start("push", "-E", "sandbox", "--json")
    assert process.stderr
    line = next(line for line in process.stderr if "infrastructure" in line)
    os.killpg(process.pid, by)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, "infrastructure" in line) == (130, True)
    assert "not done: " in err
    assert json.loads(out)["error"]["message"] == "interrupted"
    assert services_of(stage).ledger.fact(deploy_lease.FACT) is None
    assert stage.answer("push")["not_done"] == []


MORTAL = """
import sys
from pathlib import Path
from toolkit.ops import push
from toolkit.ops.push import steps as push_steps
from toolkit.ops.deploy_lease import Terms
from toolkit.ops.holder import Holder
from toolkit.ops.load import load_services

services = load_services(Path.cwd(), "sandbox", note=lambda text: None)
push_steps.carry_out(
    push.decide(services), lambda text: print(text, flush=True),
    who=Holder(name=sys.argv[1]), terms=Terms(lasts=15, renewed=0.5),
)
"""


def test_a_killed_push_of_another_machine_blocks_nobody_for_long(stage: Stage) -> None:
    """`kill -9` in the middle: the next is told whose push it was, its lease ends by itself, and the work is finished."""
    process = subprocess.Popen(
        [sys.executable, "-c", MORTAL, ELSEWHERE.name], cwd=stage.project, env=stage.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    begun = next((line for line in process.stdout if line.startswith("image: one")), "")
    _, said_last = kill(process)
    assert begun, said_last
    services, said = services_of(stage), list[str]()
    decided = push.decide(services)
    with pytest.raises(Busy, match="ci@elsewhere pid 1"):
        push_steps.carry_out(decided, said.append)
    deploy_lease.wait_until_free(services.ledger, said.append)
    assert said == [f"waiting for {ELSEWHERE.name}, who is changing this environment (Ctrl-C gives up)"]  # fmt: skip
    push_whole(stage)
    check_agreement(stage)


def test_who_comes_second_in_a_terminal_waits_and_decides_again(stage: Stage) -> None:
    """It names the first; once that is done there may be nothing left to do, and that is what is shown."""
    push_whole(stage)
    stage.agent("one", "exit 1")
    with terminal(stage, "push", "-E", "sandbox") as (process, _, screen):
        with deploy_lease.held(services_of(stage).ledger, ELSEWHERE):
            wait_until(lambda: f"waiting for {ELSEWHERE.name}" in screen())
            stage.agent("one", "exit 0")
        assert process.wait(60) == 0
        wait_until(lambda: "everything was there already" in screen(), 5)
    assert "~ definition" in screen().partition("waiting for")[0]
    assert "nothing to change" in screen().partition("waiting for")[2]


def test_who_comes_second_where_nobody_watches_fails(stage: Stage) -> None:
    """CI must neither hang nor surprise: code 1 at once, naming the first; also as JSON."""
    push_whole(stage)
    stage.agent("one", "exit 1")
    with deploy_lease.held(services_of(stage).ledger, ELSEWHERE):
        done = stage.al("push", "-E", "sandbox", "-H", "--json")
    assert done.returncode == 1
    assert ELSEWHERE.name in json.loads(done.stdout)["error"]["message"]


def test_a_push_that_was_overtaken_while_it_slept_records_nothing_more(stage: Stage) -> None:
    """A laptop is closed in the middle and another machine pushes: when it wakes up it stops, naming the other."""
    push_whole(stage)
    stage.agent("one", "exit 3")
    services = services_of(stage)
    with pytest.raises(Conflict, match="no longer holds the environment: ci@elsewhere"):  # fmt: skip
        push_steps.carry_out(push.decide(services), overtaken_at("image: one", services))
    services.ledger.set_fact(deploy_lease.FACT, None)
    push_whole(stage)
    check_agreement(stage)


def overtaken_at(step: str, services: Services) -> Callable[[str], None]:
    """At that step, somebody else takes the environment."""

    def progress(text: str) -> None:
        if text.startswith(step):
            services.ledger.set_fact(deploy_lease.FACT, {"holder": ELSEWHERE.name, "id": "x", "expires": "2999-01-01T00:00:00Z"})  # fmt: skip

    return progress


def test_a_home_that_cannot_be_written_is_no_hindrance(stage: Stage) -> None:
    """The gateway's first key is in the environment; the copy on this machine is a convenience."""
    services = services_of(stage)
    services.__dict__["local_store"] = Unwritable()
    push_steps.carry_out(push.decide(services), lambda text: None)
    name = f"{services.context.names.secrets}gateway_api_key/default/key"
    assert services.store.get(name) is not None
    assert push.decide(services).plan.changes == ()


class Unwritable(MemoryStore):
    """A home on a file system that is mounted to be read."""

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        raise CredentialError(f"{name} cannot be kept (Read-only file system)", hint="mount it")


def test_a_missing_engine_is_told_before_anything_is_made(stage: Stage) -> None:
    """Where Pulumi is needed and not there, not even the table is made."""
    services = services_of(stage)
    services.__dict__["pulumi"] = NoPulumi()
    with pytest.raises(ConfigError, match="there is no Pulumi CLI") as refused:
        push_steps.carry_out(push.decide(services), lambda text: None)
    assert "--install-pulumi" in refused.value.hint
    assert push.read_facts(services) == {}


class NoPulumi:
    """What a real environment's services say on a machine without the CLI."""

    wanted, place = "3.0.0", None

    def missing(self) -> str:
        return "there is no Pulumi CLI on the PATH"
