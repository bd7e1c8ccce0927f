"""A store in Secret Manager, when answers get lost, quotas are used up, and names are somebody else's."""

import traceback
from collections.abc import Callable

import pytest

from moto_tests.gcp.shelf import Shelf
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    ConfigError,
    Conflict,
    CredentialError,
    LimitExceeded,
)
from toolkit.core.gcp_names import secret_id
from toolkit.core.secrets import Secret
from toolkit.credentials.stores.gcp_secrets import PLUGIN

ALWAYS = 10**6
VALUE = "hunter2"


@pytest.mark.parametrize("rpc", ["CreateSecret", "AddSecretVersion"])
@pytest.mark.parametrize("which", ["name", "run_name"])
def test_an_answer_that_was_lost_makes_nothing_twice(shelf: Shelf, rpc: str, which: str) -> None:
    """The second attempt meets its own secret (ALREADY_EXISTS), or its own version, and goes on from there."""
    name = getattr(shelf, which)
    shelf.google.faults.lose(rpc)
    shelf.put("hunter2", name)
    assert shelf.value(name) == "hunter2"
    assert shelf.states(name) == {"1": "ENABLED"}


def test_a_lost_answer_of_a_destruction_is_fine(shelf: Shelf) -> None:
    """FAILED_PRECONDITION, for it is destroyed already (https://cloud.google.com/secret-manager/docs/etags)."""
    shelf.put("hunter2")
    shelf.google.faults.lose("DestroySecretVersion")
    shelf.put("hunter3")
    assert shelf.states() == {"1": "DESTROYED", "2": "ENABLED"}


def test_a_lost_answer_of_a_deletion_is_fine(shelf: Shelf) -> None:
    """It is gone, which was wanted."""
    shelf.put("hunter2", shelf.run_name)
    shelf.google.faults.lose("DeleteSecret")
    shelf.store.delete(shelf.run_name)
    assert shelf.ids() == []


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "ABORTED"])
@pytest.mark.parametrize(
    "rpc", ["CreateSecret", "AddSecretVersion", "AccessSecretVersion", "DeleteSecret", "GetSecret"]
)
def test_what_is_refused_for_now_is_asked_again(shelf: Shelf, rpc: str, code: str) -> None:
    """The client library repeats none of these but reading a value."""
    shelf.google.faults.fail(rpc, code, times=2)
    shelf.put("hunter2", shelf.run_name)
    assert shelf.value(shelf.run_name) == "hunter2"
    shelf.store.delete(shelf.run_name)
    assert not shelf.store.exists(shelf.run_name)


def test_a_deletion_whose_etag_is_old_looks_again(shelf: Shelf) -> None:
    """Somebody has changed a label in between; if it is still ours, it goes
    (https://cloud.google.com/secret-manager/docs/etags)."""
    shelf.put("hunter2")
    shelf.google.faults.fail("DeleteSecret", "FAILED_PRECONDITION")
    shelf.store.delete(shelf.name)
    assert shelf.ids() == []


def test_a_secret_whose_value_was_refused_is_not_left(shelf: Shelf) -> None:
    """Created, and then no version: nobody could tell what it is for."""
    shelf.google.faults.fail("AddSecretVersion", "PERMISSION_DENIED")
    with pytest.raises(AccessDenied):
        shelf.put("hunter2")
    assert shelf.ids() == []


def test_a_half_that_cannot_be_undone_is_told(shelf: Shelf) -> None:
    """As a note to the error that counts; the next push finishes it."""
    shelf.google.faults.fail("AddSecretVersion", "PERMISSION_DENIED")
    shelf.google.faults.fail("DeleteSecret", "PERMISSION_DENIED")
    with pytest.raises(AccessDenied) as raised:
        shelf.put("hunter2")
    assert "left without a value" in raised.value.__notes__[0]
    shelf.put("hunter2")
    assert shelf.value() == "hunter2"


def test_a_foreign_secret_is_not_written_to(shelf: Shelf) -> None:
    """Nothing without our labels is ever changed."""
    shelf.make(secret_id(shelf.name))
    with pytest.raises(Conflict, match="not this environment's"):
        shelf.put("hunter2")
    assert shelf.states() == {}


def test_a_foreign_secret_is_not_deleted(shelf: Shelf) -> None:
    """Nor deleted: another project's labels are not ours."""
    labels = {"al-managed": "true", "al-project": "other", "al-environment": "staging"}
    shelf.make(secret_id(shelf.name), **labels)
    with pytest.raises(Conflict, match="not this environment's"):
        shelf.store.delete(shelf.name)
    assert shelf.ids() == [secret_id(shelf.name)]


def test_a_binary_secret_is_not_shown(shelf: Shelf) -> None:
    """A decoder's error quotes what it could not decode."""
    shelf.put("hunter2")
    shelf.client.add_secret_version(parent=shelf.path(), payload={"data": b"\xffhunter2"})
    with pytest.raises(CredentialError, match="binary") as raised:
        shelf.value()
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("size", [0, 65_537])
def test_what_google_would_refuse_is_refused_here(shelf: Shelf, size: int) -> None:
    """64 KiB are the most (https://cloud.google.com/secret-manager/quotas), and nothing is nothing."""
    shelf.calls()
    with pytest.raises(LimitExceeded, match="65,536"):
        shelf.put("x" * size)
    assert shelf.calls() == {}


def test_a_name_that_is_too_long_is_refused_here(shelf: Shelf) -> None:
    """255 characters, as they are encoded
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)."""
    with pytest.raises(ConfigError, match="too long"):
        shelf.put("x", f"{shelf.names.secrets}{'.' * 64}")


def test_no_error_shows_a_value(shelf: Shelf) -> None:
    """Not even in the request that Google's library keeps."""
    shelf.google.faults.fail("AddSecretVersion", "INVALID_ARGUMENT")
    with pytest.raises(AlError) as raised:
        shelf.put(VALUE)
    assert VALUE not in "".join(traceback.format_exception(raised.value))


def test_a_quota_that_others_use_up_is_waited_for(
    shelf: Shelf, manners: Callable[..., None]
) -> None:
    """600 writes a minute are the project's, whoever writes; a creation that was done is not paid for again."""
    manners(secret_write_quota=1)
    minutes = iter(range(60, 6000, 60))
    store = PLUGIN(shelf.context, sleep=lambda _: manners(clock_ahead=next(minutes)))
    store.put(shelf.run_name, Secret("hunter2"), tags=shelf.names.tags())
    assert shelf.calls()["CreateSecret"] == 1
    assert shelf.value(shelf.run_name) == "hunter2"


class Impatient(Exception):
    """Nobody waits so long."""


@pytest.fixture
def hasty(shelf: Shelf) -> Shelf:
    """Waits five times at most."""
    left = iter(range(5))

    def sleep(_seconds: float) -> None:
        if next(left, None) is None:
            raise Impatient

    shelf.store = PLUGIN(shelf.context, sleep=sleep)
    return shelf


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_what_stays_refused_is_waited_for(hasty: Shelf, code: str) -> None:
    """With patience, and not for ever: see core/retry.py."""
    hasty.google.faults.fail("AccessSecretVersion", code, times=ALWAYS)
    with pytest.raises(Impatient):
        hasty.value()
