"""The environment `sandbox-gcp`: always there, with the addresses of the sandbox that runs."""

import json
from dataclasses import replace

import pytest

from toolkit.config.environments import in_sandbox, sandbox_google
from toolkit.core.environment import GcpCloud, Scope
from toolkit.core.errors import ConfigError

from .conftest import Load

GOOGLE = {
    "grpc": "127.0.0.1:5002",
    "http": "127.0.0.1:5003",
    "project": "al-sandbox",
    "number": "123456789012",
    "region": "europe-west1",
}
AWS = {"endpoint": "http://127.0.0.1:5001", "region": "us-east-1", "account": "123456789012"}
STATE = {"pid": 1, "aws": AWS, "gcp": GOOGLE, "registry": "127.0.0.1:5000"}
SCOPE = Scope(project="demo", environment="sandbox-gcp")
RUNNING = GcpCloud(
    project="al-sandbox",
    number="123456789012",
    region="europe-west1",
    repository="al-demo-sandbox-gcp-images",
    endpoint="127.0.0.1:5002",
    http_endpoint="http://127.0.0.1:5003",
    registry="127.0.0.1:5000",
)


def test_it_needs_no_file_of_its_own(load: Load) -> None:
    """A project that was just made can be pushed to it."""
    found = load({}, "sandbox-gcp", sandbox=STATE).environment
    assert found.cloud == RUNNING
    assert found.scope == SCOPE


def test_its_addresses_are_read_from_the_state_file(load: Load) -> None:
    """Of the home's sandbox."""
    files = {"sandbox/state.json": json.dumps(STATE)}
    assert load({}, "sandbox-gcp", home_files=files).environment.cloud == RUNNING


def test_without_a_sandbox_it_reaches_nobody(load: Load) -> None:
    """The discard port of this machine, never Google."""
    cloud = load({}, "sandbox-gcp").environment.cloud
    assert isinstance(cloud, GcpCloud)
    assert (cloud.endpoint, cloud.http_endpoint) == ("127.0.0.1:9", "http://127.0.0.1:9")


def test_a_sandbox_without_google_reaches_nobody_either() -> None:
    """Where the google libraries are not installed the state says so."""
    assert sandbox_google({**STATE, "gcp": None}, SCOPE).endpoint == "127.0.0.1:9"


def test_a_damaged_state_says_what_to_do(load: Load) -> None:
    """As for the embedded AWS cloud."""
    damaged = json.dumps({**STATE, "gcp": {**GOOGLE, "grpc": 5}})
    with pytest.raises(ConfigError, match="is damaged"):
        load({}, "sandbox-gcp", home_files={"sandbox/state.json": damaged})


def test_a_google_environment_moves_into_a_sandbox(load: Load) -> None:
    """Its settings stay, its addresses are the sandbox's, and no name of a real project's things comes along."""
    text = (
        '[cloud]\nprovider = "cloud-run"\nproject = "acme-prod"\nregion = "europe-west1"\nkeepImages = 9\n'
        'artifactRegistry = "images"\nserviceAccount = "own@p.iam.gserviceaccount.com"\n'
    )
    found = in_sandbox(load({"environments/prod.toml": text}, "prod").environment, STATE)
    assert (found.cloud, found.keep_images) == (
        replace(RUNNING, repository="al-demo-prod-images"),
        9,
    )


def test_prefix_and_scope_are_the_file_s(load: Load) -> None:
    """What shapes a deployment may be rehearsed."""
    text = '[cloud]\nprovider = "cloud-run"\nsecretPrefix = "x"\nkeepImages = 7\n'
    found = load({"environments/sandbox-gcp.toml": text}, "sandbox-gcp", sandbox=STATE).environment
    assert (found.scope.prefix, found.keep_images, found.cloud) == ("x", 7, RUNNING)
