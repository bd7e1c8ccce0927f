"""AWS over plain HTTP: signed as botocore signs, kept connections, refusals as ours."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes import FakeClock
from toolkit.clouds.aws_errors import code_of
from toolkit.clouds.aws_keys import Keys, RoleKeys
from toolkit.clouds.aws_rest import JsonApi, signed
from toolkit.core.errors import AccessDenied, ConfigError, Conflict, Throttled, Unreachable
from toolkit.core.secrets import Secret

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = Keys(id="ASIAROLE", secret=Secret("the-roles-own"), token=Secret("a-token"))
SESSION = {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t"}


class Server:
    """Answers what it is given, in turn, the last one again; remembers who asked what."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers, self.asked = list(answers), list[dict[str, str]]()
        self.connections = set[tuple[str, int]]()

    def next(self, headers: dict[str, str], client: tuple[str, int]) -> tuple[int, bytes]:
        self.asked.append(headers)
        self.connections.add(client)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(server: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answered(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = server.next(dict(self.headers), self.client_address)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answered  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


def api(url: str, service: str = "dynamodb") -> JsonApi:
    return JsonApi(service, "eu-west-1", lambda: KEYS, endpoint=url)


def refused(body: dict[str, Any], status: int = 400) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()


@pytest.mark.parametrize("token", [None, "a-token"])
def test_a_request_is_signed_as_botocore_signs_it(
    token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same headers give the same signature: with a session token, which is signed too, and without."""
    body, url = b'{"a": 1}', "https://dynamodb.eu-west-1.amazonaws.com/"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "DynamoDB_20120810.GetItem",
    }
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    theirs = SigV4Auth(Credentials("ASIAROLE", "the-roles-own", token), "dynamodb", "eu-west-1")
    theirs.add_auth(request)
    moment = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    keys = Keys(
        id="ASIAROLE", secret=Secret("the-roles-own"), token=Secret(token) if token else None
    )
    host = {"Host": "dynamodb.eu-west-1.amazonaws.com", **headers}
    ours = signed(host, body, keys, scope=("eu-west-1", "dynamodb"), moment=moment)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours.get("X-Amz-Security-Token") == token


def test_one_connection_serves_many_requests() -> None:
    """TLS is shaken hands for once."""
    server = Server((200, b"{}"))
    with serving(server) as url:
        asking = api(url)
        assert [asking.ask("GetItem", {}, "looking") for _ in range(3)] == [{}, {}, {}]
    assert len(server.connections) == 1
    assert server.asked[0]["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert server.asked[0]["Content-Type"] == "application/x-amz-json-1.0"


def test_a_refusal_is_one_of_our_errors_and_keeps_its_code() -> None:
    """The shape's name without its namespace; the service's words, and nothing that was sent."""
    answer = refused(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "no",
        }
    )
    with serving(Server(answer)) as url, pytest.raises(Conflict, match="claiming: no") as caught:
        api(url).ask("UpdateItem", {"hidden": "hunter2"}, "claiming")
    assert code_of(caught.value) == "ConditionalCheckFailedException"
    assert "hunter2" not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused({"__type": "ThrottlingException", "Message": "slow down"}), Throttled),
        (refused({}, 503), Unreachable),
        ((502, b"<html>a proxy</html>"), Unreachable),
        ((502, b"[]"), Unreachable),
        ((200, b"<html>a proxy</html>"), Unreachable),
        ((200, b"[]"), Unreachable),
        (refused({"__type": "AccessDeniedException"}), AccessDenied),
    ],
)
def test_what_may_pass_is_told_from_what_does_not(
    answer: tuple[int, bytes], kind: type[Exception]
) -> None:
    """`retrying` asks the error."""
    with serving(Server(answer)) as url, pytest.raises(kind):
        api(url).ask("GetItem", {}, "looking")


def test_nobody_there_is_said_so() -> None:
    """It can pass: the caller decides."""
    with pytest.raises(Unreachable, match="looking: no answer"):
        api("http://127.0.0.1:1").ask("GetItem", {}, "looking")


def test_only_this_machine_is_spoken_to_without_tls() -> None:
    """A signature and a secret must not cross a network in the open."""
    with pytest.raises(ConfigError, match="without TLS"):
        api("http://dynamodb.example.com")


# the role's session


def asked_of(environ: dict[str, str], clock: Callable[[], datetime] = lambda: NOON) -> RoleKeys:
    return RoleKeys(environ, clock=clock)


def test_lambdas_session_is_in_its_variables() -> None:
    """Nobody is asked."""
    variables = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    keys = asked_of(variables)()
    assert keys.token
    assert (keys.id, keys.secret.reveal(), keys.token.reveal()) == ("A", "s", "t")


def test_a_session_is_asked_for_again_shortly_before_its_end(tmp_path: Path) -> None:
    """Once for an hour; with the token of the file, read anew each time."""
    clock = FakeClock(NOON)
    ends = (NOON + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    first = json.dumps({**SESSION, "Expiration": ends}).encode()
    second = json.dumps({**SESSION, "AccessKeyId": "ASIA2", "Expiration": ends}).encode()
    server, file = Server((200, first), (200, second)), tmp_path / "token"
    file.write_text("bearer\n")
    with serving(server) as url:
        variables = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1?a=b", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}  # fmt: skip
        keys = asked_of(variables, clock)
        assert [keys().id, keys().id] == ["ASIA1", "ASIA1"]
        clock.sleep(56 * 60)
        assert keys().id == "ASIA2"
    assert [headers["Authorization"] for headers in server.asked] == ["bearer", "bearer"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((404, b""), AccessDenied), ((500, b""), Unreachable), ((200, b"[]"), AccessDenied)],
)
def test_a_platform_without_a_session_is_an_error(
    answer: tuple[int, bytes], kind: type[Exception]
) -> None:
    """What may pass can be tried again."""
    with serving(Server(answer)) as url, pytest.raises(kind):
        asked_of({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})()


def test_a_container_without_a_role_is_told_what_it_lacks() -> None:
    """No request is made for it."""
    with pytest.raises(AccessDenied, match="no role"):
        asked_of({})()


def test_a_session_is_not_asked_of_a_stranger_in_the_open() -> None:
    """The variable could come from an image."""
    with pytest.raises(ConfigError, match=r"evil\.example\.com"):
        asked_of({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example.com/keys"})()
