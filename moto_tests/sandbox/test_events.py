"""EventBridge in the sandbox: rules with a rate fire, tasks that stop are told of, and only who may calls a function."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from toolkit.sandbox.state import Sandbox

from . import programs
from .world import World, eventually

RATE = {"ScheduleExpression": "rate(1 minute)"}


@dataclass
class Rules:
    """The rules of one test, removed after it."""

    world: World
    sandbox: Sandbox
    made: list[str] = field(default_factory=list)

    def put(self, function: str, *, allowed: bool = True, **more: Any) -> str:
        """A rule that calls this function."""
        events, name = self.world.client("events"), f"rule-of-{function}"[:64]
        arn = events.put_rule(Name=name, **more)["RuleArn"]
        self.made.append(name)
        target = f"arn:aws:lambda:{self.sandbox.region}:{self.sandbox.account}:function:{function}"
        events.put_targets(Rule=name, Targets=[{"Id": "one", "Arn": target}])
        if allowed:
            self.allow(function, arn)
        return name

    def allow(self, function: str, rule: str) -> None:
        self.world.client("lambda").add_permission(
            FunctionName=function, StatementId="rule", Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com", SourceArn=rule,
        )  # fmt: skip

    def tick(self) -> int:
        answer = httpx.post(f"{self.sandbox.endpoint}/al-sandbox/tick", timeout=60)
        return int(answer.raise_for_status().json()["fired"])

    def calls(self, function: str) -> int:
        logs = self.world.client("logs")
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return 0
        return sum(event["message"].startswith("START") for event in found)


@pytest.fixture
def rules(world: World, sandbox: Sandbox, settings: Callable[..., None]) -> Iterator[Rules]:
    settings(clock=0)
    made = Rules(world, sandbox)
    yield made
    events = world.client("events")
    for name in made.made:
        events.remove_targets(Rule=name, Ids=["one"])
        events.delete_rule(Name=name)


def test_a_rule_with_a_schedule_calls_its_function(
    rules: Rules, function: Callable[..., str]
) -> None:
    """Asked to, it fires at once, and the call is over when the answer comes."""
    name = function()
    rules.put(name, **RATE)
    assert rules.tick() == 1
    assert rules.calls(name) == 1


def test_a_rule_fires_by_itself_again_and_again(
    rules: Rules, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """By the wall clock, whose minutes are a tenth of a second here."""
    name = function()
    rules.put(name, **RATE)
    settings(clock=600)
    eventually(lambda: rules.calls(name) >= 2)


def test_a_rule_that_the_function_does_not_know_calls_nothing(
    rules: Rules, function: Callable[..., str]
) -> None:
    """EventBridge needs the function's own policy, for this very rule
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html)."""
    name = function()
    rules.allow(name, f"arn:aws:events:{rules.sandbox.region}:{rules.sandbox.account}:rule/another")
    rules.put(name, allowed=False, **RATE)
    rules.tick()
    assert rules.calls(name) == 0


def test_a_rule_that_is_switched_off_does_not_fire(
    rules: Rules, function: Callable[..., str]
) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html"""
    rules.put(function(), State="DISABLED", **RATE)
    assert rules.tick() == 0


def test_the_end_of_a_task_calls_who_wants_to_hear_of_it(
    rules: Rules, function: Callable[..., str]
) -> None:
    """By its cluster, its state and its family; a schedule does not fire for it, nor a rule of another family."""
    name, other = function(), function("hears-of-others")
    arn = f"arn:aws:ecs:{rules.sandbox.region}:{rules.sandbox.account}:cluster/tests"
    for target, family in ((name, "program"), (other, "somebody-else")):
        pattern = {
            "source": ["aws.ecs"],
            "detail": {"clusterArn": [arn], "lastStatus": ["STOPPED"],
                       "group": [{"prefix": f"family:{family}"}]},
        }  # fmt: skip
        rules.put(target, EventPattern=json.dumps(pattern))
    rules.world.finished(programs.SAY)
    eventually(lambda: rules.calls(name) == 1)
    assert (rules.calls(other), rules.tick()) == (0, 0)
