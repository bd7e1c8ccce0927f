"""What a sandbox takes over of `[cloud]`, and what it says of the rest."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.config.load import explain

from .conftest import Load, Write

FILE = "environments/sandbox.toml"
AWS = '[cloud]\nprovider = "ecs"\nkeepImages = 5\nassignPublicIp = false\n'
MINE = 'region = "eu-west-1"\naccountId = "210987654321"\n'


def test_settings_of_an_account_are_named_as_unused(load: Load) -> None:
    """One warning for the file; push and doctor show it."""
    (warning,) = load({FILE: AWS + MINE}, "sandbox").project.warnings
    assert warning.startswith(f"{FILE}: cloud: not used")
    assert "accountId, region" in warning
    assert "keepImages" not in warning


def test_what_shapes_a_deployment_is_used_in_silence(load: Load) -> None:
    """It is there to be rehearsed."""
    assert load({FILE: AWS}, "sandbox").project.warnings == ()


def test_an_environment_of_an_account_uses_them_all(load: Load) -> None:
    """The same words in another file."""
    assert load({"environments/prod.toml": AWS + MINE}, "prod").project.warnings == ()


def test_what_is_not_in_force_is_not_shown_as_if_it_were(write: Write, home: Path) -> None:
    """`al env show sandbox`."""
    rows = explain(write({FILE: AWS + MINE}), "sandbox", home=home, variables={})
    origins = {row.key: row.origin for row in rows}
    assert origins["cloud.region"] == f"{FILE} (not used in a sandbox)"
    assert origins["cloud.keepImages"] == FILE


@pytest.mark.parametrize("prefix", ["a b", "ä", ""])
def test_a_prefix_that_no_secret_can_have_is_a_mistake_in_the_file(
    problems: Callable[..., list[str]], prefix: str
) -> None:
    """Named by its key."""
    text = f'{AWS}{MINE}secretPrefix = "{prefix}"\n'
    (found,) = problems({"environments/prod.toml": text}, "prod")
    assert found.startswith("environments/prod.toml: cloud.secretPrefix: ")
