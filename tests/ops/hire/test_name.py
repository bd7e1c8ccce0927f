"""What a hired agent may be called, and that a wrong name costs nothing."""

import pytest

from tests.ops.hire.forgejo import ForgeState
from tests.ops.hire.project import Shop
from toolkit.core.errors import UsageError
from toolkit.ops.hire.name import LONGEST, checked_name


@pytest.mark.parametrize("name", ["a", "dev", "d-2", "dev-qwen", "dev-qwen2", "review-qwen"])
def test_a_name_of_letters_digits_and_single_hyphens_is_taken(name: str) -> None:
    """A digit may end it."""
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["dev--qwen", "-dev", "dev-", "Dev", "dev_q", "2dev", "", "a" * (LONGEST + 1)]
)
def test_any_other_name_is_refused_with_the_rule_and_examples(name: str) -> None:
    """Exit code 2: wrong use."""
    with pytest.raises(UsageError, match="begins with a letter") as refused:
        checked_name(name)
    assert (refused.value.exit_code, "dev-qwen2" in refused.value.hint) == (2, True)


def test_a_wrong_name_changes_nothing(shop: Shop, forge: ForgeState) -> None:
    """No file, no credential, and the forge hears nothing."""
    shop.with_forge(forge)
    before = shop.everything()
    with pytest.raises(UsageError):
        shop.hire("dev--qwen")
    assert (shop.everything(), forge.calls) == (before, [])
