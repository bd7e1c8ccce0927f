"""`al hire --dry-run`: what would be made, changed and revoked; and nothing is."""

from datetime import timedelta

import pytest

from tests.ops.hire.forgejo import ForgeState
from tests.ops.hire.project import LOCAL, Shop
from toolkit.core.errors import AccessDenied, ConfigError, Conflict, CredentialError, NotFound
from toolkit.ops.hire import Done

NAME = "dev-qwen"


def without_names(done: list[Done]) -> list[tuple[str, str]]:
    return [(one.what, one.how) for one in done]


def state(shop: Shop, forge: ForgeState) -> object:
    """Everything on this machine and at the forge."""
    return shop.everything(), dict(forge.users), repr(forge.tokens), set(forge.admitted)


@pytest.mark.parametrize("hired", [False, True])
def test_it_says_what_hiring_then_says(shop: Shop, forge: ForgeState, hired: bool) -> None:
    """Word for word, but for the key, which nobody has yet; the first time and when it is renewed."""
    shop.with_forge(forge)
    _ = hired and shop.hire(NAME, base_url=LOCAL)
    foreseen = shop.preview(NAME, base_url=LOCAL, poll_interval=9)
    assert without_names(foreseen) == without_names(
        shop.hire(NAME, base_url=LOCAL, poll_interval=9)
    )


def test_what_would_be_revoked_is_named(shop: Shop, forge: ForgeState) -> None:
    """Or until when it would be spared."""
    shop.with_forge(forge)
    shop.hire(NAME, base_url=LOCAL)
    (token,) = forge.tokens[NAME]
    assert f"old token: revoked, {token} of {NAME}" in map(str, shop.preview(NAME))
    (spared,) = [o.how for o in shop.preview(NAME, keep=timedelta(days=1)) if o.what == "old token"]
    assert spared == "works until 2026-11-22T12:00Z"


def test_what_would_change_in_the_section_is_named(shop: Shop) -> None:
    """By its keys."""
    shop.hire(NAME, base_url=LOCAL)
    (how,) = [o.how for o in shop.preview(NAME, "review", poll_interval=9) if o.what == "section"]
    assert how == "changed (roles, poll_interval)"


@pytest.mark.parametrize("wish", [{}, {"keep": timedelta(days=1)}, {"keep": timedelta()}])
def test_nothing_is_changed_anywhere(
    shop: Shop, forge: ForgeState, wish: dict[str, timedelta]
) -> None:
    """No file, no account, no token; the forge hears questions only."""
    shop.with_forge(forge)
    shop.preview(NAME, base_url=LOCAL)
    shop.hire(NAME, base_url=LOCAL, keep=timedelta(days=1))
    shop.hire(NAME, base_url=LOCAL)
    before = state(shop, forge)
    forge.calls.clear()
    shop.preview(NAME, base_url="http://10.0.0.2:1", key="sk-ant", **wish)
    assert state(shop, forge) == before
    assert {call.split()[0] for call in forge.calls} == {"GET"}


def test_a_hosted_agent_s_key_would_be_stored(shop: Shop) -> None:
    """And is not."""
    (how,) = [one.how for one in shop.preview("rev", "review", key="sk-ant") if one.what == "key"]
    assert (how, shop.stored("anthropic_key/rev/token")) == ("stored", None)


def test_it_refuses_what_hiring_refuses(shop: Shop, forge: ForgeState) -> None:
    """An account of somebody else, a repository that is not there, and who is no administrator."""
    shop.with_forge(forge)
    forge.users["alice"] = {"email": "alice@example.com", "password": "hers"}
    with pytest.raises(Conflict, match="did not make"):
        shop.preview("alice", base_url=LOCAL)
    forge.repos.clear()
    with pytest.raises(NotFound, match=r"acme/app.*HTTP 404"):
        shop.preview(NAME, base_url=LOCAL)
    forge.refuse = ""
    with pytest.raises(AccessDenied):
        shop.preview(NAME, base_url=LOCAL, admin="wrong")


@pytest.mark.parametrize("content", [b"x = [", b"x = '\xe9'"])
def test_a_file_that_cannot_be_read_is_refused_before_an_account_is_renewed(
    shop: Shop, forge: ForgeState, content: bytes
) -> None:
    """The agent's own, to which its credential is to be added."""
    shop.with_forge(forge)
    shop.hire(NAME, base_url=LOCAL)
    (shop.directory / "agents" / NAME / "config.toml").write_bytes(content)
    before = state(shop, forge)
    with pytest.raises(ConfigError, match="is not"):
        shop.hire(NAME)
    assert state(shop, forge) == before


def test_instructions_that_cannot_be_read_are_replaced_as_others_are(shop: Shop) -> None:
    """By a formula that is named: what they said does not matter then."""
    shop.hire(NAME, base_url=LOCAL)
    (shop.directory / "agents" / NAME / "SKILL.md").write_bytes(b"caf\xe9")
    shop.write("other.md", "New.")
    shop.hire(NAME, formula=shop.directory / "other.md")
    assert shop.read(f"agents/{NAME}/SKILL.md") == "New.\n"


@pytest.mark.parametrize("token", ["one\ntwo", "sk-\u2026"])
def test_an_administrator_s_token_that_cannot_be_sent_is_not_shown(
    shop: Shop, forge: ForgeState, token: str
) -> None:
    """And nobody is asked with it."""
    shop.with_forge(forge)
    with pytest.raises(
        CredentialError, match=r"token \(--admin-token\) has a line break"
    ) as caught:
        shop.preview(NAME, base_url=LOCAL, admin=token)
    assert (token in str(caught.value), forge.calls) == (False, [])


def test_a_password_that_was_changed_by_hand_hides_no_token_that_is_known(
    shop: Shop, forge: ForgeState
) -> None:
    """The forge lists them only to who has the password; a renewal sets a new one first."""
    shop.with_forge(forge)
    shop.hire(NAME, base_url=LOCAL)
    forge.users[NAME]["password"] = "by hand"
    told = without_names(shop.preview(NAME))
    assert ("old token", "revoked") in told
    (unseen,) = [how for what, how in told if what == "old tokens"]
    assert "shows them to nobody without the password" in unseen
    assert set(told) > set(without_names(shop.hire(NAME)))
