"""What a probe of a model's server says: everything is well, or which layer is in the way."""

import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from toolkit.core.agent import Model
from toolkit.core.secrets import Secret
from toolkit.llm.probe import Probe, probe
from toolkit.llm.reach import Layer, why_not

TAGS = {"models": [{"name": "qwen2.5-coder:7b"}, {"name": "llama3.2:3b"}]}
SHOWN = {"model_info": {"qwen2.context_length": 32768}, "parameters": "num_ctx 8192"}


def qwen(url: str, **more: Any) -> Model:
    return Model(name="m", provider="ollama", model="qwen2.5-coder", base_url=url, **more)


def custom(url: str, **more: Any) -> Model:
    return Model(name="m", provider="custom", model="big", base_url=url, **more)


def layer(found: Probe) -> Layer | None:
    return found.failure.layer if found.failure else None


@pytest.fixture
def ollama() -> Iterator[LlmServer]:
    with llm_server(Turn(text="yes"), facts={"/api/tags": TAGS, "/api/show": SHOWN}) as server:
        yield server


@pytest.fixture
def closed() -> Iterator[int]:
    """A port at which nothing listens: it is bound, so that nobody else gets it."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and sends nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_sound_server_is_told_with_all_that_it_says(ollama: LlmServer) -> None:
    """Its models, the window that it really has, and how long one token takes."""
    found = probe(qwen(f"{ollama.root}/v1/"), None)
    assert (found.url, found.model, found.failure) == (ollama.root, "qwen2.5-coder:7b", None)
    assert (found.listed, found.window) == (True, 8192)
    assert found.seconds is not None
    (asked,) = ollama.requests
    assert asked["options"] == {"num_predict": 1, "num_ctx": 8192}


def test_without_a_reply_nothing_is_asked_of_the_model(ollama: LlmServer) -> None:
    """Somebody else may be at work there."""
    found = probe(qwen(ollama.root), None, reply=False)
    assert (found.failure, found.seconds, ollama.requests) == (None, None, [])


def test_a_model_that_is_not_there_is_named_with_those_that_are(ollama: LlmServer) -> None:
    """And with the command that brings it."""
    found = probe(Model(name="m", provider="ollama", model="phi4", base_url=ollama.root), None)
    assert layer(found) is Layer.MODEL
    assert found.failure is not None
    assert "has no model phi4; it has qwen2.5-coder:7b, llama3.2:3b" in found.failure.message
    assert "al llm pull phi4" in found.failure.remedy
    assert ollama.requests == []


def test_servers_with_openais_api_are_asked_in_it() -> None:
    """llama-server lists one model and answers to every name: that is said, and is no failure."""
    facts = {
        "/v1/models": {"data": [{"id": "gpt-oss.gguf"}]},
        "/props": {"default_generation_settings": {"n_ctx": 4096}},
    }
    with llm_server(Turn(text="yes"), facts=facts) as server:
        found = probe(custom(server.root), Secret("sk-1"))
    assert (found.failure, found.listed, found.window) == (None, False, 4096)
    assert "lists no big, but gpt-oss.gguf" in found.note
    assert (server.requests[0]["max_tokens"], server.keys) == (1, ["Bearer sk-1"])


def test_anthropics_wire_is_asked_in_its_words() -> None:
    facts = {"/v1/models": {"data": [{"id": "claude-opus-4-8"}]}}
    model = Model(name="m", provider="anthropic", model="claude-opus-4.8")
    with llm_server(Turn(text="yes"), facts=facts) as server:
        found = probe(Model(**{**_fields(model), "base_url": server.root}), Secret("sk-ant-1"))
    assert (found.failure, found.listed, found.window) == (None, True, None)
    assert (server.requests[0]["max_tokens"], server.keys) == (1, ["sk-ant-1"])


def test_a_server_of_ones_own_gets_the_key_as_from_a_session() -> None:
    """It may look at one header alone."""
    with llm_server(Turn(text="yes"), facts={"/v1/models": {"data": []}}) as server:
        probe(custom(server.root, wire="anthropic"), Secret("sk-1"))
    assert server.keys == ["Bearer sk-1"]


def _fields(model: Model) -> dict[str, Any]:
    return {name: getattr(model, name) for name in ("name", "provider", "model")}


@pytest.mark.parametrize(
    ("turn", "wanted", "words"),
    [
        (Turn(status=401, error="no such key"), Layer.KEY, "refuses the key (HTTP 401: no such key)"),
        (Turn(status=500, error="out of memory"), Layer.HTTP, "answers HTTP 500: out of memory"),
        (Turn(status=404, error="no model"), Layer.MODEL, "has no model big"),
        (Turn(raw=b"<html>"), Layer.HTTP, "no JSON object"),
        (Turn(cut=True), Layer.HTTP, "takes the connection and does not answer"),
    ],
    ids=["key", "server", "model", "another server", "cut"],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_in_the_servers_words(
    turn: Turn, wanted: Layer, words: str
) -> None:
    with llm_server(turn, facts={"/v1/models": {"data": []}}) as server:
        found = probe(custom(server.root), None)
    assert layer(found) is wanted
    assert found.failure is not None
    assert server.root in found.failure.message
    assert words in found.failure.message


def test_nothing_that_listens_is_refused(closed: int) -> None:
    """With the URL, and what to do."""
    found = probe(qwen(f"http://127.0.0.1:{closed}"), None)
    assert layer(found) is Layer.REFUSED
    assert found.failure is not None
    assert found.failure.message.startswith(f"http://127.0.0.1:{closed}: nothing listens")
    assert found.failure.remedy == "start the server, or correct the port"


def test_a_name_that_nobody_knows_is_a_name() -> None:
    """.invalid never resolves: RFC 6761."""
    assert layer(probe(qwen("http://gpu.invalid:11434"), None)) is Layer.NAME


def test_a_server_that_speaks_no_tls_is_told_so() -> None:
    """Its answer is no handshake."""
    ended = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_plain, args=(server, ended), daemon=True).start()
        found = why_not(f"https://127.0.0.1:{server.getsockname()[1]}", seconds=10)
        ended.set()
    assert found is not None
    assert (found.layer, found.remedy) == (Layer.TLS, "write http:// if it speaks no TLS")


def _plain(server: socket.socket, ended: threading.Event) -> None:
    door, _ = server.accept()
    with door:
        door.recv(4096)
        door.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        ended.wait(20)


def test_a_certificate_that_nobody_here_trusts_is_told_so(tmp_path: Path) -> None:
    """A real handshake with one that signed itself."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_shaken, args=(server, context), daemon=True).start()
        found = why_not(f"https://localhost:{server.getsockname()[1]}", seconds=10)
    assert found is not None
    assert (found.layer, "not trusted" in found.message) == (Layer.TLS, True)


def _shaken(server: socket.socket, context: ssl.SSLContext) -> None:
    door, _ = server.accept()
    with door:
        try:
            context.wrap_socket(door, server_side=True).close()
        except OSError:
            return  # the client has hung up, as it should


def test_silence_is_a_time_out(mute: int) -> None:
    """The handshake never comes."""
    found = why_not(f"https://127.0.0.1:{mute}", seconds=0.2)
    assert found is not None
    assert found.layer is Layer.TIMEOUT


def test_what_can_be_reached_has_nothing_in_the_way(mute: int) -> None:
    assert why_not(f"http://127.0.0.1:{mute}") is None


def test_it_runs_as_a_program_and_answers_with_a_line(ollama: LlmServer) -> None:
    """As in a container: the question on stdin, key included, the finding on stdout."""
    asked = {"models": [{**qwen(ollama.root).to_dict(), "key": "sk-1"}], "reply": False}
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.llm.probe"],
        input=json.dumps(asked) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = Probe.from_dict(json.loads(done.stdout))
    assert found == probe(qwen(ollama.root), Secret("sk-1"), reply=False)


def test_a_failure_comes_back_whole(closed: int) -> None:
    found = probe(qwen(f"http://127.0.0.1:{closed}"), None)
    assert Probe.from_dict(json.loads(json.dumps(found.to_dict()))) == found
