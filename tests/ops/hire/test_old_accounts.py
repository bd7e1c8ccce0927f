"""What lives on at a forge is never passed over: of an account that was left, of many tokens, of one that cannot be revoked."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ops.hire import forgejo
from tests.ops.hire.forgejo import PAGE, ForgeState
from tests.ops.hire.project import LOCAL, MOMENT, Shop
from toolkit.core.errors import AlError, Conflict
from toolkit.core.work import Rooms
from toolkit.ops.hire.grace import end_graces
from toolkit.ops.hire.place import place
from toolkit.ops.load import load_services
from toolkit.ops.up import up

NAME = "dev-qwen"
DAY = timedelta(days=1)


@pytest.fixture
def hired(shop: Shop, forge: ForgeState) -> Shop:
    """With the agent hired once."""
    shop.with_forge(forge)
    shop.hire(NAME, base_url=LOCAL)
    return shop


@pytest.fixture
def moved(hired: Shop, forge: ForgeState) -> Iterator[ForgeState]:
    """The project has moved to this forge."""
    with forgejo.serving() as other:
        hired.write("config.toml", hired.read("config.toml").replace(forge.url, other.url))
        yield other


def told_of_the_old_one(hired: Shop, **wish: object) -> list[str]:
    return [str(one) for one in hired.hire(NAME, **wish) if one.what == "old account"]


def graces(shop: Shop) -> list[str]:
    """What is told when all promised times are over."""
    told: list[str] = []
    services = place(shop.directory, NAME).services
    end_graces(services, moment=MOMENT + 2 * DAY, note=told.append)
    return told


def test_an_account_at_a_forge_that_was_left_is_told_with_its_tokens(
    hired: Shop, forge: ForgeState, moved: ForgeState
) -> None:
    """Where it is, whose it is, which tokens work on and who can end them: al has no password for it any more."""
    (token,) = forge.tokens[NAME]
    (words,) = told_of_the_old_one(hired)
    assert words.startswith("old account: left behind, and its tokens work on")
    assert f"{NAME} at {forge.url}: revoke {token} there" in words
    assert "/user/settings/applications" in words
    assert told_of_the_old_one(hired) == []


def test_it_is_told_before_anything_that_may_fail(
    hired: Shop, forge: ForgeState, moved: ForgeState
) -> None:
    """A second attempt would know nothing of it any more."""
    moved.refuse = "POST /admin/users"
    seen: list[str] = []
    with pytest.raises(AlError):
        seen.extend(one.what for one in hired.doing(NAME))
    assert seen == ["old account"]


def test_a_token_that_was_spared_there_is_not_said_to_be_revoked(
    hired: Shop, forge: ForgeState, moved: ForgeState
) -> None:
    """The new forge has never heard of it, and would say that it is gone."""
    hired.write("config.toml", hired.read("config.toml").replace(moved.url, forge.url))
    hired.hire(NAME, keep=DAY)
    hired.write("config.toml", hired.read("config.toml").replace(forge.url, moved.url))
    (words,) = told_of_the_old_one(hired)
    assert [name in words for name in forge.tokens[NAME]] == [True, True]
    assert (graces(hired), len(forge.tokens[NAME])) == ([], 2)


def test_an_account_of_another_name_is_left_just_so(hired: Shop, forge: ForgeState) -> None:
    """At the same forge."""
    text = hired.read("config.toml")
    hired.write("config.toml", text.replace(f'forge_user = "{NAME}"', 'forge_user = "robot"'))
    (words,) = told_of_the_old_one(hired)
    assert f"{NAME} at {forge.url}" in words
    assert forge.tokens.keys() == {NAME, "robot"}


def test_an_account_that_stays_is_not_spoken_of(hired: Shop) -> None:
    """Neither the first time nor when it is renewed."""
    assert told_of_the_old_one(hired) == []


@pytest.fixture
def other(hired: Shop, tmp_path: Path) -> Shop:
    """Another project of the same user."""
    made = Shop(tmp_path / "other", hired.home)
    made.write("config.toml", 'name = "other"\n')
    return made


@pytest.mark.parametrize("moves", [False, True])
def test_another_project_s_account_is_not_taken(
    hired: Shop, other: Shop, forge: ForgeState, moves: bool
) -> None:
    """Credentials of a machine are all projects': that agent would lose its own, at this forge or at another one."""
    with forgejo.serving() as elsewhere:
        other.with_forge(elsewhere if moves else forge)
        before = hired.everything(), repr(forge.users), repr(forge.tokens)
        with pytest.raises(Conflict, match=f"forge_bot:{NAME} is that of {NAME} at {forge.url}"):
            other.hire(NAME, base_url=LOCAL)
        assert elsewhere.users == {}
    assert (hired.everything(), repr(forge.users), repr(forge.tokens)) == before


def test_an_account_goes_on_where_only_its_credential_was_copied(
    hired: Shop, forge: ForgeState
) -> None:
    """As to another laptop: the forge knows it by its address."""
    shutil.rmtree(hired.home / "hire")
    hired.hire(NAME)
    assert (list(forge.users), len(forge.tokens[NAME])) == ([NAME], 1)


def test_a_run_at_work_keeps_the_token_that_it_was_given(hired: Shop, forge: ForgeState) -> None:
    """For as long as it may last; the next one has the new token."""
    hired.write(f"agents/{NAME}/test-script.sh", "true\n")
    services = load_services(hired.directory, "local", note=lambda _: None)
    up(services, [NAME], every=False, background=False, note=lambda _: None)
    queue, later = services.ledger.queue, MOMENT + 365 * DAY
    assert queue.take("me", Rooms(agents={NAME: 1}), seconds=60, moment=later)
    (old,) = forge.tokens[NAME]
    told = [str(one) for one in hired.hire(NAME) if one.what == "old token"]
    assert [text.startswith("old token: works until 2026-11-21T12:15Z") for text in told] == [True]
    assert (old in forge.tokens[NAME], len(forge.tokens[NAME])) == (True, 2)


def test_old_tokens_are_revoked_however_many_there_are(hired: Shop, forge: ForgeState) -> None:
    """The forge gives them in pages of its own size; an old one may be on any."""
    kept = {f"laptop-{number}": "t" for number in range(2 * PAGE)}
    forge.tokens[NAME] = kept | forge.tokens[NAME]
    hired.hire(NAME)
    assert len(forge.tokens[NAME]) == len(kept) + 1
    assert hired.stored(f"forge_bot/{NAME}/token") in forge.tokens[NAME].values()


@pytest.mark.parametrize("field", ["url", "username", "password"])
def test_an_old_token_that_cannot_be_revoked_is_never_passed_over(
    hired: Shop, forge: ForgeState, field: str
) -> None:
    """Each time that somebody looks, with what is missing and what to do, which helps."""
    hired.hire(NAME, keep=DAY)
    (hired.home / f"credentials/forge_bot/{NAME}/{field}").unlink()
    words = f"forge_bot/{NAME}/{field} is not stored here any more (`al hire {NAME} ROLE`"
    assert [words in text for text in graces(hired) + graces(hired)] == [True, True]
    hired.hire(NAME, moment=MOMENT + 2 * DAY)
    assert (graces(hired), len(forge.tokens[NAME])) == ([], 1)


def test_a_password_that_was_changed_there_is_said(hired: Shop, forge: ForgeState) -> None:
    """It is the account's affair, and no administrator's."""
    hired.hire(NAME, keep=DAY)
    forge.users[NAME]["password"] = "by hand"
    (words,) = graces(hired)
    assert ("HTTP 401" in words, "administrator" in words) == (True, False)
    assert "hire the agent again" in words
