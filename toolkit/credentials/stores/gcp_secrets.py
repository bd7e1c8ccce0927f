"""Secrets in Google Secret Manager: an environment's credentials, and its runs' ephemeral secrets.

Names with `/` become ids that Google takes, and tags become labels, both in core/gcp_names.py.  A run's secret gets a
time to live, so Google deletes it even when everything of ours has died.  A value is in exactly one parameter of one
call, and in no error.
"""

import hmac
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from toolkit.clouds.gcp import GcpClients, cloud_of, gcp_clients_for
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.core import clock
from toolkit.core.clock import from_iso
from toolkit.core.errors import (
    AlError,
    AlreadyExists,
    ConfigError,
    Conflict,
    LimitExceeded,
    NotFound,
)
from toolkit.core.gcp_names import (
    GcpNames,
    annotations_of,
    labels_of,
    secret_id,
    secret_name,
    tags_of,
)
from toolkit.core.ports import Context
from toolkit.core.retry import retrying
from toolkit.core.secrets import Secret, StoredSecret
from toolkit.core.waits import waiting

from ._gcp_versions import TIMEOUT, Versions, is_temporary

T = TypeVar("T")

LONGEST_ID = 255  # characters: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create
LARGEST = 65_536  # bytes: https://cloud.google.com/secret-manager/quotas
SOONEST = 60.0  # seconds: Google takes no expiry that is nearer
PATIENCE = 120.0  # seconds in which a value gets written
READ_PATIENCE = 20.0  # seconds for what somebody waits for
LIST_SECONDS = 15.0  # how long a list is believed; Google's own may be minutes old
RUN_WRITES = 3  # of a run's secret: its creation, its version, and its deletion by the container


@dataclass(slots=True)
class _Made:
    """What the attempts of one `put` have found out: that the secret is there, and that it is they who made it."""

    there: bool = False
    new: bool = False


class GcpSecrets:
    """core.ports.Store in the environment's project."""

    name = "gcp_secrets"

    def __init__(
        self,
        context: Context,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._cloud = cloud_of(context.environment)
        self._names = context.names
        self._labels = GcpNames(context.environment.scope)
        self._sleep, self._now = sleep, now
        self._lists: dict[str, tuple[float, tuple[StoredSecret, ...]]] = {}

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        """Create it with these tags, or add a version if the value differs, and destroy the versions before it.

        Each attempt looks at what the one before has left, so an answer that was lost makes nothing twice.  Raises
        LimitExceeded, ConfigError, or Conflict for a secret that is not ours; then nothing new is left behind."""
        _check(name, value)
        self._lists.clear()
        made = _Made()
        try:
            retrying(
                lambda: self._put(name, value, tags, made),
                seconds=PATIENCE,
                # one that exists and is not to be seen is seen later
                retry=lambda error: is_temporary(error) or isinstance(error, AlreadyExists),
                sleep=self._sleep,
            )
        except BaseException as error:
            if made.new:
                self._undo(name, error)
            raise

    def get(self, name: str) -> Secret | None:
        found = self._patiently(lambda: self._versions(name).present(fresh=self._of_a_run(name)))
        return found.value if found else None

    def delete(self, name: str) -> None:
        """At once and with all its versions; there is no way back."""
        self._lists.clear()
        self._patiently(lambda: self._delete(name), retry=_changed_meanwhile)

    def exists(self, name: str) -> bool:
        """Whether a version of it can be read; of a run's secret nothing at all must be left."""
        if self._of_a_run(name):
            return self._patiently(lambda: self._look(name)) is not None
        return self._patiently(self._versions(name).readable)

    def revive(self, names: Collection[str]) -> tuple[str, ...]:
        """None: Google deletes at once (https://cloud.google.com/secret-manager/docs/delete-secrets)."""
        return ()

    def list(self, prefix: str) -> Iterator[StoredSecret]:
        # ids are made part by part, so only whole parts can be looked for
        folder = prefix[: prefix.rfind("/") + 1]
        known = self._lists.get(folder)
        if known is None or time.monotonic() - known[0] > LIST_SECONDS:
            known = time.monotonic(), self._patiently(lambda: tuple(self._listed(folder)))
            self._lists[folder] = known
        yield from (stored for stored in known[1] if stored.name.startswith(prefix))

    def _put(self, name: str, value: Secret, tags: Mapping[str, str], made: _Made) -> None:
        versions = self._versions(name)
        if not made.there:
            made.new = self._created(name, tags)
            made.there = True
            if made.new:
                versions.add(value)
                return
        present = versions.present(fresh=self._of_a_run(name))
        if present is None or not hmac.compare_digest(_bytes(present.value), _bytes(value)):
            number = versions.add(value)
        else:
            number = present.number
        # a run's container reads the first version, and a request that came twice has made two of one value
        if not self._of_a_run(name):
            versions.destroy_before(number)

    def _created(self, name: str, tags: Mapping[str, str]) -> bool:
        """False when it is there already.  Raises Conflict when that one is not ours."""
        # a run's secret has a name that nobody had before: if it is there, we made it a moment ago
        if not self._of_a_run(name) and self._look(name, ours=True):
            return False
        try:
            self._create(name, tags)
        except AlreadyExists:
            if self._of_a_run(name) or self._look(name, ours=True):
                return False
            raise
        return True

    def _create(self, name: str, tags: Mapping[str, str]) -> None:
        run = self._of_a_run(name)
        # the version and the container's deletion are counted here: they come for certain, and soon
        self._spend(RUN_WRITES if run else 1)
        secret: dict[str, Any] = {
            "replication": {"automatic": {}},
            "labels": labels_of(tags),
            "annotations": annotations_of(tags),
        }
        if run and (ttl := self._ttl(tags)):
            secret["ttl"] = ttl
        with translated(f"creating the secret {name}"):
            self._client.create_secret(
                request={
                    "parent": self._clients.parent,
                    "secret_id": secret_id(name),
                    "secret": secret,
                },
                timeout=TIMEOUT,
            )

    def _ttl(self, tags: Mapping[str, str]) -> str | None:
        """What is left until the lease ends.  A length and not a time, so that this machine's clock does not matter
        (https://cloud.google.com/secret-manager/docs/creating-and-accessing-expiring-secrets)."""
        if (expires := tags.get("al:expires")) is None:
            return None
        left = (from_iso(expires) - self._now()).total_seconds()
        return f"{max(left, SOONEST + 1):.0f}s"

    def _delete(self, name: str) -> None:
        request = {"name": self._path(name)}
        if not self._of_a_run(name):
            if (found := self._look(name, ours=True)) is None:
                return
            request["etag"] = found.etag
        self._spend(1)
        try:
            with translated(f"deleting the secret {name}"):
                self._client.delete_secret(request=request, timeout=TIMEOUT)
        except NotFound:
            return

    def _undo(self, name: str, because: BaseException) -> None:
        """A secret without a version is of no use to anybody."""
        try:
            if not self._versions(name).readable():
                self._delete(name)
        except AlError as error:
            end = "Google deletes it in time" if self._of_a_run(name) else "the next push fills it"
            because.add_note(
                f"the secret {name} may be left without a value ({error.message}); {end}"
            )

    def _look(self, name: str, *, ours: bool = False) -> Any | None:
        """What there is of that name; with `ours`, raises Conflict when it lacks our labels."""
        try:
            with translated(f"looking at the secret {name}"):
                found = self._client.get_secret(request={"name": self._path(name)}, timeout=TIMEOUT)
        except NotFound:
            return None
        if ours and not self._owns(found):
            raise Conflict(
                f"the secret {secret_id(name)} is not this environment's: it lacks its labels",
                hint="remove or rename that secret, or set another `secretPrefix` for the environment's secrets",
            )
        return found

    def _owns(self, found: Any) -> bool:
        # the predecessor's secrets, which legacy names take over, have no labels
        return self._names.scope.legacy_names or self._labels.owns(dict(found.labels))

    def _listed(self, folder: str) -> Iterator[StoredSecret]:
        wanted = f'name:"{secret_id(folder)}"' if folder else ""
        with translated(f"listing the secrets {folder}*"):
            pages = self._client.list_secrets(
                request={"parent": self._clients.parent, "filter": wanted}, timeout=TIMEOUT
            )
            # the filter finds it anywhere in the name
            yield from (s for s in map(_stored, pages) if s.name.startswith(folder))

    def _of_a_run(self, name: str) -> bool:
        return name.startswith(f"{self._names.secrets}runs/")

    def _path(self, name: str) -> str:
        return f"{self._clients.parent}/secrets/{secret_id(name)}"

    def _versions(self, name: str) -> Versions:
        # a run's version is paid for with its secret
        spend = (lambda: None) if self._of_a_run(name) else (lambda: self._spend(1))
        return Versions(self._clients, self._path(name), name, spend)

    def _spend(self, writes: int) -> None:
        self._clients.secret_writes.take(writes, waiting=_say)

    def _patiently(
        self, call: Callable[[], T], retry: Callable[[AlError], bool] = is_temporary
    ) -> T:
        """For what may be done twice."""
        return retrying(call, seconds=READ_PATIENCE, retry=retry, sleep=self._sleep)

    @cached_property
    def _clients(self) -> GcpClients:
        return gcp_clients_for(self._cloud)

    @property
    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        return self._clients.client(secretmanager_v1.SecretManagerServiceClient)


def _changed_meanwhile(error: AlError) -> bool:
    """Between our look and our call, so the etag is an old one (https://cloud.google.com/secret-manager/docs/etags)."""
    return is_temporary(error) or class_of(error) == "FailedPrecondition"


def _say(seconds: float) -> None:
    waiting(f"waiting {seconds:.0f} s: Secret Manager takes 600 writes a minute in a project")


def _bytes(value: Secret) -> bytes:
    return value.reveal().encode()


def _check(name: str, value: Secret) -> None:
    """Raises ConfigError or LimitExceeded for what Google would refuse."""
    if not 1 <= len(secret_id(name)) <= LONGEST_ID:
        raise ConfigError(
            f"{name!r} is too long for a secret on Google Cloud: {len(secret_id(name))} characters as an id",
            hint=f"an id has at most {LONGEST_ID}, and every character but letters, digits, - and _ takes four",
        )
    size = len(_bytes(value))
    if not 1 <= size <= LARGEST:
        raise LimitExceeded(
            f"the value for {name} is {size:,} bytes, and Google keeps 1 to {LARGEST:,}",
            hint="remove the credential instead of emptying it; put large files elsewhere",
        )


def _stored(found: Any) -> StoredSecret:
    return StoredSecret(
        name=secret_name(found.name.rpartition("/")[2]),
        tags=tags_of(found.labels, found.annotations),
        created=found.create_time,
    )


PLUGIN = GcpSecrets
