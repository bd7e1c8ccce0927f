"""Lambda functions that run: warm processes, ends of every kind, asynchronous events, versions and URLs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from . import programs
from .world import World, eventually

TMP = "/tmp"  # noqa: S108 - the container's, not ours


def ask(world: World, name: str, event: Any, **more: Any) -> Any:
    answer = world.client("lambda").invoke(
        FunctionName=name, **{"Qualifier": "1", "Payload": json.dumps(event), **more}
    )
    return json.loads(answer["Payload"].read())


def lines(world: World, name: str) -> list[str]:
    logs = world.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found]


def test_a_process_is_used_again(world: World, function: Callable[..., str]) -> None:
    """An execution environment is reused (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html)."""
    name = function()
    first, second = ask(world, name, {}), ask(world, name, {})
    assert (first["pid"], first["count"]) == (second["pid"], second["count"] - 1)


def test_what_an_invocation_leaves_in_tmp_the_next_one_finds(
    world: World, function: Callable[..., str]
) -> None:
    """The directory /tmp survives between invocations of one environment (Lambda developer guide, execution environment)."""
    name = function()
    ask(world, name, {"write": "left behind"})
    assert ask(world, name, {"read": True}) == "left behind"


def test_invocations_at_the_same_time_have_processes_of_their_own(
    world: World, function: Callable[..., str]
) -> None:
    """One environment serves one invocation at a time (Lambda developer guide, lambda-concurrency)."""
    name = function()
    for number in ("one", "two"):
        world.client("lambda").invoke(
            FunctionName=name,
            Qualifier="1",
            InvocationType="Event",
            Payload=json.dumps({"sleep": 1, "print": number}),
        )
    eventually(lambda: sum(line.startswith("REPORT") for line in lines(world, name)) == 2)
    events = world.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert len({event["logStreamName"] for event in events}) == 2


def test_a_burst_starts_few_processes_and_is_answered_by_them(
    world: World, function: Callable[..., str]
) -> None:
    """A machine that starts as many as a cloud would gets none of them ready in time."""
    name = function()
    with ThreadPoolExecutor(60) as senders:
        answers = list(senders.map(lambda _: ask(world, name, {}), range(60)))
    processes = {answer["pid"] for answer in answers}
    assert (len(answers), len(processes) < 30) == (60, True)


def test_the_log_has_the_platforms_lines_around_the_functions_own(
    world: World, function: Callable[..., str]
) -> None:
    """START, END and REPORT with its tabs; Init Duration at a cold start only (Lambda developer guide, python-logging)."""
    name = function()
    ask(world, name, {"print": "hello"})
    ask(world, name, {"print": "again"})
    found = lines(world, name)
    assert [line.split()[0] for line in found] == [
        "START",
        "hello",
        "END",
        "REPORT",
        "START",
        "again",
        "END",
        "REPORT",
    ]
    assert ("\tInit Duration: " in found[3], "\tInit Duration: " in found[7]) == (True, False)


def test_json_logging_writes_objects_instead(world: World, function: Callable[..., str]) -> None:
    """LogFormat JSON: platform.start and platform.report (Lambda developer guide, monitoring-cloudwatchlogs-advanced)."""
    logging = {"LogFormat": "JSON", "LogGroup": "/tests/json"}
    name = function(LoggingConfig=logging)
    ask(world, name, {})
    events = world.client("logs").filter_log_events(logGroupName="/tests/json")["events"]
    found = [json.loads(event["message"]) for event in events]
    assert [line["type"] for line in found] == ["platform.start", "platform.report"]
    assert found[1]["record"]["status"] == "success"


def test_a_stream_is_named_after_the_day_and_the_version(
    world: World, function: Callable[..., str]
) -> None:
    """YYYY/MM/DD/[version]hex; the function knows it from its environment (Lambda developer guide, envvars)."""
    name = function()
    stream = ask(world, name, {"env": "AWS_LAMBDA_LOG_STREAM_NAME"})
    found = world.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")
    assert [s["logStreamName"] for s in found["logStreams"]] == [stream]
    assert "/[1]" in stream


def test_a_function_past_its_timeout_is_ended(world: World, function: Callable[..., str]) -> None:
    """Task timed out; Status: timeout; the environment is discarded (Lambda developer guide, troubleshooting)."""
    name = function(Timeout=1)
    before = ask(world, name, {})["pid"]
    answer = ask(world, name, {"sleep": 60})
    assert answer["errorType"] == "Sandbox.Timedout"
    found = lines(world, name)
    assert found[-3].endswith("Task timed out after 1.00 seconds")
    assert found[-1].endswith("Status: timeout")
    assert ask(world, name, {})["pid"] != before


def test_a_process_that_exits_is_an_error_of_the_runtime(
    world: World, function: Callable[..., str]
) -> None:
    """Runtime.ExitError, with HTTP 200 and FunctionError (Lambda API reference, Invoke)."""
    name = function()
    answer = world.client("lambda").invoke(FunctionName=name, Payload=b'{"exit": 3}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    assert lines(world, name)[-1].endswith("Error Type: Runtime.ExitError")


def test_an_exception_is_a_function_error(world: World, function: Callable[..., str]) -> None:
    """HTTP 200, FunctionError, and the error in the payload (Lambda API reference, Invoke)."""
    answer = world.client("lambda").invoke(FunctionName=function(), Payload=b'{"raise": "oh"}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorMessage"] == "oh"


def test_an_asynchronous_call_is_accepted_with_its_request_id(
    world: World, function: Callable[..., str]
) -> None:
    """202, and the log's request id is the call's (Lambda developer guide, invocation-async)."""
    name = function()
    answer = world.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert answer["StatusCode"] == 202
    eventually(lambda: any(f"END RequestId: {request_id}" in line for line in lines(world, name)))


def test_a_failed_event_is_tried_again_twice(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """Two retries unless configured otherwise (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
    settings(retry_seconds=0)
    name = function()
    world.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=b'{"raise": "oh"}'
    )
    eventually(lambda: sum(line.startswith("REPORT") for line in lines(world, name)) == 3)


def ended(world: World, name: str) -> int:
    return sum(line.startswith("REPORT") for line in lines(world, name))


def test_no_retries_when_a_version_is_configured_so(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """The event invoke configuration is the qualifier's (Lambda API reference, PutFunctionEventInvokeConfig)."""
    settings(retry_seconds=0)
    name, client = function(), world.client("lambda")
    client.put_function_event_invoke_config(
        FunctionName=name, Qualifier="1", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60
    )
    client.invoke(
        FunctionName=name, Qualifier="1", InvocationType="Event", Payload=b'{"raise": "oh"}'
    )
    client.invoke(
        FunctionName=name, Qualifier="1", InvocationType="Event", Payload=b'{"print": "last"}'
    )
    eventually(lambda: "last" in lines(world, name) and ended(world, name) == 2)
    assert sum(line.startswith("START") for line in lines(world, name)) == 2
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName=name)


def test_an_event_can_be_delivered_twice(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """The same event, the same request id, without an error (Lambda developer guide, invocation-async)."""
    settings(duplicate_events=1)
    name = function()
    answer = world.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    start = f"START RequestId: {answer['ResponseMetadata']['RequestId']} "
    eventually(lambda: sum(line.startswith(start) for line in lines(world, name)) == 2)


def test_a_version_keeps_its_image_and_its_configuration(
    world: World, function: Callable[..., str]
) -> None:
    """A published version is immutable (Lambda API reference, PublishVersion)."""
    name, client = function(), world.client("lambda")
    before = client.get_function(FunctionName=name, Qualifier="1")
    other = {"app/main.py": programs.RUNTIME + "\n"}
    image = world.image("tests/function", other, **programs.PYTHON)
    client.update_function_code(FunctionName=name, ImageUri=image)
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"NEW": "1"}})
    assert client.publish_version(FunctionName=name)["Version"] == "2"
    after = client.get_function(FunctionName=name, Qualifier="1")
    assert after["Code"]["ImageUri"] == before["Code"]["ImageUri"]
    assert "Environment" not in after["Configuration"]


def test_publishing_what_has_not_changed_gives_the_same_version(
    world: World, function: Callable[..., str]
) -> None:
    """No new version without a change (Lambda API reference, PublishVersion)."""
    assert world.client("lambda").publish_version(FunctionName=function())["Version"] == "1"


def test_a_deleted_versions_number_is_not_given_again(
    world: World, function: Callable[..., str]
) -> None:
    """Version numbers only grow (Lambda developer guide, configuration-versions)."""
    name, client = function(), world.client("lambda")
    client.update_function_configuration(FunctionName=name, Description="two")
    client.publish_version(FunctionName=name)
    client.delete_function(FunctionName=name, Qualifier="1")
    client.update_function_configuration(FunctionName=name, Description="three")
    assert client.publish_version(FunctionName=name)["Version"] == "3"


def test_a_tag_is_resolved_when_the_function_is_made(
    world: World, function: Callable[..., str]
) -> None:
    """A later push to the tag changes nothing until UpdateFunctionCode (Lambda API reference, FunctionCode)."""
    image = world.image("tests/tagged", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
    name = function(Code={"ImageUri": f"{image.partition('@')[0]}:latest"})
    world.image("tests/tagged", {"app/main.py": "raise SystemExit(1)"}, **programs.PYTHON)
    assert "pid" in ask(world, name, {})


def test_a_function_is_its_role_and_knows_itself(
    world: World, function: Callable[..., str]
) -> None:
    """Lambda's own variables (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
    name = function(
        Environment={"Variables": {"OWN": "mine", "AL_CREDENTIALS_PATH": f"{TMP}/credentials"}}
    )
    assert ask(world, name, {"env": "AWS_LAMBDA_FUNCTION_NAME"}) == name
    assert ask(world, name, {"env": "OWN"}) == "mine"
    assert ask(world, name, {"env": "AL_CREDENTIALS_PATH"}).endswith(f"{TMP}/credentials")
    key = ask(world, name, {"env": "AWS_ACCESS_KEY_ID"})
    assert key.startswith("ASIA")


def test_a_new_function_is_pending_for_a_while(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """Invoking before it is Active fails (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html)."""
    settings(pending_calls=2)
    name, client = function(), world.client("lambda")
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.invoke(FunctionName=name)
    assert client.get_function_configuration(FunctionName=name)["State"] == "Pending"
    assert client.get_function_configuration(FunctionName=name)["State"] == "Active"
    assert "pid" in ask(world, name, {})


def test_a_second_update_waits_for_the_first(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """LastUpdateStatus InProgress refuses another change (Lambda developer guide, functions-states)."""
    name, client = function(), world.client("lambda")
    settings(pending_calls=1)
    first = client.update_function_configuration(FunctionName=name, Description="one")
    assert first["LastUpdateStatus"] == "InProgress"
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.update_function_configuration(FunctionName=name, Description="two")


def test_an_images_deletion_fails_the_function(world: World, function: Callable[..., str]) -> None:
    """A function whose image is gone cannot be invoked (https://docs.aws.amazon.com/lambda/latest/dg/invocation-images.html)."""
    image = world.image("tests/short-lived", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
    name = function(Code={"ImageUri": image})
    digest = image.rpartition("@")[2]
    world.client("ecr").batch_delete_image(
        repositoryName="tests/short-lived", imageIds=[{"imageDigest": digest}]
    )
    client = world.client("lambda")
    with pytest.raises(client.exceptions.ResourceConflictException, match="Failed"):
        client.invoke(FunctionName=name)


def test_reserved_concurrency_throttles(world: World, function: Callable[..., str]) -> None:
    """TooManyRequestsException beyond the reservation (Lambda API reference, Invoke)."""
    name, client = function(), world.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName=name)


def test_an_initialisation_that_takes_too_long_is_done_again(
    world: World, function: Callable[..., str], settings: Callable[..., None]
) -> None:
    """It is cut, and repeated under the function's timeout (Lambda developer guide, execution environment)."""
    settings(init_seconds=0.5)
    slow = "import os, time; time.sleep(1)" + programs.RUNTIME
    image = world.image("tests/slow", {"app/main.py": slow}, **programs.PYTHON)
    name = function(Code={"ImageUri": image})
    assert "pid" in ask(world, name, {})
    assert lines(world, name)[0].startswith("INIT_REPORT")


def test_a_version_that_an_alias_points_to_is_not_deleted(
    world: World, function: Callable[..., str]
) -> None:
    """ResourceConflictException (Lambda API reference, DeleteFunction)."""
    name, client = function(), world.client("lambda")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.delete_function(FunctionName=name, Qualifier="1")
    assert "pid" in ask(world, name, {}, Qualifier="live")


def test_a_functions_end_takes_its_processes_with_it(
    world: World, function: Callable[..., str]
) -> None:
    """A deleted function's idle process is ended; its log group stays (Lambda developer guide)."""
    name, client = function(), world.client("lambda")
    pid = ask(world, name, {})["pid"]
    client.delete_function(FunctionName=name)
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert lines(world, name) != []
