"""Finding the Pulumi CLI.  The fake one only tells its version: applying to an account is untried without the real one."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from infra import pulumi_cli
from toolkit.core.errors import AlError, ConfigError


def fake(root: Path, answer: str, code: int = 0) -> str:
    """A program called pulumi in `root`/bin that answers every command so."""
    place = root / "bin" / "pulumi"
    place.parent.mkdir()
    place.write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
    place.chmod(0o755)
    return str(root)


def test_a_missing_cli_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which version, where to get it, and how to say where it is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AlError, match="no Pulumi CLI on the PATH") as error:
        pulumi_cli.command(None)
    assert version("pulumi") in error.value.hint
    assert pulumi_cli.DOWNLOAD in error.value.hint
    assert "`root` in [pulumi]" in error.value.hint


def test_a_missing_sdk_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The `infra` extra is not part of the plain installation."""
    monkeypatch.setitem(sys.modules, "pulumi", None)
    with pytest.raises(ConfigError) as error:
        pulumi_cli.command(None)
    assert error.value.hint == 'pip install "al-toolkit[infra]"'


def test_a_root_without_a_cli_is_named(tmp_path: Path) -> None:
    """The PATH is not searched when the environment's file says where it is."""
    with pytest.raises(AlError, match="no Pulumi CLI in"):
        pulumi_cli.command(str(tmp_path))


def test_a_cli_in_the_root_is_found(tmp_path: Path) -> None:
    """`root` is the directory that has bin/pulumi."""
    found = pulumi_cli.command(fake(tmp_path, "v3.200.0"))
    assert found.command == str(tmp_path / "bin" / "pulumi")


@pytest.mark.parametrize("old", ["v3.149.0", "v2.9.0", "v4.0.0"])
def test_a_cli_of_another_age_is_refused(tmp_path: Path, old: str) -> None:
    """Older than our SDK's lower bound, or of another major version."""
    with pytest.raises(AlError, match="not a Pulumi CLI that we can use"):
        pulumi_cli.command(fake(tmp_path, old))


def test_a_cli_that_fails_is_an_error_of_ours(tmp_path: Path) -> None:
    """A broken installation is told like a missing one."""
    with pytest.raises(AlError, match="does not tell its version"):
        pulumi_cli.command(fake(tmp_path, "segmentation fault", code=139))
