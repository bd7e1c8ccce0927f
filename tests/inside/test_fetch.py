"""A preflight step's HTTP request: bounded in time and size, and kept away from where it has no business."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.inside.stage import Finished, Stage
from tests.inside.waiting import until
from toolkit.inside.fetch import MOST, FetchFailed, _Connection

TOKEN = {"github_token/default/token": "ghp_0123456789"}
# one for each process of the tests
LINK_LOCAL = f"169.254.{(os.getpid() >> 8) % 250 + 1}.{os.getpid() % 250 + 1}"


class Web(ThreadingHTTPServer):
    """A server on loopback, whose answers are as bad as its paths say."""

    daemon_threads = True

    def __init__(self, host: str) -> None:
        super().__init__((host, 0), Handler)
        self.url = f"http://{host}:{self.server_port}"
        self.asked = threading.Event()  # somebody waits for the rest of an answer
        self.over = threading.Event()  # the test
        self.headers: list[dict[str, str]] = []
        self.elsewhere = ""  # where /away leads


class Handler(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        self.server.headers.append({k.lower(): v for k, v in self.headers.items()})
        getattr(self, f"do_{self.path.strip('/')}")()

    def _head(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_fine(self) -> None:
        self._head(Content_Length=5)
        self.wfile.write(b"fine\n")

    def do_hang(self) -> None:
        self._head(Content_Length=100)
        self.wfile.write(b"begun")
        self.wfile.flush()
        self.server.asked.set()
        self.server.over.wait(60)

    def do_short(self) -> None:
        self._head(Content_Length=100)
        self.wfile.write(b"begun")

    def do_large(self) -> None:
        self._head(Content_Length=MOST + 1)

    def do_endless(self) -> None:
        self._head()
        try:
            while not self.server.over.is_set():
                self.wfile.write(bytes(1 << 20))
        except OSError:
            self.close_connection = True

    def do_away(self) -> None:
        self._head(302, Location=self.server.elsewhere, Content_Length=0)


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Web]:
    server = Web(host)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def step(url: str, **more: Any) -> dict[str, Any]:
    headers = {"Authorization": "Bearer ${GITHUB_TOKEN}", "X-Key": "${GITHUB_TOKEN}"}
    params = {"url": url, "output": "out", "headers": headers}
    return {"provider": "http", "required": False, "params": params, **more}


def fetching(stage: Stage, url: str) -> Finished:
    """A run whose optional step asks for `url`, and whose script shows what came of it."""
    stage.configure(credentials=["github_token:default"], preflight=[step(url)])
    stage.script("ls -A; cat out")
    return stage.run(credentials=TOKEN)


def why(done: Finished) -> str:
    """What was wrong with the step."""
    return next(str(n["error"]) for n in done.lines if n["msg"] == "preflight step failed")


def test_a_request_that_hangs_ends_at_the_runs_timeout(stage: Stage, web: Web) -> None:
    """The run's time is the limit, not the server's patience."""
    stage.configure(
        timeout=1, credentials=["github_token:default"], preflight=[step(f"{web.url}/hang")]
    )
    stage.script("echo never")
    run = stage.new_run(TOKEN)
    done = stage.run(run)
    assert (done.code, done.output) == (124, [])
    assert (stage.mailbox(run).report or {})["state"] == "timed_out"


def test_a_request_that_hangs_ends_when_the_run_is_stopped(stage: Stage, web: Web) -> None:
    """As everything else that a run does."""
    stage.configure(credentials=["github_token:default"], preflight=[step(f"{web.url}/hang")])
    stage.script("echo never")
    run = stage.new_run(TOKEN)
    process = stage.start(run)
    until(web.asked.is_set)
    stage.ledger.request_stop(run)
    done = stage.finish(process)
    assert (done.code, done.output) == (143, [])


@pytest.mark.parametrize("path", ["large", "endless"])
def test_an_answer_that_is_too_large_is_refused(stage: Stage, web: Web, path: str) -> None:
    """Announced or not; and no half of it stays behind."""
    done = fetching(stage, f"{web.url}/{path}")
    assert why(done) == "a preflight request failed: the answer is larger than 50 MiB"
    assert "out" not in " ".join(done.output[:-1])


def test_an_answer_that_was_cut_off_is_no_answer(stage: Stage, web: Web) -> None:
    """Fewer bytes than were announced."""
    done = fetching(stage, f"{web.url}/short")
    assert "ended too early" in why(done)
    assert "begun" not in done.output


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/v2/credentials",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[64:ff9b::a9fe:a9fe]/latest/meta-data/",
        "http://[2002:a9fe:a9fe::]/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "https://169.254.169.254/",
    ],
)
def test_a_machines_own_services_are_not_asked(stage: Stage, address: str) -> None:
    """They hand out the role's credentials
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html)."""
    assert "is link-local" in why(fetching(stage, address))


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.google.internal."])
def test_a_metadata_service_is_not_asked_by_its_name(stage: Stage, name: str) -> None:
    """Whatever it resolves to, and whether it does
    (https://cloud.google.com/compute/docs/metadata/querying-metadata)."""
    assert "machine's own service" in why(fetching(stage, f"http://{name}/computeMetadata/v1/"))


@pytest.mark.parametrize(
    ("elsewhere", "word"),
    [
        ("http://metadata.google.internal/", "own service"),
        ("http://169.254.169.254/latest/meta-data/", "is link-local"),
        ("file:///etc/passwd", "not allowed"),
        ("ftp://127.0.0.1/x", "unknown url type: ftp"),
    ],
)
def test_a_redirect_leads_nowhere_else_either(
    stage: Stage, web: Web, elsewhere: str, word: str
) -> None:
    """What is refused at first is refused afterwards."""
    web.elsewhere = elsewhere
    assert word in why(fetching(stage, f"{web.url}/away"))


def test_headers_stay_with_the_origin_that_they_are_for(stage: Stage, web: Web) -> None:
    """A redirect is followed; to another origin without the step's headers, because they hold tokens."""
    with serving() as other:
        web.elsewhere = f"{other.url}/fine"
        done = fetching(stage, f"{web.url}/away")
    assert done.output[-1] == "fine"
    assert web.headers[0]["authorization"] == "Bearer ghp_0123456789"
    assert not {"authorization", "x-key"} & set(other.headers[0])


def test_headers_go_with_a_redirect_within_their_origin(stage: Stage, web: Web) -> None:
    """It is the same service."""
    web.elsewhere = "/fine"
    assert fetching(stage, f"{web.url}/away").output[-1] == "fine"
    assert [headers["x-key"] for headers in web.headers] == ["ghp_0123456789"] * 2


def test_a_header_that_is_not_valid_is_not_quoted(stage: Stage, web: Web) -> None:
    """A parser's error quotes what it parsed."""
    bad = step(f"{web.url}/fine")
    bad["params"]["headers"] = {"X-Key": "hunter2\nX-Other: y"}
    stage.configure(preflight=[bad])
    stage.script("true")
    done = stage.run()
    assert "a header is not valid" in why(done)
    assert "hunter2" not in done.text


@pytest.fixture
def link_local() -> Iterator[Web]:
    """A server on a link-local address of this machine's loopback."""
    ip = ["ip", "address"], f"{LINK_LOCAL}/32", ["dev", "lo"]
    added = subprocess.run([*ip[0], "add", ip[1], *ip[2]], capture_output=True, check=False)
    if added.returncode:
        pytest.skip("a link-local address needs root and iproute2")
    try:
        with serving(LINK_LOCAL) as web:
            yield web
    finally:
        subprocess.run([*ip[0], "del", ip[1], *ip[2]], check=True)


def test_a_link_local_service_is_asked_where_the_step_allows_it(
    stage: Stage, link_local: Web
) -> None:
    """And nowhere else: nothing reaches the server without it."""
    assert "is link-local" in why(fetching(stage, f"{link_local.url}/fine"))
    allowed = step(f"{link_local.url}/fine")
    allowed["params"]["allowLinkLocal"] = True
    stage.configure(credentials=["github_token:default"], preflight=[allowed])
    assert stage.run(credentials=TOKEN).output[-1] == "fine"
    assert len(link_local.headers) == 1


def test_a_name_that_changes_its_address_reaches_nobody(link_local: Web) -> None:
    """The peer counts, before a word is said to it: that a name was fine when it was looked up is not enough."""
    connection = _Connection(LINK_LOCAL, link_local.server_port, timeout=5)
    with pytest.raises(FetchFailed, match="is link-local"):
        connection.request("GET", "/fine")
    connection.close()
    assert link_local.headers == []


def test_directories_above_the_output_are_made(stage: Stage, web: Web) -> None:
    """As `git clone` makes those above its own."""
    there = step(f"{web.url}/fine")
    there["params"]["output"] = "a/b/out"
    shell = {"provider": "shell", "params": {"command": "echo hi", "output": "c/d/out"}}
    stage.configure(credentials=["github_token:default"], preflight=[there, shell])
    stage.script("cat a/b/out c/d/out")
    assert stage.run(credentials=TOKEN).output == ["fine", "hi"]
