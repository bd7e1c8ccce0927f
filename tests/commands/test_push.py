"""Which options of `al push` exclude each other."""

from typing import Any

import pytest

from toolkit.commands._push import Wish
from toolkit.core.errors import UsageError

PLAIN: dict[str, Any] = {
    "agent": None, "dry_run": False, "skip_creds": False, "creds_only": False, "again": False,
    "rollback": False, "install_pulumi": False, "as_json": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        (("skip_creds", "creds_only"), "--skip-creds and --creds-only"),
        (("rollback", "skip_creds"), "--rollback and --skip-creds"),
        (("rollback", "creds_only"), "--rollback and --creds-only"),
        (("rollback", "again"), "--rollback and --all"),
        (("rollback", "install_pulumi"), "--rollback and --install-pulumi"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    chosen: tuple[str, ...], named: str
) -> None:
    """By name, before anything is read."""
    with pytest.raises(UsageError, match=named):
        Wish(**(PLAIN | dict.fromkeys(chosen, True))).check()


@pytest.mark.parametrize("one", ["skip_creds", "creds_only", "again", "rollback", "dry_run"])
def test_each_option_goes_alone(one: str) -> None:
    """And with --dry-run, which every one of them goes with."""
    Wish(**(PLAIN | {one: True, "dry_run": True})).check()
