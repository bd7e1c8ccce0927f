"""The gateway as a Lambda function: function-URL events in, one bounded answer out."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mangum import Mangum

from gateway.app import create_app
from gateway.aws_lambda import MOST_RESPONSE, bounded, handle, handler
from gateway.deployment import dump
from tests.fakes import eventually
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import UsageError
from toolkit.inside.runtime_api import LambdaContext

from .place import BEARER, QUICK, STREAM, Place, events

CONTEXT = LambdaContext(request_id="r", deadline_ms=0)
Call = Callable[..., dict[str, Any]]
RUN = "/api/logs/agents/dev/dev-00000001"


def event(path: str, query: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A function URL's event, payload format 2.0.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    host = "x.lambda-url.us-east-1.on.aws"
    http = {
        "method": "GET",
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "1.2.3.4",
        "userAgent": "c",
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": host, **{k.lower(): v for k, v in (headers or {}).items()}},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "x",
            "domainName": host,
            "http": http,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


@pytest.fixture
def call(place: Place) -> Iterator[Call]:
    """The application behind Mangum."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mangum = Mangum(create_app(place.services, pace=QUICK), lifespan="off")
    yield lambda path, query="", headers=STREAM: mangum(event(path, query, headers), CONTEXT)  # type: ignore[arg-type]
    asyncio.set_event_loop(None)
    loop.close()


def test_a_page_of_logs(call: Call, place: Place) -> None:
    """JSON through Mangum, as text."""
    place.say(place.run(), "a")
    answer = call(RUN, headers=BEARER)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert [e["msg"] for e in json.loads(answer["body"])["entries"]] == ["a"]


def test_a_stream_returns_as_soon_as_it_has_something(call: Call, place: Place) -> None:
    """Mangum holds the whole answer back, so a stream that waited would show nothing."""
    place.say(place.run(), "a")
    answer = call(RUN, "wait=20")
    blocks = events(answer["body"])
    assert (json.loads(blocks[1]["data"])["msg"], len(blocks)) == ("a", 2)
    assert answer["headers"]["content-type"].startswith("text/event-stream")


def test_a_late_line_is_waited_for(call: Call, place: Place) -> None:
    """The answer comes when the line does, well before the wait is over."""
    run = place.run()
    place.say(run, "a")
    cursor = events(call(RUN)["body"])[1]["id"]
    later = threading.Timer(0.2, place.say, (run, "b"))
    later.start()
    answer = call(RUN, "wait=15", STREAM | {"Last-Event-ID": cursor})
    later.join()
    assert json.loads(events(answer["body"])[1]["data"])["msg"] == "b"


def test_a_silent_stream_says_idle_when_the_wait_is_over(call: Call, place: Place) -> None:
    """And where to go on."""
    run = place.run()
    place.say(run, "a")
    cursor = events(call(RUN)["body"])[1]["id"]
    answer = call(RUN, "wait=0.1", STREAM | {"Last-Event-ID": cursor})
    assert answer["body"] == f"retry: 1000\n\nid: {cursor}\n: idle\n\n"


def test_reconnecting_reads_a_whole_run_once_and_stops(call: Call, place: Place) -> None:
    """Answer after answer, each going on where the one before ended, until `event: end`."""
    run = place.run()
    place.say(run, *map(str, range(300)))
    place.end(run)
    said, headers, blocks = list[str](), dict(STREAM), list[dict[str, str]]()
    while not (blocks and blocks[-1].get("event") == "end"):
        blocks = events(call(RUN, "lines=1000&wait=1", headers)["body"])
        said += [json.loads(b["data"])["msg"] for b in blocks if "data" in b and "event" not in b]
        headers["Last-Event-ID"] = next(b["id"] for b in reversed(blocks) if "id" in b)
    assert said == [*map(str, range(300)), "run completed"]


def test_a_stranger_gets_nothing(call: Call, place: Place) -> None:
    """The function's URL is public; the key is the lock."""
    place.say(place.run(), "a")
    answer = call(RUN, headers={"Authorization": "Bearer no"})
    assert (answer["statusCode"], '"a"' in answer["body"]) == (401, False)


def test_the_schedulers_lines_are_in_the_functions_log(call: Call) -> None:
    """This process has said few of them; the answer says where they are."""
    answer = call("/api/logs/scheduler")
    assert (answer["statusCode"], "log group" in answer["body"]) == (404, True)


def test_an_answer_that_lambda_would_refuse_is_replaced() -> None:
    """Rule: a response of more than 6 MB fails as `Function.ResponseSizeTooLarge`.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    fits = {"statusCode": 200, "body": "x" * 1000}
    assert bounded(fits) == fits
    assert bounded({"statusCode": 200, "body": "x" * MOST_RESPONSE})["statusCode"] == 500


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ({"source": "aws.events", "detail-type": "Something"}, "aws.events"),
        ({"source": "aws.ecs", "detail": {"lastStatus": "RUNNING"}}, "aws.ecs"),
        ({"source": "aws.ecs", "detail": "STOPPED"}, "aws.ecs"),
        ({"Records": [{"eventSource": "aws:sqs"}]}, "aws:sqs"),
        ({}, "an unknown source"),
        ({"Records": "x"}, "an unknown source"),
    ],
)
def test_an_event_that_is_no_request_is_a_clear_error(event: dict[str, Any], source: str) -> None:
    """Whoever sends what it does not know learns it."""
    with pytest.raises(UsageError, match=source):
        handler(event, CONTEXT)


def test_a_payload_that_is_no_object_is_a_clear_error() -> None:
    """Anyone with permission may invoke a function with anything."""
    with pytest.raises(UsageError, match="no JSON object"):
        handle(b"[1]", CONTEXT)


class OneInvocation(BaseHTTPRequestHandler):
    """Lambda's Runtime API, with one health check to answer; then nothing more comes."""

    served: bool
    answers: list[dict[str, Any]]

    def do_GET(self) -> None:
        if type(self).served:
            return  # the connection ends: the platform has gone
        type(self).served = True
        body = json.dumps(event("/health")).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "one")
        self.send_header("Lambda-Runtime-Deadline-Ms", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).answers.append({"path": self.path, **json.loads(body)})
        self.send_response(202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        return


def test_the_images_entry_point_answers_the_runtime_api(tmp_path: Path) -> None:
    """`python -m gateway.aws_lambda` with a baked deployment: no cloud is asked before a request needs it."""
    api = type("Api", (OneInvocation,), {"served": False, "answers": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), api)
    threading.Thread(target=server.serve_forever).start()
    deployment = tmp_path / "deployment.json"
    cloud = AwsCloud(region="eu-west-1", account="123456789012")
    scope = Scope(project="shop", environment="production")
    deployment.write_text(
        json.dumps(dump(Environment(name="production", scope=scope, cloud=cloud)))
    )
    env = {
        "AL_DEPLOYMENT": str(deployment),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
    }
    root = Path(__file__).parent.parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.aws_lambda"], env=env, cwd=root, stderr=subprocess.DEVNULL
    )
    try:
        (answer,) = eventually(lambda: api.answers)  # type: ignore[attr-defined]
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
    assert (answer["path"], answer["statusCode"]) == (
        "/2018-06-01/runtime/invocation/one/response",
        200,
    )
    assert json.loads(answer["body"]) == {"status": "ok"}
