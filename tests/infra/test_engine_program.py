"""Running a Pulumi program without Pulumi's engine."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from toolkit.core.errors import AlError, Conflict
from toolkit.sandbox.engine_program import Registration, execute


class Cloud:
    """Gives every resource an ARN, and remembers the order."""

    def __init__(self) -> None:
        self.registered: list[Registration] = []

    def register(self, wanted: Registration) -> tuple[str, dict[str, Any]]:
        self.registered.append(wanted)
        return wanted.name, {**wanted.inputs, "arn": f"arn:{wanted.name}"}


def run(
    program: Callable[[], None], cloud: Cloud | None = None, *, rehearse: bool = False
) -> dict[str, Any]:
    register = (cloud or Cloud()).register
    return execute(program, project="shop", stack="test", register=register, rehearse=rehearse)


def cluster(name: str = "one", **options: Any) -> aws.ecs.Cluster:
    return aws.ecs.Cluster(name, name=name, opts=pulumi.ResourceOptions(**options))


def exporting() -> None:
    pulumi.export("arn", cluster().arn.apply(str.upper))


def test_exports_come_back_with_their_outputs_resolved() -> None:
    """What the program computes from an output is computed."""
    assert run(exporting) == {"arn": "ARN:ONE"}


def test_a_resource_comes_after_what_it_depends_on() -> None:
    """Order by dependencies, whatever the order of the lines."""
    cloud = Cloud()

    def program() -> None:
        first = cluster("first")
        aws.ecs.Cluster("third", name=cluster("second", depends_on=[first]).arn)

    run(program, cloud)
    assert [r.name for r in cloud.registered] == ["first", "second", "third"]
    assert cloud.registered[-1].inputs["name"] == "arn:second"


def test_numbers_arrive_as_whole_numbers() -> None:
    """On the wire they are doubles, which boto3 refuses."""
    cloud = Cloud()
    run(lambda: aws.cloudwatch.LogGroup("g", name="/g", retention_in_days=30) and None, cloud)
    days = cloud.registered[0].inputs["retentionInDays"]
    assert (days, type(days)) == (30, int)


def test_the_first_error_is_raised_as_it_was_and_nothing_follows() -> None:
    """A failure keeps its type and its hint, and stops the run."""
    calls: list[str] = []

    def register(wanted: Registration) -> tuple[str, dict[str, Any]]:
        calls.append(wanted.name)
        raise Conflict("taken", hint="rename it")

    def program() -> None:
        cluster("a"), cluster("b"), cluster("c")

    with pytest.raises(Conflict, match="taken"):
        execute(program, project="p", stack="s", register=register, rehearse=False)
    assert calls == ["a"]


def test_an_error_in_the_program_is_raised() -> None:
    """Not swallowed by the event loop."""

    def program() -> None:
        cluster()
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        run(program)


def test_looking_something_up_is_refused_with_its_name() -> None:
    """The stand-in has no provider that could answer."""
    with pytest.raises(AlError, match="aws:index/getCallerIdentity"):
        run(lambda: pulumi.export("me", aws.get_caller_identity_output().account_id))


def test_a_secret_value_is_refused() -> None:
    """Values never enter the state, not even the sandbox's."""
    with pytest.raises(AlError, match="secret value"):
        run(lambda: aws.ecs.Cluster("c", name=pulumi.Output.secret("s3cret")) and None)


def test_a_rehearsal_knows_that_outputs_are_unknown() -> None:
    """A preview must not show an ARN that does not exist yet."""
    cloud = Cloud()

    def register(wanted: Registration) -> tuple[str, dict[str, Any]]:
        cloud.registered.append(wanted)
        return "", dict(wanted.inputs)

    def program() -> None:
        aws.ecs.Cluster("second", name=cluster("first").arn)

    execute(program, project="p", stack="s", register=register, rehearse=True)
    assert cloud.registered[-1].inputs["name"] == "(known later)"


def test_it_runs_inside_a_running_event_loop() -> None:
    """The gateway and notebooks have a loop of their own."""

    async def caller() -> dict[str, Any]:
        return run(exporting)

    assert asyncio.run(caller()) == {"arn": "ARN:ONE"}


def test_it_runs_again_and_in_threads_at_once() -> None:
    """Nothing of one run is seen by another."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: run(exporting), range(8)))
    assert answers == [{"arn": "ARN:ONE"}] * 8
