"""What Secret Manager takes and refuses (https://cloud.google.com/secret-manager/docs), by Google's own client."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.api_core import exceptions

from moto_tests.gcp.granting import NUMBER, PROJECT, Granting

AUTOMATIC = {"replication": {"automatic": {}}}


def refused_field(error: pytest.ExceptionInfo[exceptions.GoogleAPICallError]) -> str:
    """The field that a request was refused for (google.rpc.BadRequest)."""
    return str(error.value.details[0].field_violations[0].field)


def test_answers_name_the_project_by_its_number(granting: Granting) -> None:
    """However it was asked for (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets)."""
    made = granting.secrets.create_secret(parent=PROJECT, secret_id="a--b", secret=AUTOMATIC)
    assert made.name == f"{NUMBER}/secrets/a--b"
    assert granting.secrets.get_secret(name=f"{PROJECT}/secrets/a--b") == made


@pytest.mark.parametrize("id_", ["a/b", "a.b", "", "ä", "x" * 256])
def test_an_id_is_letters_numerals_hyphens_and_underscores(granting: Granting, id_: str) -> None:
    """At most 255 (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)."""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.secrets.create_secret(parent=PROJECT, secret_id=id_, secret=AUTOMATIC)
    assert refused_field(raised) == "secret_id"


def test_the_longest_id_is_taken(granting: Granting) -> None:
    """255 characters."""
    made = granting.secrets.create_secret(parent=PROJECT, secret_id="x" * 255, secret=AUTOMATIC)
    assert made.name.endswith("x" * 255)


def test_a_second_secret_of_a_name_is_refused(granting: Granting) -> None:
    """A create that is repeated after a lost answer meets itself."""
    granting.secret("once")
    with pytest.raises(exceptions.AlreadyExists):
        granting.secret("once")


def test_a_secret_needs_a_replication(granting: Granting) -> None:
    """https://cloud.google.com/secret-manager/docs/choosing-replication"""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.secrets.create_secret(parent=PROJECT, secret_id="a", secret={})
    assert refused_field(raised) == "secret.replication"


def test_the_replication_cannot_be_changed(granting: Granting) -> None:
    """It is immutable; another one needs another secret."""
    granting.secret("a")
    secret = {"name": f"{PROJECT}/secrets/a", **AUTOMATIC}
    with pytest.raises(exceptions.InvalidArgument):
        granting.secrets.update_secret(secret=secret, update_mask={"paths": ["replication"]})


def test_a_payload_has_64_kib_at_most(granting: Granting) -> None:
    """65,536 bytes (https://cloud.google.com/secret-manager/quotas)."""
    granting.secret("fits", b"x" * 65_536)
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.secret("too-large", b"x" * 65_537)
    assert refused_field(raised) == "payload.data"


def test_an_empty_payload_is_refused(granting: Granting) -> None:
    """There is nothing to keep."""
    with pytest.raises(exceptions.InvalidArgument):
        granting.secret("empty", b"")


def test_a_damaged_payload_is_refused(granting: Granting) -> None:
    """Its checksum says so (https://cloud.google.com/secret-manager/docs/data-integrity)."""
    name = granting.secret("a").name.partition("/versions/")[0]
    payload = {"data": b"123456789", "data_crc32c": 0xE3069283}  # of RFC 3720
    made = granting.secrets.add_secret_version(parent=name, payload=payload)
    assert granting.secrets.access_secret_version(name=made.name).payload.data_crc32c == 0xE3069283
    with pytest.raises(exceptions.InvalidArgument):
        granting.secrets.add_secret_version(parent=name, payload={**payload, "data": b"12345678"})


@pytest.mark.parametrize(
    "labels",
    [{"Team": "a"}, {"1a": "b"}, {"a": "B"}, {"a": "b.c"}, {"a" * 64: "b"}, {"a": "b" * 64}],
)
def test_labels_are_short_and_lower_case(granting: Granting, labels: dict[str, str]) -> None:
    """https://cloud.google.com/resource-manager/docs/labels-overview"""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.secret("a", labels=labels)
    assert refused_field(raised) == "secret.labels"


def test_a_secret_has_64_labels_at_most(granting: Granting) -> None:
    """https://cloud.google.com/resource-manager/docs/labels-overview"""
    granting.secret("most", labels={f"k{n}": "v" for n in range(64)})
    with pytest.raises(exceptions.InvalidArgument):
        granting.secret("more", labels={f"k{n}": "v" for n in range(65)})


def test_a_secret_ends_with_its_ttl(granting: Granting, manners: Callable[..., None]) -> None:
    """With all versions, and its name is free again (https://cloud.google.com/secret-manager/docs/secret-expiration)."""
    version = granting.secret("short", ttl=timedelta(seconds=60))
    manners(clock_ahead=59)
    assert granting.secrets.access_secret_version(name=version.name).payload.data == b"hunter2"
    manners(clock_ahead=61)
    with pytest.raises(exceptions.NotFound):
        granting.secrets.access_secret_version(name=version.name)
    assert list(granting.secrets.list_secrets(parent=PROJECT)) == []
    assert granting.secret("short").name.endswith("/versions/1")


def test_a_ttl_is_kept_as_a_time(granting: Granting) -> None:
    """`ttl` is input only; `expire_time` is always told."""
    granting.secret("a", ttl=timedelta(hours=1))
    secret = granting.secrets.get_secret(name=f"{PROJECT}/secrets/a")
    assert (secret.expire_time - secret.create_time, bool(secret.ttl)) == (
        timedelta(hours=1),
        False,
    )


def test_a_ttl_is_a_minute_at_least(granting: Granting) -> None:
    """A shorter one is refused, not rounded."""
    with pytest.raises(exceptions.InvalidArgument) as raised:
        granting.secret("a", ttl=timedelta(seconds=59))
    assert refused_field(raised) == "secret.expiration"


def test_deleting_takes_the_etag_or_none(granting: Granting) -> None:
    """Another one is FAILED_PRECONDITION (https://cloud.google.com/secret-manager/docs/etags)."""
    granting.secret("a")
    name = f"{PROJECT}/secrets/a"
    with pytest.raises(exceptions.FailedPrecondition):
        granting.secrets.delete_secret(request={"name": name, "etag": '"stale"'})
    granting.secrets.delete_secret(request={"name": name})
    with pytest.raises(exceptions.NotFound):
        granting.secrets.get_secret(name=name)


def test_an_update_changes_what_its_mask_names(granting: Granting) -> None:
    """And gives the secret another etag."""
    granting.secret("a", labels={"x": "1"})
    before = granting.secrets.get_secret(name=f"{PROJECT}/secrets/a")
    wanted = {"name": before.name, "labels": {"x": "2"}, "annotations": {"y": "3"}}
    after = granting.secrets.update_secret(secret=wanted, update_mask={"paths": ["labels"]})
    assert (dict(after.labels), dict(after.annotations)) == ({"x": "2"}, {})
    assert after.etag != before.etag


def test_a_list_is_filtered_by_labels_and_comes_in_pages(
    granting: Granting, manners: Callable[..., None]
) -> None:
    """The newest first; the client follows the pages by itself."""
    manners(page_items=2)
    for number in range(5):
        granting.secret(f"a{number}", labels={"al-project": "shop"})
    granting.secret("stranger", labels={"al-project": "other"})
    asked = {"parent": PROJECT, "filter": "labels.al-project=shop"}
    pages = list(granting.secrets.list_secrets(request=asked).pages)
    ids = [secret.name.rpartition("/")[2] for page in pages for secret in page.secrets]
    assert (ids, len(pages)) == (["a4", "a3", "a2", "a1", "a0"], 3)


def test_a_filter_that_is_not_understood_is_refused(granting: Granting) -> None:
    """The sandbox does not guess."""
    with pytest.raises(exceptions.InvalidArgument):
        list(granting.secrets.list_secrets(request={"parent": PROJECT, "filter": "x > 3"}))


def test_another_project_is_nobody_s(granting: Granting) -> None:
    """PERMISSION_DENIED, whether or not there is one of that name."""
    with pytest.raises(exceptions.PermissionDenied):
        granting.secrets.get_secret(name="projects/another/secrets/a")


VERSION = f"{PROJECT}/secrets/a/versions/1"


@pytest.mark.parametrize(
    ("quota", "method"),
    [
        ("secret_write_quota", "enable_secret_version"),
        ("secret_read_quota", "get_secret_version"),
        ("secret_access_quota", "access_secret_version"),
    ],
)
def test_quotas_are_per_minute(
    granting: Granting, manners: Callable[..., None], quota: str, method: str
) -> None:
    """90,000 accesses, 600 other reads and 600 writes (https://cloud.google.com/secret-manager/quotas); then
    RESOURCE_EXHAUSTED, until time has passed.  Google's client repeats such an access by itself unless told not to."""
    granting.secret("a")
    call = getattr(granting.secrets, method)
    manners(**{quota: 1})
    call(name=VERSION, retry=None)
    with pytest.raises(exceptions.ResourceExhausted) as raised:
        call(name=VERSION, retry=None)
    assert raised.value.reason == "RATE_LIMIT_EXCEEDED"
    manners(clock_ahead=61)
    call(name=VERSION, retry=None)
