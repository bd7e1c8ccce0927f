"""What is baked into the gateway's image."""

import json
from pathlib import Path

import pytest

from gateway.deployment import dump, load
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import ConfigError

SCOPE = Scope(project="shop", environment="production", prefix="acme", legacy_names=True)
CLOUD = AwsCloud(
    region="eu-west-1",
    account="123456789012",
    subnets=("subnet-1", "subnet-2"),
    agent_roles=(("dev", "task", "mine"),),
    use_lambda=False,
)
PRODUCTION = Environment(name="production", scope=SCOPE, cloud=CLOUD, log_retention_days=7)


def baked(environment: Environment, path: Path) -> Path:
    path.write_text(json.dumps(dump(environment)))
    return path


def test_an_environment_survives_its_baking(tmp_path: Path) -> None:
    """What the gateway works with is what was pushed."""
    loaded = load(baked(PRODUCTION, tmp_path / "d.json")).environment
    assert loaded == PRODUCTION
    assert hash(loaded.cloud) == hash(CLOUD)  # clients are found by it


def test_nothing_of_the_pushing_machine_is_baked() -> None:
    """An endpoint comes from AWS_ENDPOINT_URL where the gateway runs; a profile exists on one laptop only."""
    cloud = AwsCloud(
        region="eu-west-1",
        account="123456789012",
        endpoint="http://127.0.0.1:1",
        registry="127.0.0.1:2",
        profile="me",
    )
    environment = Environment(
        name="sandbox",
        scope=SCOPE,
        cloud=cloud,
        pulumi={"backend": "file:///home/me"},
        gateway_url="http://127.0.0.1:3",
    )
    text = json.dumps(dump(environment))
    assert not [word for word in ("127.0.0.1", "/home/me", "profile") if word in text]


def test_the_same_environment_bakes_the_same_file() -> None:
    """An unchanged project yields an unchanged image."""
    one = json.dumps(dump(PRODUCTION))
    assert one == json.dumps(dump(PRODUCTION))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 2}', '{"version": 1, "environment": {}, "cloud": null}']
)
def test_a_damaged_deployment_is_a_clear_error(tmp_path: Path, text: str) -> None:
    """The function's log says what to do."""
    path = tmp_path / "deployment.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert "al push" in error.value.hint
