"""What Secret Manager's documentation says of versions, expiry and lists, and how few calls a run costs."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from moto_tests.gcp.shelf import RUN, Shelf
from tests.contracts.store import StoreContract
from toolkit.core.clock import iso, now
from toolkit.core.gcp_names import secret_id
from toolkit.core.names import Names
from toolkit.core.ports import Context, Store


class TestGcpSecrets(StoreContract):
    """Of runs' secrets."""

    @pytest.fixture
    def names(self, gcp_context: Context) -> Names:
        return gcp_context.names

    @pytest.fixture
    def store(self, shelf: Shelf) -> Store:
        return shelf.store


class TestGcpSecretsOfTheEnvironment(TestGcpSecrets):
    """The same, for a long-lived credential, whose instance has dots in its name."""

    @pytest.fixture
    def name(self, names: Names) -> str:
        return f"{names.secrets}vps_ssh/api.example.com/host"


# versions


def test_a_new_value_destroys_the_old_one(shelf: Shelf) -> None:
    """Versions are paid for, and stay readable by their number for ever
    (https://cloud.google.com/secret-manager/docs/add-secret-version)."""
    shelf.put("hunter2")
    shelf.put("hunter3")
    assert shelf.states() == {"1": "DESTROYED", "2": "ENABLED"}


def test_an_equal_value_is_not_written_again(shelf: Shelf) -> None:
    """A push that changes nothing writes nothing: 600 writes a minute are the whole project's."""
    shelf.put("hunter2")
    shelf.calls()
    shelf.put("hunter2")
    assert not {"CreateSecret", "AddSecretVersion", "DestroySecretVersion"} & shelf.calls().keys()


def test_an_old_version_that_was_left_is_destroyed_by_the_next_put(shelf: Shelf) -> None:
    """Whoever added a version may have died before it could destroy the one before."""
    shelf.put("hunter2")
    shelf.client.add_secret_version(parent=shelf.path(), payload={"data": b"hunter3"})
    shelf.put("hunter3")
    assert shelf.states() == {"1": "DESTROYED", "2": "ENABLED"}


def test_a_value_is_read_although_latest_is_late(
    shelf: Shelf, manners: Callable[..., None]
) -> None:
    """Only reading by number is consistent at once, and not `latest` or an alias
    (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    shelf.put("hunter2")
    manners(latest_delay=3600)
    assert shelf.value() == "hunter2"
    shelf.put("hunter3")
    assert shelf.value() == "hunter3"


def test_a_disabled_newest_version_does_not_hide_the_one_before(shelf: Shelf) -> None:
    """`latest` is the newest version whatever its state, and does not fall back
    (https://cloud.google.com/secret-manager/docs/access-secret-version)."""
    shelf.put("hunter2")
    shelf.client.add_secret_version(parent=shelf.path(), payload={"data": b"bad"})
    shelf.client.disable_secret_version(name=f"{shelf.path()}/versions/2")
    assert shelf.value() == "hunter2"


def test_without_a_readable_version_there_is_nothing(shelf: Shelf) -> None:
    """To nobody."""
    shelf.put("hunter2")
    shelf.client.disable_secret_version(name=f"{shelf.path()}/versions/1")
    assert shelf.value() is None
    assert not shelf.store.exists(shelf.name)


def test_a_version_that_is_kept_from_destruction_is_not_destroyed(shelf: Shelf) -> None:
    """With a version_destroy_ttl, destroying only disables and schedules
    (https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions)."""
    shelf.put("hunter2")
    secret = {"name": shelf.path(), "version_destroy_ttl": {"seconds": 86_400}}
    shelf.client.update_secret(secret=secret, update_mask={"paths": ["version_destroy_ttl"]})
    shelf.put("hunter3")
    assert shelf.states() == {"1": "DISABLED", "2": "ENABLED"}
    assert shelf.value() == "hunter3"


def test_a_secret_that_was_made_for_it_is_filled(shelf: Shelf) -> None:
    """Provisioning makes a credential's secret without a value, with our labels."""
    labels = {"al-managed": "true", "al-project": "shop", "al-environment": "staging"}
    shelf.make(secret_id(shelf.name), **labels)
    assert not shelf.store.exists(shelf.name)
    shelf.put("hunter2")
    assert shelf.value() == "hunter2"


# runs' secrets


def test_a_run_secret_ends_by_itself(shelf: Shelf, manners: Callable[..., None]) -> None:
    """When everything of ours has died, Google deletes it
    (https://cloud.google.com/secret-manager/docs/creating-and-accessing-expiring-secrets)."""
    shelf.put("x", shelf.run_name, expires=iso(now() + timedelta(seconds=900)))
    manners(clock_ahead=890)
    assert shelf.store.exists(shelf.run_name)
    manners(clock_ahead=901)
    assert not shelf.store.exists(shelf.run_name)


def test_a_lease_that_ends_in_a_moment_gets_googles_shortest_time(shelf: Shelf) -> None:
    """Nothing nearer than a minute is taken."""
    shelf.put("x", shelf.run_name, expires=iso(now() + timedelta(seconds=5)))
    assert shelf.store.exists(shelf.run_name)


def test_a_run_secret_costs_two_writes_and_no_read(shelf: Shelf) -> None:
    """Its creation and its version; its deletion and the look afterwards are one call each."""
    shelf.calls()
    shelf.put("x", shelf.run_name)
    assert shelf.calls() == {"CreateSecret": 1, "AddSecretVersion": 1}
    shelf.store.delete(shelf.run_name)
    assert not shelf.store.exists(shelf.run_name)
    assert shelf.calls() == {"DeleteSecret": 1, "GetSecret": 1}


# lists


def test_a_list_has_every_page_and_costs_one_call_each(
    shelf: Shelf, manners: Callable[..., None]
) -> None:
    """And is believed for a while: whoever asks for parts of it asks Google once."""
    for number in range(7):
        shelf.put("x", f"{shelf.names.secrets}custom_key/k{number}/key")
    shelf.put("x", shelf.run_name)
    manners(page_items=3)
    shelf.calls()
    assert len(list(shelf.store.list(shelf.names.secrets))) == 8
    assert len(list(shelf.store.list(shelf.names.secrets))) == 8
    assert shelf.calls() == {"ListSecrets": 3}


def test_a_list_is_made_anew_after_a_change(shelf: Shelf) -> None:
    """What this process has deleted is not in it any more."""
    shelf.put("x")
    assert len(list(shelf.store.list(shelf.names.secrets))) == 1
    shelf.store.delete(shelf.name)
    assert list(shelf.store.list(shelf.names.secrets)) == []


def test_a_list_knows_exact_tags(shelf: Shelf) -> None:
    """Labels take no colons and no capitals, so what they cannot hold is in annotations
    (https://cloud.google.com/secret-manager/docs/annotations)."""
    more = {"expires": "2099-11-20T12:00:00.000Z", "note": "As It Is"}
    shelf.put("x", shelf.run_name, **more)
    tags = shelf.names.tags(agent="dev", run=RUN, **more)
    assert [stored.tags for stored in shelf.store.list(shelf.run_name)] == [tags]


def test_a_list_is_not_confused_by_others(shelf: Shelf) -> None:
    """The filter finds its words anywhere in a name (https://cloud.google.com/secret-manager/docs/filtering), and ids that
    we did not make need not be text."""
    ours = secret_id(shelf.names.secrets)
    shelf.put("x")
    shelf.make(f"x--{ours}a")
    shelf.make(f"{ours}_xff--b--c")
    assert [s.name for s in shelf.store.list(f"{shelf.names.secrets}github_")] == [shelf.name]
