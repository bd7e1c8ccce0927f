"""A real Google environment is loaded, and reached with Google's own clients: nothing of the sandbox is in it."""

from pathlib import Path

import pytest

from infra.stack import Stack
from tests.ops.checkouts import project
from toolkit.clouds.gcp import cloud_of
from toolkit.ops.load import load_account, load_services
from toolkit.wiring import Services

ENVIRONMENT = """
[cloud]
provider = "cloud-run"
project = "acme-prod"
region = "europe-west1"
[images]
base = "europe-west1-docker.pkg.dev/acme-prod/images/base:1"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AL_ENV", raising=False)
    place = project(tmp_path / "shop")
    (place / "environments" / "production.toml").write_text(ENVIRONMENT)
    return place


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def services(shop: Path, told: list[str]) -> Services:
    return load_services(shop, "production", note=told.append)


def test_a_real_project_is_let_through(services: Services, told: list[str]) -> None:
    """No sandbox is started for it, and no endpoint stands between it and Google."""
    cloud = cloud_of(services.environment)
    assert (cloud.project, cloud.endpoint, cloud.http_endpoint) == ("acme-prod", None, None)
    assert told == []


def test_its_infrastructure_is_applied_by_pulumi(services: Services) -> None:
    """The real one, which has to be installed."""
    assert isinstance(services.applier, Stack)
    assert services.pulumi is not None


def test_a_teardown_needs_no_project(shop: Path, told: list[str]) -> None:
    """From the environment alone, where the project's files are broken."""
    (shop / "agents" / "hello" / "config.toml").write_text("timeout = 'x'\n")
    found = load_account(shop, "production", note=told.append)
    assert cloud_of(found.environment).project == "acme-prod"
    assert "only the account is looked at" in told[0]
