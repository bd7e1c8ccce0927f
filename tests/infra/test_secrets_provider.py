"""What Pulumi's state is encrypted with."""

import pytest

from infra.secrets_provider import PASSPHRASE, PASSPHRASE_FILE, Protection, protection
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.secrets import Secret

KEY = "awskms://alias/al?region=eu-central-1"


def decided(
    chosen: str | None, environment: dict[str, str] | None = None, stored: str | None = None
) -> Protection:
    kept = None if stored is None else Secret(stored)
    return protection(chosen, environment=environment or {}, stored=lambda: kept)


def test_without_a_setting_it_is_the_empty_passphrase() -> None:
    """The state holds no secret; a passphrase on one machine only would lock the others out."""
    assert decided(None, stored="mine").variables == {PASSPHRASE: ""}
    assert decided(None).provider is None


def test_the_variable_wins() -> None:
    """As for every program that uses Pulumi."""
    assert decided(None, {PASSPHRASE: "theirs"}).variables == {PASSPHRASE: "theirs"}
    assert decided("passphrase", {PASSPHRASE: "theirs"}, "mine").variables == {PASSPHRASE: "theirs"}


def test_a_passphrase_on_request_comes_from_the_credential() -> None:
    """Every machine that pushes has it in its store."""
    assert decided("passphrase", stored="mine").variables == {PASSPHRASE: "mine"}


def test_a_requested_passphrase_that_is_missing_is_an_error() -> None:
    """Never the empty one instead."""
    with pytest.raises(CredentialError) as error:
        decided("passphrase")
    assert "al creds add pulumi_passphrase" in error.value.hint
    assert PASSPHRASE in error.value.hint


def test_a_passphrase_file_is_left_to_pulumi() -> None:
    """We need not read it."""
    assert decided("passphrase", {PASSPHRASE_FILE: "/run/x"}).variables == {}


def test_a_key_is_handed_to_pulumi() -> None:
    """And a state that the empty passphrase protects so far can still be read."""
    found = decided(KEY)
    assert (found.provider, found.variables) == (KEY, {PASSPHRASE: ""})


@pytest.mark.parametrize("chosen", ["kms", "awskms", "awskms://", "passphrase:x", "ftp://x"])
def test_anything_else_is_refused_with_what_is_known(chosen: str) -> None:
    """Pulumi would refuse it only after the first call."""
    with pytest.raises(ConfigError) as error:
        decided(chosen)
    assert "awskms://..." in error.value.hint


def test_a_passphrase_cannot_be_seen() -> None:
    """Not in a repr, and not in what Pulumi has printed."""
    mine = Protection(passphrase=Secret("correct horse"))
    assert "correct" not in repr(mine)
    assert mine.hidden("it is correct horse!") == "it is ***!"
