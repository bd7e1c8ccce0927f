"""Versions of Pulumi that fit together."""

from pathlib import Path
from typing import Any

import pytest

from infra import versions
from toolkit.core.errors import Conflict

PINS = Path(__file__).parents[2] / "constraints.txt"


def state(*provider_versions: str) -> list[dict[str, Any]]:
    providers = [{"type": versions.PROVIDER, "inputs": {"version": v}} for v in provider_versions]
    return [{"type": "aws:iam/role:Role", "inputs": {}}, *providers]


def test_the_sdk_and_the_provider_are_pinned() -> None:
    """What is tried here is what is installed elsewhere, and its plug-in is downloaded."""
    pins = PINS.read_text(encoding="utf-8").splitlines()
    assert f"pulumi=={versions.sdk()}" in pins
    assert f"pulumi_aws=={versions.provider()}" in pins


def test_a_newer_cli_than_the_sdk_is_worth_a_note() -> None:
    """Pulumi keeps them compatible within a major version; a removed flag has broken that before."""
    assert "newer than the SDK" in (versions.note("3.999.0") or "")


@pytest.mark.parametrize("cli", [versions.OLDEST, "v3.200.0", versions.sdk(), "3.1.0-alpha.7+x"])
def test_a_cli_of_the_sdks_age_or_older_is_not(cli: str) -> None:
    """Whether it is too old is another question."""
    assert versions.note(cli) is None


def test_a_state_of_our_provider_or_an_older_one_is_silently_taken() -> None:
    """Pulumi upgrades it."""
    assert versions.check_state(state("6.0.0", versions.provider())) is None
    assert versions.check_state([]) is None


def test_a_state_of_a_somewhat_newer_provider_is_worth_a_note() -> None:
    """A colleague has updated."""
    assert "7.999.0, newer than" in (versions.check_state(state("7.999.0")) or "")


def test_a_state_of_the_next_major_provider_is_refused() -> None:
    """The older provider cannot read it, and would say so in a riddle."""
    with pytest.raises(Conflict, match=r"pulumi-aws 99\.1\.0") as error:
        versions.check_state(state("7.0.0", "99.1.0"))
    assert 'pip install "pulumi-aws>=99.1.0"' in error.value.hint
