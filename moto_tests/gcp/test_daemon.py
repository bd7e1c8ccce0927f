"""The embedded Google cloud in the sandbox's daemon: found by its state, kept and forgotten with it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from google.api_core import exceptions

from moto_tests.gcp.granting import PROJECT, Granting
from toolkit.clouds.gcp import GcpClients
from toolkit.config.environments import sandbox_google, sandbox_state
from toolkit.core.environment import Scope
from toolkit.core.errors import AlError
from toolkit.sandbox import daemon

Start = Callable[..., Granting]
SCOPE = Scope(project="shop", environment="sandbox-gcp")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose sandbox is ended in any case."""
    yield tmp_path
    daemon.stop(tmp_path, forget=True)


@pytest.fixture
def start(home: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the home's sandbox; its operator."""
    monkeypatch.delenv("AL_GCP_ENDPOINT", raising=False)
    monkeypatch.delenv("GCE_METADATA_HOST", raising=False)

    def started(*, keep: bool = False) -> Granting:
        daemon.start(home, keep=keep)
        return Granting(GcpClients(sandbox_google(sandbox_state(home), SCOPE)))

    return started


def test_the_daemon_has_a_google_cloud(start: Start, home: Path) -> None:
    """Where the state file, `status` and `al sandbox status --json` say."""
    granting = start()
    assert granting.secret("a").name == "projects/123456789012/secrets/a/versions/1"
    running = daemon.status(home)
    assert running is not None
    assert running.google is not None
    state = json.loads((home / "sandbox" / "state.json").read_text())
    assert running.to_dict()["gcp"] == state["gcp"]
    assert state["gcp"]["grpc"] == running.google.grpc
    assert {what for what, _ in running.rows()} >= {"Google endpoint (gRPC)", "AWS endpoint"}


def test_the_daemon_answers_over_http_too(start: Start, home: Path) -> None:
    """And says what was asked of it."""
    start().secret("a")
    google = sandbox_google(sandbox_state(home), SCOPE)
    counts = httpx.get(f"{google.http_endpoint}/al-sandbox/calls").json()["counts"]
    service = "google.cloud.secretmanager.v1.SecretManagerService"
    assert counts == {f"{service}/CreateSecret": 1, f"{service}/AddSecretVersion": 1}


def test_its_contents_go_with_it_unless_they_are_kept(start: Start, home: Path) -> None:
    """Until they are forgotten."""
    start().secret("a")
    daemon.stop(home)
    start(keep=True).secret("a")
    daemon.stop(home)
    kept = home / "sandbox" / "kept-gcp.pickle"
    assert kept.stat().st_mode & 0o077 == 0  # it holds secrets
    with pytest.raises(exceptions.AlreadyExists):
        start().secret("a")
    daemon.stop(home, forget=True)
    assert not kept.exists()
    assert list(start().secrets.list_secrets(parent=PROJECT)) == []


def test_its_manners_are_the_home_s(start: Start, home: Path) -> None:
    """From `settings-gcp.json`."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "settings-gcp.json").write_text('{"account_quota": 1}')
    granting = start()
    granting.account("first-one")
    with pytest.raises(exceptions.ResourceExhausted):
        granting.account("second-one")


def test_a_setting_that_there_is_not_ends_it_with_its_name(start: Start, home: Path) -> None:
    """As for the embedded AWS cloud."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "settings-gcp.json").write_text('{"manners": 1}')
    with pytest.raises(AlError, match="'manners'"):
        start()
