"""A run on Lambda: one event that is sent once, two runs that never mix, and an end that nobody invents."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.stub import Stubber

from moto_tests.given import IMAGE, MOMENT, MOMENT_MS, agent, spec, with_cloud
from runtimes.aws_lambda import AwsLambda
from toolkit.clouds.aws import Clients
from toolkit.core.errors import NotFound, Throttled, Unreachable
from toolkit.core.ports import Context
from toolkit.core.run import Cause, RunHandle, RunId, RunState

FUNCTION, GROUP, STREAM = (
    "al-shop-staging-dev",
    "/aws/lambda/al-shop-staging-dev",
    "2026/11/20/[3]0f",
)
RUN, OTHER = RunId("dev-1a2b3c4d"), RunId("dev-00000002")


@pytest.fixture
def runtime(aws_context: Context) -> AwsLambda:
    """The runtime at a moment that does not move, and the log group that push makes."""
    runtime = AwsLambda(aws_context, clock=lambda: MOMENT, sleep=lambda _: None)
    runtime.clients.client("logs").create_log_group(logGroupName=GROUP)
    return runtime


@pytest.fixture
def pushed(runtime: AwsLambda) -> str:
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}'
    runtime.clients.client("iam").create_role(
        RoleName=f"{FUNCTION}-lambda-role", AssumeRolePolicyDocument=trust
    )
    return runtime.define(runtime.definition(agent(), IMAGE))


@pytest.fixture
def failing() -> Iterator[tuple[str, list[str]]]:
    """A service that fails every time, and the requests that it got."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def handle(run: RunId = RUN, **more: str) -> RunHandle:
    ids = {"log_group": GROUP, "request_id": f"request-of-{run}", "launched": str(MOMENT_MS)}
    return RunHandle(runtime="aws_lambda", run=run, agent=run.agent, ids=ids | more)


def write(runtime: AwsLambda, *lines: str, stream: str = STREAM) -> None:
    logs = runtime.clients.client("logs")
    where = {"logGroupName": GROUP, "logStreamName": stream}
    logs.create_log_stream(**where)
    events = [{"timestamp": MOMENT_MS + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(**where, logEvents=events)


def said(run: RunId, text: str) -> str:
    return json.dumps({"_log": True, "msg": text, "run": run})


def report(run: RunId, more: str = "") -> str:
    return f"REPORT RequestId: request-of-{run}\tDuration: 1.00 ms\tMemory Size: 512 MB\t{more}\n"


def texts(events: Any) -> list[str]:
    return [json.loads(e.message)["msg"] if "{" in e.message else e.message for e in events]


# launching


def test_a_launch_is_one_invocation(
    runtime: AwsLambda, counted: Callable[[Clients], list[str]], pushed: str
) -> None:
    """Nothing is registered, created, updated or published when a run starts."""
    calls = counted(runtime.clients)
    runtime.launch(spec(pushed))
    runtime.launch(spec(pushed, run=OTHER))
    assert calls == ["lambda.Invoke", "lambda.Invoke"]


def test_an_event_names_the_run_and_its_secret(runtime: AwsLambda) -> None:
    """Of a version, asynchronously; the payload holds references and no value."""
    payload = b'{"al": 1, "run": "dev-1a2b3c4d", "secret": "the/name_"}'
    expected = {
        "FunctionName": FUNCTION,
        "Qualifier": "3",
        "InvocationType": "Event",
        "Payload": payload,
    }
    with Stubber(runtime.clients.invoker) as service:
        service.add_response("invoke", accepted(), expected)
        runtime.launch(spec(f"{FUNCTION}:3", secret="the/name_"))
        service.assert_no_pending_responses()


def test_the_handle_says_where_to_look(runtime: AwsLambda) -> None:
    """The request's id tells this invocation from every other; the stream comes with the claim."""
    with Stubber(runtime.clients.invoker) as service:
        service.add_response("invoke", accepted("r-7"))
        assert runtime.launch(spec(f"{FUNCTION}:3")).ids == {
            "function": FUNCTION,
            "version": "3",
            "request_id": "r-7",
            "log_group": GROUP,
            "launched": str(MOMENT_MS),
        }


def test_an_invocation_is_never_sent_twice(
    aws_context: Context, failing: tuple[str, list[str]]
) -> None:
    """A failure may have come after the event was accepted: sending it again would be a second run
    (API reference, Invoke)."""
    endpoint, requests = failing
    runtime = AwsLambda(with_cloud(aws_context, endpoint=endpoint), sleep=lambda _: None)
    with pytest.raises(Unreachable):
        runtime.launch(spec(f"{FUNCTION}:3"))
    assert len(requests) == 1


@pytest.mark.parametrize("code", ["ResourceConflictException", "ResourceNotReadyException"])
def test_a_sleeping_function_is_woken(runtime: AwsLambda, code: str) -> None:
    """A function that was idle for weeks refuses its first invocation and becomes active
    (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html): nothing was started, so it is sent again."""
    with Stubber(runtime.clients.invoker) as service:
        service.add_client_error("invoke", code, "the function is inactive", 409)
        service.add_response("invoke", accepted("r-8"))
        assert runtime.launch(spec(f"{FUNCTION}:3")).ids["request_id"] == "r-8"


def test_too_many_invocations_are_throttled(runtime: AwsLambda) -> None:
    """New accounts have a concurrency of 10: whoever dispatches waits and tries again."""
    with Stubber(runtime.clients.invoker) as service:
        service.add_client_error("invoke", "TooManyRequestsException", "Rate Exceeded.", 429)
        with pytest.raises(Throttled) as caught:
            runtime.launch(spec(f"{FUNCTION}:3"))
    assert caught.value.temporary


def test_an_agent_that_was_not_pushed_says_so(runtime: AwsLambda) -> None:
    """There is no such function; moto accepts the event all the same."""
    with Stubber(runtime.clients.invoker) as service:
        service.add_client_error("invoke", "ResourceNotFoundException", "Function not found", 404)
        with pytest.raises(NotFound) as caught:
            runtime.launch(spec(f"{FUNCTION}:3"))
    assert caught.value.hint == "run `al push -E staging` first"


# states


def test_a_run_that_goes_on_is_not_spoken_of(runtime: AwsLambda) -> None:
    """Nothing describes an asynchronous invocation: what is not known is left out."""
    write(runtime, f"START RequestId: request-of-{RUN} Version: 3", said(RUN, "working"))
    assert runtime.states([handle()]) == {}


def test_a_run_without_any_line_is_not_spoken_of(runtime: AwsLambda) -> None:
    """Not even the log group needs to exist."""
    assert runtime.states([handle(log_group="/aws/lambda/none")]) == {}


@pytest.mark.parametrize("ids", [{}, {"log_stream": STREAM}])
def test_one_runs_end_is_not_anothers(runtime: AwsLambda, ids: dict[str, str]) -> None:
    """Two runs of one agent: the REPORT of one does not finish the other, with and without a known stream."""
    write(runtime, said(RUN, "hi"), report(RUN, "Status: timeout"), said(OTHER, "still here"))
    found = runtime.states([handle(RUN, **ids), handle(OTHER, **ids)])
    assert {run: status.state for run, status in found.items()} == {RUN: RunState.TIMED_OUT}


def test_an_end_that_is_written_later_is_found_later(runtime: AwsLambda) -> None:
    """Looking again goes on where the last look ended."""
    first, second = handle(log_stream="one"), handle(log_stream="one")
    write(runtime, said(RUN, "hi"), stream="one")
    assert runtime.states([first]) == {}
    runtime.clients.client("logs").put_log_events(
        logGroupName=GROUP,
        logStreamName="one",
        logEvents=[{"timestamp": MOMENT_MS + 9, "message": report(RUN, "Status: timeout")}],
    )
    assert runtime.states([second])[RUN].state is RunState.TIMED_OUT


@pytest.mark.parametrize(("age", "dropped"), [(181, True), (179, False)])
def test_an_event_that_nobody_got_was_dropped(runtime: AwsLambda, age: int, dropped: bool) -> None:
    """Without a free place an event waits for its 60 s and is discarded without a word
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html): nobody waits for the deadline."""
    found = runtime.states([handle(launched=str(MOMENT_MS - age * 1000))])
    assert [status.cause for status in found.values()] == ([Cause.CAPACITY] if dropped else [])
    assert all("concurrent executions" in status.reason for status in found.values())


def test_a_dropped_event_may_be_the_role_s_fault(runtime: AwsLambda) -> None:
    """A changed trust policy looks the same from outside: both causes are told, each with the command that tells more."""
    (status,) = runtime.states([handle(launched=str(MOMENT_MS - 181_000))]).values()
    assert "role al-shop-staging-dev-lambda-role" in status.reason
    assert "`al doctor -E staging`" in status.reason
    assert "`al doctor -c -E staging`" in status.reason


def test_a_run_that_was_claimed_was_not_dropped(runtime: AwsLambda) -> None:
    """Nor one of which the log has a line: it has begun, however little it says."""
    old = str(MOMENT_MS - 600_000)
    assert runtime.states([handle(launched=old, log_stream=STREAM)]) == {}
    write(runtime, f"START RequestId: request-of-{RUN} Version: 3")
    assert runtime.states([handle(launched=str(MOMENT_MS - 200_000))]) == {}


# stopping


def test_stopping_says_what_it_can_do(runtime: AwsLambda) -> None:
    """Nothing ends an invocation from outside, and the answer does not pretend to."""
    assert "cannot end an invocation from outside" in runtime.stop(handle())


def test_nothing_is_listed_as_running(runtime: AwsLambda) -> None:
    """Lambda lists no invocations; the ledger knows the runs."""
    assert list(runtime.running()) == []


# logs


@pytest.mark.parametrize("ids", [{}, {"log_stream": STREAM}])
def test_a_shared_stream_is_read_run_by_run(runtime: AwsLambda, ids: dict[str, str]) -> None:
    """A warm environment serves run after run in one stream; each log has its own lines only."""
    write(runtime, said(RUN, "a"), report(RUN), said(OTHER, "b"), said(RUN, "c"))
    found = list(runtime.logs(handle(**ids)))
    assert texts(found) == ["a", report(RUN).rstrip("\n"), "c"]
    assert list(runtime.tail(handle(**ids))) == found[::-1]


def test_a_line_keeps_its_id_when_its_stream_becomes_known(runtime: AwsLambda) -> None:
    """Before the claim the group is searched, afterwards the stream is read: nothing is shown twice."""
    write(runtime, said(RUN, "tick"), said(RUN, "tick"))
    assert list(runtime.logs(handle())) == list(runtime.logs(handle(log_stream=STREAM)))


def test_reading_begins_and_ends_where_it_is_told(runtime: AwsLambda) -> None:
    """`since` is inclusive, `before` is not, in both ways of reading."""
    write(runtime, said(RUN, "a"), said(RUN, "b"), said(RUN, "c"))
    streamed = handle(log_stream=STREAM)
    assert texts(runtime.logs(handle(), since=MOMENT_MS + 1)) == ["b", "c"]
    assert texts(runtime.logs(streamed, since=MOMENT_MS + 1)) == ["b", "c"]
    assert texts(runtime.tail(handle(), before=MOMENT_MS + 1)) == ["a"]
    assert texts(runtime.tail(streamed, before=MOMENT_MS + 1)) == ["a"]


def test_a_launchers_fast_clock_hides_no_line(runtime: AwsLambda) -> None:
    """Lines that seem older than the launch are read too: AWS refuses clocks that are more than 5 minutes off."""
    write(runtime, said(RUN, "a"))
    fast = handle(launched=str(MOMENT_MS + 4 * 60_000))
    assert texts(runtime.logs(fast)) == ["a"]


def accepted(request: str = "r-1") -> dict[str, Any]:
    return {"StatusCode": 202, "ResponseMetadata": {"RequestId": request, "HTTPStatusCode": 202}}
