"""Whether a push lacks the Pulumi CLI, and what would be installed; asking is the verb's."""

from pathlib import Path

import pytest

from infra import versions
from tests.infra.scenes import CLOUD, environment
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AlError
from toolkit.core.ports import Context
from toolkit.ops import pulumi
from toolkit.wiring import Services


def services(home: Path, env: Environment) -> Services:
    return Services(Context(environment=env, home=home, project=home))


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the CLI."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_real_account_without_the_cli_lacks_it(nothing: Path) -> None:
    """The question names the reason, the version, where it comes from and where it goes."""
    lack = pulumi.missing(services(nothing, environment()))
    assert lack is not None
    assert lack.question == (
        f"there is no Pulumi CLI on the PATH. Install Pulumi {versions.sdk()} from https://get.pulumi.com "
        f"into {nothing / 'pulumi' / versions.sdk()}?"
    )


def test_an_unusable_cli_is_lacking_too(nothing: Path) -> None:
    """The reason says which one, and what is wrong with it."""
    (nothing / "pulumi").write_text("#!/bin/sh\necho v3.100.0\n")
    (nothing / "pulumi").chmod(0o755)
    lack = pulumi.missing(services(nothing, environment()))
    assert "your current CLI version is 3.100.0" in (lack.reason if lack else "")


@pytest.mark.parametrize(
    "env",
    [
        environment(
            cloud=AwsCloud(
                region=CLOUD.region, account=CLOUD.account, endpoint="http://127.0.0.1:1"
            )
        ),
        Environment(name="local", scope=Scope(project="shop", environment="local")),
    ],
)
def test_where_no_pulumi_is_needed_none_is_missing(nothing: Path, env: Environment) -> None:
    """The sandbox has an engine of its own, and this machine has no infrastructure."""
    assert pulumi.missing(services(nothing, env)) is None
    assert pulumi.install(services(nothing, env), lambda _: None) is None


def test_installing_beside_a_named_root_is_refused(nothing: Path) -> None:
    """It would not be used: the file says where the CLI is."""
    env = environment(pulumi={"root": str(nothing / "own")})
    lack = pulumi.missing(services(nothing, env))
    assert lack is not None
    with pytest.raises(AlError, match="root"):
        pulumi.install(services(nothing, env), lambda _: None)
