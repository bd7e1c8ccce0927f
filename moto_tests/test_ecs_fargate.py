"""A run on Fargate from its handle: its state, its end, its log, and how another process finds it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from moto_tests.given import ACCOUNT, CLUSTER, MOMENT, MOMENT_MS, REGION, TASK, spec
from runtimes.ecs_fargate import EcsFargate
from toolkit.clouds.aws import Clients
from toolkit.core.errors import AccessDenied
from toolkit.core.run import RunHandle, RunId, RunState

RUN = RunId("dev-1a2b3c4d")


def ecs(fargate: EcsFargate) -> Any:
    return fargate.clients.client("ecs")


def handle(run: RunId = RUN, task: str = TASK, launched: int = MOMENT_MS) -> RunHandle:
    ids = {"task_arn": task, "cluster": CLUSTER, "launched": str(launched)}
    return RunHandle(runtime="ecs_fargate", run=run, agent=run.agent, ids=ids)


def test_a_launched_task_is_running(fargate: EcsFargate, pushed: str) -> None:
    """Through the API, from handle to state."""
    launched = fargate.launch(spec(pushed))
    assert fargate.states([launched])[RUN].state is RunState.RUNNING


def test_states_of_many_runs_are_asked_in_hundreds(
    fargate: EcsFargate, counted: Callable[[Clients], list[str]], pushed: str
) -> None:
    """DescribeTasks takes at most 100 tasks (API reference)."""
    many = [
        handle(RunId(f"dev-{n:08x}"), TASK.rsplit("/", 1)[0] + f"/{n:032x}") for n in range(250)
    ]
    calls = counted(fargate.clients)
    fargate.states(many)
    assert calls == ["ecs.DescribeTasks"] * 3


def test_no_runs_cost_no_call(fargate: EcsFargate, counted: Callable[[Clients], list[str]]) -> None:
    """Polling nothing is free."""
    calls = counted(fargate.clients)
    assert fargate.states([]) == {}
    assert calls == []


@pytest.mark.parametrize(("age", "known"), [(0, True), (59, True), (61, False)])
def test_a_new_task_may_be_missing_for_a_minute(fargate: EcsFargate, age: int, known: bool) -> None:
    """ECS is eventually consistent by its own statement, and says MISSING of a task that was just started (API
    reference, RunTask); an old one that is missing has been forgotten."""
    missing = {"tasks": [], "failures": [{"arn": TASK, "reason": "MISSING"}]}
    with Stubber(ecs(fargate)) as service:
        service.add_response("describe_tasks", missing)
        found = fargate.states([handle(launched=MOMENT_MS - age * 1000)])
    assert [status.state for status in found.values()] == ([RunState.STARTING] if known else [])


def test_a_cluster_that_is_gone_knows_nothing(fargate: EcsFargate) -> None:
    """After a teardown, old runs are simply unknown."""
    old = MOMENT - timedelta(hours=1)
    assert fargate.states([handle(launched=int(old.timestamp() * 1000))]) == {}


def test_a_stopped_task_ends(fargate: EcsFargate, pushed: str) -> None:
    """stop() leads to a final state, and stopping twice is harmless."""
    launched = fargate.launch(spec(pushed))
    fargate.stop(launched)
    fargate.stop(launched)
    assert fargate.states([launched])[RUN].state.final


def test_stopping_says_how_long_it_may_take(fargate: EcsFargate) -> None:
    """SIGTERM first, and time to save what there is (API reference, StopTask)."""
    with Stubber(ecs(fargate)) as service:
        service.add_response("stop_task", {"task": {"lastStatus": "RUNNING"}})
        assert "SIGTERM now, SIGKILL after 60 s" in fargate.stop(handle())


def test_stopping_what_is_over_says_so(fargate: EcsFargate) -> None:
    """A task that has ended answers with its last state."""
    with Stubber(ecs(fargate)) as service:
        service.add_response("stop_task", {"task": {"lastStatus": "STOPPED"}})
        assert fargate.stop(handle()) == "dev-1a2b3c4d was already over"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidParameterException", "The referenced task was not found."),
        ("ClusterNotFoundException", "Cluster not found."),
    ],
)
def test_stopping_what_is_forgotten_is_harmless(
    fargate: EcsFargate, code: str, message: str
) -> None:
    """ECS forgets a stopped task after an hour or so."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error("stop_task", code, message, 400)
        assert "already over" in fargate.stop(handle())


@pytest.mark.parametrize(
    "found",
    [
        {"tasks": [{"taskArn": TASK, "desiredStatus": "STOPPED"}]},
        {"tasks": [], "failures": [{"arn": TASK, "reason": "MISSING"}]},
    ],
    ids=["ending", "forgotten"],
)
def test_stopping_twice_is_harmless_where_only_our_tags_may_be_stopped(
    fargate: EcsFargate, found: dict[str, Any]
) -> None:
    """StopTask takes a task's tags, so the second time the operator's policy does not allow it
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error("stop_task", "AccessDeniedException", "not authorized", 400)
        service.add_response("describe_tasks", found)
        old = MOMENT_MS - 3_600_000
        assert "already told to stop" in fargate.stop(handle(launched=old))


@pytest.mark.parametrize(
    "found",
    [
        {"tasks": [{"taskArn": TASK, "desiredStatus": "RUNNING"}]},
        {"tasks": [], "failures": [{"arn": TASK, "reason": "MISSING"}]},
    ],
    ids=["running", "not seen yet"],
)
def test_what_may_not_be_stopped_is_said(fargate: EcsFargate, found: dict[str, Any]) -> None:
    """It runs on: a refusal is no end, nor is it that ECS does not show a new task yet."""
    with Stubber(ecs(fargate)) as service:
        service.add_client_error("stop_task", "AccessDeniedException", "not authorized", 400)
        service.add_response("describe_tasks", found)
        with pytest.raises(AccessDenied):
            fargate.stop(handle())


def test_a_runs_log_is_its_own_stream(fargate: EcsFargate, pushed: str) -> None:
    """Forwards, backwards, and empty before the task has printed anything."""
    launched = fargate.launch(spec(pushed))
    assert list(fargate.logs(launched)) == []
    where = {
        "logGroupName": launched.ids["log_group"],
        "logStreamName": launched.ids["log_stream"],
    }
    logs = fargate.clients.client("logs")
    logs.create_log_group(logGroupName=where["logGroupName"])
    logs.create_log_stream(**where)
    events = [{"timestamp": MOMENT_MS + n, "message": str(n)} for n in range(3)]
    logs.put_log_events(**where, logEvents=events)
    found = list(fargate.logs(launched, since=MOMENT_MS + 1))
    assert [(event.message, event.run) for event in found] == [("1", RUN), ("2", RUN)]
    assert list(fargate.tail(launched, before=MOMENT_MS + 3))[:2] == found[::-1]


def test_a_run_whose_task_nobody_knows_has_its_log(fargate: EcsFargate) -> None:
    """Its launcher died before it could say which task it is: the group is searched for the run's own lines."""
    unknown = RunHandle(
        runtime="ecs_fargate", run=RUN, agent=RUN.agent, ids={"launched": str(MOMENT_MS)}
    )
    logs, where = fargate.clients.client("logs"), {"logGroupName": "/ecs/al-shop-staging"}
    logs.create_log_group(**where)
    logs.create_log_stream(**where, logStreamName="dev/agent/x")
    said = [{"run": RUN, "msg": "a"}, {"run": "dev-00000002", "msg": f"about {RUN}"}]
    said += [{"run": RUN, "msg": "b"}]
    events = [
        {"timestamp": MOMENT_MS + n, "message": json.dumps(line)} for n, line in enumerate(said)
    ]
    logs.put_log_events(**where, logStreamName="dev/agent/x", logEvents=events)
    found = list(fargate.logs(unknown))
    assert [json.loads(event.message)["msg"] for event in found] == ["a", "b"]
    assert list(fargate.tail(unknown)) == found[::-1]
    assert fargate.states([unknown]) == {}
    assert "lists no task" in fargate.stop(unknown)


def test_running_tasks_are_found_again(fargate: EcsFargate, pushed: str) -> None:
    """Another process finds every run with the same handle, whatever the number: ListTasks has pages of 100."""
    launched = {
        one.run: one.ids["task_arn"]
        for one in (fargate.launch(spec(pushed, run=f"dev-{n:08x}")) for n in range(120))
    }
    found = EcsFargate(fargate._context).running()
    assert {one.run: one.ids["task_arn"] for one in found} == launched


def test_a_task_without_tags_is_known_by_who_started_it(fargate: EcsFargate, pushed: str) -> None:
    """StopTask deletes a task's tags (API reference), so `startedBy` and the family say it too."""
    with Stubber(ecs(fargate)) as service:
        service.add_response("list_tasks", {"taskArns": [TASK]})
        service.add_response("describe_tasks", {"tasks": [task_of(RUN)]})
        assert [one.run for one in fargate.running()] == [RUN]


@pytest.mark.parametrize(
    "task",
    [
        {"startedBy": "somebody"},
        {"taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:3"},
        {"tags": [{"key": "al:project", "value": "other"}]},
    ],
)
def test_a_strangers_task_is_left_alone(fargate: EcsFargate, task: dict[str, Any]) -> None:
    """A shared cluster runs other people's tasks, and other projects' runs."""
    with Stubber(ecs(fargate)) as service:
        service.add_response("list_tasks", {"taskArns": [TASK]})
        service.add_response("describe_tasks", {"tasks": [task_of(RUN) | task]})
        assert list(fargate.running()) == []


def test_without_a_cluster_nothing_runs(fargate: EcsFargate) -> None:
    """An environment that was never pushed has no runs."""
    assert list(fargate.running()) == []


def task_of(run: str) -> dict[str, Any]:
    family = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/al-shop-staging-dev:1"
    return {"taskArn": TASK, "taskDefinitionArn": family, "startedBy": run, "createdAt": MOMENT}
