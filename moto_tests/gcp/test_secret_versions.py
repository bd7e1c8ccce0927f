"""Versions of secrets: their numbers, their states, and `latest` (https://cloud.google.com/secret-manager/docs)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud import secretmanager_v1

from moto_tests.gcp.granting import PROJECT, Granting

State = secretmanager_v1.SecretVersion.State
SECRET = f"{PROJECT}/secrets/a"


def add(granting: Granting, data: bytes) -> secretmanager_v1.SecretVersion:
    made: secretmanager_v1.SecretVersion = granting.secrets.add_secret_version(
        parent=SECRET, payload={"data": data}
    )
    return made


def read(granting: Granting, which: str) -> bytes:
    name = f"{SECRET}/versions/{which}"
    return bytes(granting.secrets.access_secret_version(name=name).payload.data)


def test_versions_are_numbered_from_one(granting: Granting) -> None:
    """A number is never given twice, and begins anew with a new secret of the name."""
    granting.secret("a", b"1")
    granting.secrets.destroy_secret_version(name=add(granting, b"2").name)
    assert add(granting, b"3").name.endswith("/versions/3")
    granting.secrets.delete_secret(name=SECRET)
    assert granting.secret("a").name.endswith("/versions/1")


def test_a_number_is_read_at_once_and_latest_later(
    granting: Granting, manners: Callable[..., None]
) -> None:
    """Only numbers are strongly consistent (https://cloud.google.com/secret-manager/docs/consistency)."""
    granting.secret("a", b"old")
    manners(latest_delay=60, clock_ahead=120)
    add(granting, b"new")
    assert (read(granting, "2"), read(granting, "latest")) == (b"new", b"old")
    manners(clock_ahead=240)
    assert read(granting, "latest") == b"new"


def test_latest_is_the_newest_whatever_its_state(granting: Granting) -> None:
    """It does not fall back to an older one that is enabled."""
    granting.secret("a", b"good")
    granting.secrets.disable_secret_version(name=add(granting, b"bad").name)
    with pytest.raises(exceptions.FailedPrecondition, match="is in DISABLED state"):
        read(granting, "latest")
    assert read(granting, "1") == b"good"


def test_destroying_is_for_ever(granting: Granting) -> None:
    """Neither read nor enabled again (https://cloud.google.com/secret-manager/docs/destroy-secret-version)."""
    version = granting.secret("a")
    gone = granting.secrets.destroy_secret_version(name=version.name)
    assert (gone.state, bool(gone.destroy_time)) == (State.DESTROYED, True)
    for call in (
        granting.secrets.access_secret_version,
        granting.secrets.enable_secret_version,
        granting.secrets.disable_secret_version,
        granting.secrets.destroy_secret_version,
    ):
        with pytest.raises(exceptions.FailedPrecondition, match="DESTROYED"):
            call(name=version.name)


def test_only_one_of_two_destroys_a_version_with_its_etag(granting: Granting) -> None:
    """The first takes the etag away from the second (https://cloud.google.com/secret-manager/docs/etags)."""
    version = granting.secret("a")
    asked = {"name": version.name, "etag": version.etag}
    granting.secrets.destroy_secret_version(request=asked)
    with pytest.raises(exceptions.FailedPrecondition):
        granting.secrets.destroy_secret_version(request=asked)


def test_a_change_that_changes_nothing_gives_another_etag(granting: Granting) -> None:
    """Enabling what is enabled counts (https://cloud.google.com/secret-manager/docs/etags)."""
    version = granting.secret("a")
    assert granting.secrets.enable_secret_version(name=version.name).etag != version.etag


def test_a_version_s_etag_is_not_told_with_its_payload(granting: Granting) -> None:
    """AccessSecretVersionResponse has a name and a payload; who destroys with an etag has it from somewhere else
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/AccessSecretVersionResponse)."""
    answer = granting.secrets.access_secret_version(name=granting.secret("a").name)
    assert set(type(answer).meta.fields) == {"name", "payload"}


def test_a_secret_may_delay_destruction(granting: Granting, manners: Callable[..., None]) -> None:
    """Until then the version is disabled, and can be enabled again
    (https://cloud.google.com/secret-manager/docs/delay-destruction-of-secret-versions)."""
    first = granting.secret("a", version_destroy_ttl=timedelta(days=1))
    second = add(granting, b"2")
    for version in (first, second):
        assert granting.secrets.destroy_secret_version(name=version.name).state == State.DISABLED
    granting.secrets.enable_secret_version(name=first.name)
    manners(clock_ahead=2 * 86_400)
    states = [v.state for v in granting.secrets.list_secret_versions(parent=SECRET)]
    assert states == [State.DESTROYED, State.ENABLED]


def test_an_alias_is_a_number_s_other_name(granting: Granting) -> None:
    """`latest` and `NEW` are none (https://cloud.google.com/secret-manager/docs/assign-alias-to-secret-version)."""
    granting.secret("a", b"1")
    add(granting, b"2")
    mask = {"paths": ["version_aliases"]}
    wanted = {"name": SECRET, "version_aliases": {"stable": 1}}
    granting.secrets.update_secret(secret=wanted, update_mask=mask)
    assert read(granting, "stable") == b"1"
    with pytest.raises(exceptions.InvalidArgument):
        granting.secrets.update_secret(
            secret={"name": SECRET, "version_aliases": {"latest": 1}}, update_mask=mask
        )


@pytest.mark.parametrize("which", ["0", "2", "nothing", "-1"])
def test_a_version_that_is_not_there_is_not_found(granting: Granting, which: str) -> None:
    """Neither by number nor by alias."""
    granting.secret("a")
    with pytest.raises(exceptions.NotFound):
        read(granting, which)
