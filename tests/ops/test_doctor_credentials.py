"""Credentials are looked at here, and their issuers asked only when it was wished for; no value is ever shown."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryStore
from tests.services import ENVIRONMENT
from toolkit.core import registry
from toolkit.core.agent import Agent, AgentName, CredentialRef, Model, Project, WebhookTrigger
from toolkit.core.credential import CredentialType, Probe
from toolkit.core.secrets import Secret
from toolkit.credentials import issuers
from toolkit.credentials.issuers import Verdict
from toolkit.ops.doctor import credential_checks as doctor_credentials
from toolkit.ops.doctor import webhooks as doctor_webhooks
from toolkit.ops.doctor.credential_checks import Asking
from toolkit.ops.doctor.findings import Finding, Weight

VALUE = "s3cret-t0ken"
PROBED = [name for name in registry.names("credential") if registry.find("credential", name).probe]
BEARER = Probe(url="https://issuer.example/me", headers={"Authorization": "Bearer {token}"})


class Issuer:
    """A loopback server that answers every GET in the same way, and writes down what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append((self.path, dict(self.headers)))
                self.send_response(issuer.status)
                for name, value in issuer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    serving = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


def ask(issuer: Issuer, probe: Probe = BEARER, value: str = VALUE) -> issuers.Answer:
    answer = issuers.ask(probe, {"token": Secret(value)}, base=issuer.url)
    assert answer is not None
    return answer


def a_project(*credentials: str, **more: Any) -> Project:
    refs = tuple(CredentialRef.parse(text) for text in credentials)
    settings = {"script": True, **more.pop("agent", {})}
    agent = Agent(
        name=AgentName("dev"), directory=Path("dev"), instructions="", credentials=refs, **settings
    )
    return Project(name="shop", directory=Path("shop"), agents=(agent,), **more)


def a_store(**values: str) -> MemoryStore:
    store = MemoryStore()
    for path, value in values.items():
        store.put(path.replace("__", "/"), Secret(value), tags={})
    return store


def found(project: Project, store: MemoryStore, issuer: Issuer | None = None) -> list[Finding]:
    asking = Asking(wanted=issuer is not None, base=issuer.url if issuer else None)
    return [*doctor_credentials.found(project, store, (), asking)]


# an issuer's answer


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN),
        (401, Verdict.REFUSED),
        (403, Verdict.UNDECIDED),
        (429, Verdict.UNDECIDED),
        (500, Verdict.UNDECIDED),
        (302, Verdict.UNDECIDED),
    ],
)
def test_only_a_clear_refusal_is_one(issuer: Issuer, status: int, verdict: Verdict) -> None:
    """A token without a scope, a busy service and a broken one say nothing about the value."""
    issuer.status = status
    assert ask(issuer).verdict is verdict


def test_an_issuer_that_refuses_with_200_is_read(issuer: Issuer) -> None:
    """Slack answers so (https://docs.slack.dev/reference/methods/auth.test)."""
    slack: CredentialType = registry.find("credential", "slack_bot_token")
    assert slack.probe
    issuer.body = b'{"ok": false, "error": "invalid_auth"}'
    assert ask(issuer, slack.probe).verdict is Verdict.REFUSED
    issuer.body = b'{"ok": true}'
    assert ask(issuer, slack.probe).verdict is Verdict.TAKEN


def test_a_value_never_goes_where_a_redirect_leads(issuer: Issuer) -> None:
    """Whoever controls a redirect would get it."""
    issuer.status, issuer.headers = 302, {"Location": f"{issuer.url}/elsewhere"}
    ask(issuer)
    assert [path for path, _ in issuer.asked] == ["/me"]


@pytest.mark.parametrize("value", [f"{VALUE}\n", f"{VALUE}\r\nX-Evil: 1", "tökén"])
def test_a_value_that_no_header_takes_is_not_sent(issuer: Issuer, value: str) -> None:
    """It would be refused with the value in the error, or smuggle a header."""
    answer = ask(issuer, value=value)
    assert (answer.verdict, issuer.asked) == (Verdict.REFUSED, [])
    assert VALUE not in answer.words


def test_an_issuer_that_nobody_reaches_decides_nothing() -> None:
    """Said with its host, and without what the library says."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        answer = issuers.ask(BEARER, {"token": Secret(VALUE)}, base=base)
    assert answer
    assert answer.verdict is Verdict.UNDECIDED
    assert "ConnectError" in answer.words
    assert VALUE not in answer.words


def test_without_its_field_nothing_is_asked(issuer: Issuer) -> None:
    """A credential of which only another field is here."""
    assert issuers.ask(BEARER, {"other": Secret("x")}, base=issuer.url) is None
    assert issuer.asked == []


@pytest.mark.parametrize("name", PROBED)
def test_every_probe_can_be_asked(issuer: Issuer, name: str) -> None:
    """Over HTTPS, with headers of fields that the type has, at a path of the issuer's."""
    kind: CredentialType = registry.find("credential", name)
    assert kind.probe
    assert kind.probe.url.startswith("https://")
    values = {field.name: Secret(VALUE) for field in kind.fields}
    issuers.ask(kind.probe, values, base=issuer.url)
    ((path, headers),) = issuer.asked
    assert kind.probe.url.endswith(path)
    assert any(VALUE in value for value in headers.values())
    assert VALUE not in path


def test_the_usual_keys_can_be_asked_about() -> None:
    """A type without a probe is looked at offline only."""
    assert {"github_token", "anthropic_key", "openai_key", "slack_bot_token"} <= set(PROBED)


# what the doctor makes of it


def test_nobody_is_asked_unless_it_is_wished_for(issuer: Issuer) -> None:
    """A doctor that sends keys around by itself is none."""
    store = a_store(github_token__default__token=VALUE)
    assert found(a_project("github_token"), store) == []
    assert issuer.asked == []


def test_a_refused_credential_is_an_error(issuer: Issuer) -> None:
    """With the command that replaces it; the value is nowhere."""
    issuer.status = 401
    store = a_store(github_token__default__token=VALUE)
    (finding,) = found(a_project("github_token"), store, issuer)
    assert (finding.weight, finding.about) == (Weight.ERROR, "github_token")
    assert "`al creds add github_token`" in finding.remedy
    assert VALUE not in str(finding)


def test_a_taken_credential_is_no_finding(issuer: Issuer) -> None:
    """Nothing is said where nothing is wrong."""
    store = a_store(github_token__default__token=VALUE)
    assert found(a_project("github_token"), store, issuer) == []
    assert len(issuer.asked) == 1


def test_an_undecided_answer_is_a_warning(issuer: Issuer) -> None:
    """It may be valid."""
    issuer.status = 503
    store = a_store(github_token__default__token=VALUE)
    (finding,) = found(a_project("github_token"), store, issuer)
    assert finding.weight is Weight.WARNING


def test_every_instance_is_asked_about(issuer: Issuer) -> None:
    """Told in the order in which the project names them, whoever answers first."""
    issuer.status = 401
    names = [f"github_token:team{n}" for n in range(12)]
    store = a_store(**{f"github_token__team{n}__token": VALUE for n in range(12)})
    assert [f.about for f in found(a_project(*names), store, issuer)] == names


def test_a_key_of_somebody_else_s_server_is_not_shown_to_the_issuer(issuer: Issuer) -> None:
    """A model with a base URL of its own has a key of that server."""
    model = Model(name="m", provider="openai", model="x", base_url="https://proxy.example/v1")
    project = a_project(agent={"script": False, "models": (model,)}, models={"m": model})
    (finding,) = found(project, a_store(openai_key__default__token="sk-1"), issuer)
    assert (finding.weight, issuer.asked) == (Weight.NOTE, [])
    assert "https://proxy.example/v1" in finding.message


def test_a_value_that_is_not_here_cannot_be_asked_about(issuer: Issuer) -> None:
    """The environment has it: said, as a note."""
    known = ["github_token/default/token"]
    asking = Asking(wanted=True, base=issuer.url)
    project = a_project("github_token")
    (finding,) = doctor_credentials.found(project, MemoryStore(), known, asking)
    assert (finding.weight, issuer.asked) == (Weight.NOTE, [])


# webhooks


def with_source(kind: str, secret: str | None, **more: Any) -> Project:
    source = {
        "type": kind,
        "allowUnsigned": more.pop("unsigned", False),
        "credentials": [secret] if secret else [],
    }
    agent = {"webhooks": (WebhookTrigger(source="hub"),), **more}
    return a_project(agent=agent, webhook_sources={"hub": source})


def test_a_missing_webhook_secret_is_an_error() -> None:
    """The source is named: its events could not be verified, and would all be refused."""
    (finding,) = found(with_source("github", "github_webhook_secret"), MemoryStore())
    assert (finding.weight, finding.about) == (Weight.ERROR, "github_webhook_secret")
    assert "the webhook source hub verifies its events with it" in finding.message
    assert finding.remedy == "run `al creds add github_webhook_secret`"


def test_a_webhook_secret_that_is_there_is_no_finding() -> None:
    """So the check looks at the store, and does not always fire."""
    store = a_store(github_webhook_secret__default__secret="x" * 20)
    assert found(with_source("github", "github_webhook_secret"), store) == []


@pytest.mark.parametrize(
    "project",
    [
        with_source("github", "github_webhook_secret", unsigned=True),
        with_source("test", None),
        with_source("github", "github_webhook_secret", scale=0),
    ],
)
def test_who_verifies_nothing_needs_no_secret(project: Project) -> None:
    """Unsigned events allowed, the type for tests, or no agent that is on."""
    assert found(project, MemoryStore()) == []


def test_unsigned_events_are_a_warning() -> None:
    """Allowed by the user, and anyone may send one."""
    project = with_source("github", "github_webhook_secret", unsigned=True)
    (finding,) = doctor_webhooks.found(project, ENVIRONMENT)
    assert (finding.weight, finding.about) == (Weight.WARNING, "webhooks.hub")
    assert "dev" in finding.message


def test_the_type_for_tests_is_a_warning_where_strangers_reach_it() -> None:
    """Not on this machine, and not in the sandbox."""
    project, cloud = with_source("test", None), ENVIRONMENT.cloud
    sandbox = replace(ENVIRONMENT, cloud=replace(cloud, endpoint="http://127.0.0.1:1"))  # type: ignore[arg-type,type-var]
    here = replace(ENVIRONMENT, cloud=None)
    told = [[*doctor_webhooks.found(project, place)] for place in (ENVIRONMENT, sandbox, here)]
    assert [len(findings) for findings in told] == [1, 0, 0]


def test_a_source_that_no_agent_uses_is_nobody_s_business() -> None:
    """It starts nothing."""
    project = a_project(
        webhook_sources={"hub": {"type": "test", "allowUnsigned": True, "credentials": []}}
    )
    assert [*doctor_webhooks.found(project, ENVIRONMENT)] == []


def test_no_finding_about_a_credential_holds_a_value(issuer: Issuer) -> None:
    """Whatever the issuer answers, even when it answers with the value."""
    issuer.status, issuer.body = 400, json.dumps({"error": VALUE}).encode()
    store = a_store(github_token__default__token=VALUE)
    assert VALUE not in str(found(a_project("github_token"), store, issuer))
