"""Accounts at the forge: made, renewed, and never broken by a step that fails.  Over real HTTP."""

import base64
import threading
from datetime import timedelta

import pytest

from tests.ops.hire import forgejo
from tests.ops.hire.forgejo import ADMIN, ForgeState
from tests.ops.hire.project import LOCAL, MOMENT, Shop
from toolkit.core.errors import AccessDenied, AlError, Conflict, CredentialError, NotFound
from toolkit.ops.hire import Wish, decide, grace
from toolkit.ops.hire.grace import end_graces
from toolkit.wiring import Services

NAME = "dev-qwen"
TOKEN, PASSWORD = f"forge_bot/{NAME}/token", f"forge_bot/{NAME}/password"
# every call of a renewal that may fail, the look at the administrator before it aside
STEPS = [
    "GET /users/",
    "GET /user$",
    "POST /users/.*/tokens",
    "PUT /repos/",
    "PATCH /admin/users/",
    "GET /users/.*/tokens",
    "DELETE /users/.*/tokens",
]


class Turns(threading.Event):
    """Set after so many waits, none of which takes time."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        return self._left < 0


@pytest.fixture
def hired(shop: Shop, forge: ForgeState) -> Shop:
    """With the agent hired once."""
    shop.with_forge(forge)
    shop.hire(NAME, base_url=LOCAL)
    return shop


def services(shop: Shop) -> Services:
    asked = Wish(name=NAME, role="dev")
    made = decide(shop.directory, asked, variables={"FORGE_ADMIN_PAT": ADMIN})
    return made.place.services


def works(shop: Shop, forge: ForgeState) -> tuple[bool, bool]:
    """Whether what is stored is taken by the forge: the token, the password."""
    token, password = shop.stored(TOKEN), shop.stored(PASSWORD)
    return forge.works(token or ""), forge.takes(NAME, password or "")


def test_an_account_of_its_own_is_made(hired: Shop, forge: ForgeState) -> None:
    """It need not change its password, may write to the repository, and what is stored works."""
    assert forge.users[NAME]["forced"] is False
    assert forge.users[NAME]["email"] == f"{NAME}@shop.local"
    assert forge.admitted == {("acme/app", NAME)}
    assert works(hired, forge) == (True, True)
    assert hired.stored(f"forge_bot/{NAME}/url") == forge.url


def test_the_agent_declares_its_account(hired: Shop) -> None:
    """In its own file, as any other credential."""
    assert f'"forge_bot:{NAME}"' in hired.read(f"agents/{NAME}/config.toml")


def test_hiring_again_renews_token_and_password(hired: Shop, forge: ForgeState) -> None:
    """The same account, one token, and both values are new ones that work."""
    before = hired.stored(TOKEN), hired.stored(PASSWORD)
    hired.hire(NAME, base_url=LOCAL)
    after = hired.stored(TOKEN), hired.stored(PASSWORD)
    assert (before[0] != after[0], before[1] != after[1]) == (True, True)
    assert (list(forge.users), len(forge.tokens[NAME])) == ([NAME], 1)
    assert works(hired, forge) == (True, True)


def test_the_old_token_goes_only_when_the_new_one_has_worked(
    hired: Shop, forge: ForgeState
) -> None:
    """Made, proven, stored, and only then is the other one revoked."""
    forge.calls.clear()
    hired.hire(NAME)
    kinds = [call.split("/")[0] + call.rsplit("/", 1)[1][:4] for call in forge.calls]
    assert kinds.index("POST toke") < kinds.index("PATCH dev-") < len(kinds) - 1
    assert forge.calls[-1].startswith(f"DELETE /users/{NAME}/tokens/al-{NAME}-")


def test_another_forge_is_never_shown_the_password_of_the_one_before(
    hired: Shop, forge: ForgeState
) -> None:
    """The project has moved to it, and the account is there already: it gets a password of its own."""
    before = hired.stored(PASSWORD)
    with forgejo.serving() as other:
        other.users[NAME] = dict(forge.users[NAME], password="another")
        hired.write("config.toml", hired.read("config.toml").replace(forge.url, other.url))
        hired.hire(NAME)
        shown = base64.b64encode(f"{NAME}:{before}".encode()).decode()
        assert {text for text in other.heard if shown in text} == set()
        assert works(hired, other) == (True, True)
    assert {text for text in forge.heard if shown in text}


@pytest.mark.parametrize("step", STEPS)
def test_a_renewal_that_fails_leaves_the_old_ones_working(
    hired: Shop, forge: ForgeState, step: str
) -> None:
    """Whichever call is refused: what runs get is taken by the forge as before."""
    forge.refuse = step
    with pytest.raises(AlError):
        hired.hire(NAME)
    assert works(hired, forge) == (True, True)


@pytest.mark.parametrize("step", STEPS)
def test_the_same_again_finishes_a_renewal_that_failed(
    hired: Shop, forge: ForgeState, step: str
) -> None:
    """One account, one token, nothing left over."""
    forge.refuse = step
    with pytest.raises(AlError):
        hired.hire(NAME)
    forge.refuse = ""
    hired.hire(NAME)
    assert works(hired, forge) == (True, True)
    assert len(forge.tokens[NAME]) == 1
    assert not (hired.home / "hire" / "shop" / NAME / "password").exists()


@pytest.mark.parametrize("step", ["POST /admin/users", "POST /users/.*/tokens", "GET /user$"])
def test_a_first_hiring_that_failed_is_finished_by_the_next(
    shop: Shop, forge: ForgeState, step: str
) -> None:
    """The account that was made is known again by its password."""
    shop.with_forge(forge)
    forge.refuse = step
    with pytest.raises(AlError):
        shop.hire(NAME, base_url=LOCAL)
    forge.refuse = ""
    shop.hire(NAME, base_url=LOCAL)
    assert (works(shop, forge), len(forge.tokens[NAME])) == ((True, True), 1)


def test_a_password_that_was_changed_at_the_forge_is_set_anew(
    hired: Shop, forge: ForgeState
) -> None:
    """The account is ours: the administrator may."""
    forge.users[NAME]["password"] = "by hand"
    hired.hire(NAME)
    assert works(hired, forge) == (True, True)


def test_an_old_token_may_work_on_for_a_while(hired: Shop, forge: ForgeState) -> None:
    """--keep-old: it works beside the new one, and whoever looks after its time revokes it."""
    old = hired.stored(TOKEN) or ""
    hired.hire(NAME, keep=timedelta(hours=24))
    assert (forge.works(old), works(hired, forge)) == (True, (True, True))
    told: list[str] = []
    end_graces(services(hired), moment=MOMENT + timedelta(hours=23), note=told.append)
    assert (forge.works(old), told) == (True, [])
    end_graces(services(hired), moment=MOMENT + timedelta(hours=25), note=told.append)
    assert (forge.works(old), len(told)) == (False, 1)


def test_a_scheduler_ends_what_is_due_without_a_command(hired: Shop, forge: ForgeState) -> None:
    """It looks every ten minutes, until it ends."""
    old = hired.stored(TOKEN) or ""
    hired.hire(NAME, keep=timedelta(seconds=1))
    grace.watch(services(hired), Turns(2), lambda: MOMENT + timedelta(minutes=10))
    assert (forge.works(old), works(hired, forge)) == (False, (True, True))


def test_a_forge_that_is_down_keeps_no_scheduler_from_going_on(
    hired: Shop, forge: ForgeState
) -> None:
    """What could not be revoked is told, and tried again."""
    hired.hire(NAME, keep=timedelta(seconds=1))
    forge.refuse = "DELETE"
    told: list[str] = []
    later = MOMENT + timedelta(hours=1)
    end_graces(services(hired), moment=later, note=told.append)
    forge.refuse = ""
    end_graces(services(hired), moment=later, note=told.append)
    assert ("could not be revoked" in told[0], "is revoked" in told[1]) == (True, True)


def test_a_damaged_credential_keeps_no_scheduler_from_going_on(
    hired: Shop, forge: ForgeState
) -> None:
    """Of one agent; the others' tokens are ended all the same."""
    hired.hire("two", base_url=LOCAL)
    for name in (NAME, "two"):
        hired.hire(name, keep=timedelta(days=1))
    (hired.home / f"credentials/forge_bot/{NAME}/url").write_bytes(b"\xff")
    told: list[str] = []
    end_graces(services(hired), moment=MOMENT + timedelta(hours=25), note=told.append)
    assert ["could not" in told[0], "of two is revoked" in told[1]] == [True, True]


def test_a_promised_time_is_kept_by_the_next_hiring(hired: Shop, forge: ForgeState) -> None:
    """Unless that one says that nothing is to be kept."""
    old = hired.stored(TOKEN) or ""
    hired.hire(NAME, keep=timedelta(hours=24))
    hired.hire(NAME)
    assert forge.works(old)
    hired.hire(NAME, keep=timedelta())
    assert not forge.works(old)


def test_a_token_that_a_person_made_stays(hired: Shop, forge: ForgeState) -> None:
    """Only what al has made is revoked."""
    forge.tokens[NAME]["my laptop"] = "t"
    hired.hire(NAME)
    assert "my laptop" in forge.tokens[NAME]


def test_an_account_of_somebody_else_is_never_taken_over(shop: Shop, forge: ForgeState) -> None:
    """Its password is not reset, and nothing is stored."""
    shop.with_forge(forge)
    forge.users["alice"] = {"email": "alice@example.com", "password": "hers"}
    with pytest.raises(Conflict, match="did not make"):
        shop.hire("alice", base_url=LOCAL)
    assert forge.users["alice"]["password"] == "hers"
    assert "agents" not in shop.read("config.toml")


def test_who_is_no_administrator_learns_the_status(shop: Shop, forge: ForgeState) -> None:
    """Before anything is changed."""
    shop.with_forge(forge)
    asked = Wish(name=NAME, role="dev")
    with pytest.raises(AccessDenied, match="HTTP 403"):
        decide(shop.directory, asked, variables={"FORGE_ADMIN_PAT": "wrong"})
    assert forge.calls == ["GET /admin/users"]


def test_without_an_administrator_nothing_is_asked(shop: Shop, forge: ForgeState) -> None:
    """Every way to name one is told."""
    shop.with_forge(forge)
    with pytest.raises(CredentialError) as refused:
        decide(shop.directory, Wish(name=NAME, role="dev"), variables={})
    assert "FORGE_ADMIN_PAT" in refused.value.hint
    assert forge.calls == []


def test_a_repository_that_is_not_there_is_said(shop: Shop, forge: ForgeState) -> None:
    """An agent without rights would look for work for ever, and never get any."""
    shop.with_forge(forge)
    forge.repos.clear()
    with pytest.raises(NotFound, match=r"acme/app.*HTTP 404"):
        shop.hire(NAME, base_url=LOCAL)


def test_no_secret_is_in_what_is_told(hired: Shop) -> None:
    """Neither the token nor the password."""
    told = " ".join(map(str, hired.hire(NAME)))
    assert (hired.stored(TOKEN) or "") not in told
    assert (hired.stored(PASSWORD) or "") not in told
