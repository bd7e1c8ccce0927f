"""Runs are started over a cloud on a bad day: none has two tasks, no secret stays, and every record is true.

Every call that the scheduler makes on the way goes through trouble.py: its ledger's, its secrets', its runtime's.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from moto_tests.conftest import make_group
from moto_tests.given import CLUSTER, IMAGE, REGION, agent, with_cloud
from moto_tests.trouble import Began, Kind, Trouble, troubled
from runtimes.aws_lambda import AwsLambda
from runtimes.ecs_fargate import EcsFargate
from tests.fakes import FakeClock
from tests.scheduler.stage import post
from toolkit.core.agent import AgentName
from toolkit.core.clock import iso, now
from toolkit.core.ports import Context
from toolkit.core.run import Cause, Run, RunId, RunState, Trigger, TriggerKind
from toolkit.inside.platforms.aws import Aws
from toolkit.scheduler import starts
from toolkit.scheduler.desk import Desk
from toolkit.scheduler.dispatch import Definition, fact_key
from toolkit.scheduler.loop import Loop
from toolkit.scheduler.roster import Roster
from toolkit.scheduler.settle import LAUNCH_PATIENCE, verdict
from toolkit.scheduler.submit import submit
from toolkit.wiring import Services

AHEAD = 61.0  # seconds: longer than the longest wait between two attempts
STEPS = 4
RUNTIMES = ("ecs_fargate", "aws_lambda")


@dataclass
class Stage:
    """`desk` sees the cloud through its trouble, `behind` as it is."""

    desk: Desk
    behind: Services
    trouble: Trouble
    clock: FakeClock
    worked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    played: int = 0

    def submit(self) -> RunId:
        return submit(
            replace(self.desk, services=self.behind),
            Trigger(agent=AgentName("dev"), kind=TriggerKind.WEBHOOK),
        ).run

    def play(self) -> None:
        """The containers that have begun do their work."""
        while self.played < len(self.trouble.began):
            self._container(self.trouble.began[self.played])
            self.played += 1

    def _container(self, began: Began) -> None:
        scope = self.behind.environment.scope
        hand = Aws(
            {
                **os.environ,
                "AL_REGION": REGION,
                "AL_TABLE": self.behind.context.names.base,
                "AL_SECRET": began.secret,
                "AL_PROJECT": scope.project,
                "AL_ENVIRONMENT": scope.environment,
                "AL_RUN_ID": began.run,
            },
            settling=0.0,
        )
        if not hand.claim({}):
            self.refused[began.run] += 1
            return
        self.worked[began.run] += 1
        hand.read_secret()
        hand.note(read=iso(now()))
        hand.burn_secret()
        hand.note(burned=iso(now()))
        report = {"exit_code": 0, "state": "succeeded", "reason": "", "finished": iso(now())}
        hand.note(report=report)

    def steps(self, count: int = STEPS) -> None:
        """A scheduler's passes, a minute apart, and what runs do meanwhile."""
        loop = Loop(self.desk, hands=2)
        for _ in range(count):
            loop.step(self.clock())
            self.play()
            self.clock.sleep(AHEAD)
        loop.close()

    def run(self, run: RunId) -> Run:
        found = self.behind.ledger.get(run)
        assert found is not None
        return found

    def secrets(self) -> list[str]:
        prefix = f"{self.behind.context.names.secrets}runs/"
        return [stored.name for stored in self.behind.run_secrets.list(prefix)]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, aws_context: Context, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """The agent `dev`, pushed; botocore's own waits between two attempts are short."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    behind = Services(aws_context)
    assert behind.environment.cloud is not None
    endpoint = str(behind.environment.cloud.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "role")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role")
    behind.ledger.prepare()
    pushed = PUSHES[request.param](aws_context)
    known = Definition(
        agent="dev", runtime=request.param, ref=pushed, image=IMAGE, hash="h", timeout=900
    )
    behind.ledger.set_fact(fact_key("dev"), known.to_fact())
    clock = FakeClock(now())
    roster = Roster(project="shop", posts={"dev": post("dev", scale=2)})
    with troubled(endpoint) as (url, trouble):
        services = Services(with_cloud(aws_context, endpoint=url))
        desk = Desk(services=services, roster=lambda: roster, clock=clock)
        yield Stage(desk, behind, trouble, clock)


def on_fargate(context: Context) -> str:
    runtime = EcsFargate(context)
    runtime.clients.client("ecs").create_cluster(clusterName=CLUSTER)
    make_group(runtime)
    return runtime.define(runtime.definition(agent(), IMAGE))


def on_lambda(context: Context) -> str:
    runtime = AwsLambda(context)
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}'
    clients = runtime.clients
    role = f"{CLUSTER}-dev-lambda-role"
    clients.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    clients.client("logs").create_log_group(logGroupName=f"/aws/lambda/{CLUSTER}-dev")
    return runtime.define(runtime.definition(agent(), IMAGE))


PUSHES: dict[str, Any] = {"ecs_fargate": on_fargate, "aws_lambda": on_lambda}


def true_and_over(stage: Stage, runs: list[RunId]) -> None:
    """The laws, whatever happened: see this module's docstring."""
    records = [stage.run(run) for run in runs]
    assert [r.state for r in records if not r.state.final] == []
    assert max(stage.worked.values(), default=0) <= 1
    assert {r.id for r in records if r.state is RunState.SUCCEEDED} == stage.worked.keys()
    assert [r.id for r in records if r.lease and not r.receipt.verified_absent] == []
    assert stage.secrets() == []
    assert list(stage.behind.ledger.queue.waiting()) == []
    assert list(stage.behind.ledger.queue.at_work()) == []


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("stage", RUNTIMES, indirect=True)
def test_what_happens_once_to_every_call_does_no_harm(stage: Stage, kind: Kind) -> None:
    """The first call of each operation meets it; all runs do their work, and do it once."""
    runs = [stage.submit(), stage.submit()]
    stage.trouble.plan = lambda _, number: kind if number == 1 else None
    stage.steps()
    true_and_over(stage, runs)
    assert [stage.run(run).state for run in runs] == [RunState.SUCCEEDED] * 2


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("stage", RUNTIMES, indirect=True)
def test_on_a_bad_day_every_run_ends_once(stage: Stage, seed: int) -> None:
    """A tenth of all calls fails in some way, for some minutes; afterwards everything is settled."""
    runs, dice = [stage.submit() for _ in range(6)], random.Random(seed)
    kinds = [kind for kind in Kind if kind is not Kind.SLOW]
    stage.trouble.plan = lambda *_: dice.choice(kinds) if dice.random() < 0.1 else None
    stage.steps(4)
    stage.trouble.plan = lambda *_: None
    stage.steps()
    true_and_over(stage, runs)


LAUNCHES = [("ecs_fargate", "RunTask", 4), ("aws_lambda", "Invoke", 1)]


@pytest.mark.parametrize(("stage", "operation", "calls"), LAUNCHES, indirect=["stage"])
def test_a_launch_that_is_always_refused_is_given_up(
    stage: Stage, operation: str, calls: int
) -> None:
    """After three attempts of some calls each: its record says why."""
    run = stage.submit()
    stage.trouble.plan = lambda asked, _: Kind.THROTTLED if asked == operation else None
    stage.steps()
    assert stage.trouble.asked[operation] == starts.MOST * calls
    true_and_over(stage, [run])
    assert (stage.run(run).state, stage.run(run).cause) == (RunState.FAILED, Cause.NETWORK)


@pytest.mark.parametrize(("stage", "operation", "calls"), LAUNCHES, indirect=["stage"])
def test_a_launch_that_is_never_answered_is_given_up(
    stage: Stage, operation: str, calls: int
) -> None:
    """It may have started all the same: so it is asked to stop, and ten minutes later it is known to have not."""
    run = stage.submit()
    stage.trouble.plan = lambda asked, _: Kind.UNSENT if asked == operation else None
    stage.steps()
    assert stage.trouble.asked[operation] == starts.MOST * calls
    assert (stage.secrets(), stage.trouble.began) == ([], [])
    record, box = stage.run(run), stage.behind.ledger.mailbox(run)
    assert (record.state, box.stop) == (RunState.STARTING, True)
    end = verdict(record, box, None, now() + LAUNCH_PATIENCE)
    assert (end.state, end.cause) == (RunState.STOPPED, Cause.NEVER_STARTED)
