"""The versions of one secret in Secret Manager: which is the present one, adding one, and destroying those before it.

Only reading a version by its number sees what was written a moment ago.  `latest`, and every list, may be minutes old
(https://cloud.google.com/secret-manager/docs/reference/consistency), so they only say where to begin to look.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.clouds.gcp import GcpClients
from toolkit.clouds.gcp_errors import class_of, translated
from toolkit.core.errors import AlError, Conflict, CredentialError, NotFound
from toolkit.core.secrets import Secret

TIMEOUT = 30.0  # seconds for one call


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version's number and value."""

    number: int
    value: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A version that is disabled or destroyed."""

    number: int


class Versions:
    """Of the secret whose full name is `path`; `name` is what errors call it."""

    def __init__(
        self, clients: GcpClients, path: str, name: str, spend: Callable[[], None]
    ) -> None:
        """`spend` is called before each write: it waits for the quota."""
        self._clients, self._path, self._name, self._spend = clients, path, name, spend

    def present(self, *, fresh: bool = False) -> Version | None:
        """The newest version that can be read.  `fresh`: of a secret that has had few, so the numbers are tried from 1."""
        newest: Version | None = None
        start = None if fresh else self._access("latest")
        newest = start if isinstance(start, Version) else None
        number = start.number if start else 0
        while found := self._access(str(number + 1)):
            number = found.number
            newest = found if isinstance(found, Version) else newest
        # the last one may be disabled: then the one before it is what there is
        return newest or (self._enabled_before(number) if number else None)

    def add(self, value: Secret) -> int:
        """The new version's number."""
        self._spend()
        with translated(f"setting the secret {self._name}"):
            made = self._client.add_secret_version(
                request={"parent": self._path, "payload": {"data": value.reveal().encode()}},
                timeout=TIMEOUT,
                retry=None,
            )
        return _number(made.name)

    def readable(self) -> bool:
        """Whether there is a version that could be read."""
        try:
            return next(self._enabled(), None) is not None
        except NotFound:
            return False

    def destroy_before(self, number: int) -> None:
        """Make the values before that version unreadable for ever.  Those that somebody disabled are left alone."""
        for version in self._enabled():
            if _number(version.name) < number:
                self._destroy(version)

    def _destroy(self, version: Any) -> None:
        """A version that changed meanwhile is left to whoever changed it: it was destroyed, or disabled
        (https://cloud.google.com/secret-manager/docs/etags)."""
        self._spend()
        try:
            with translated(f"destroying the old value of {self._name}"):
                self._client.destroy_secret_version(
                    request={"name": version.name, "etag": version.etag},
                    timeout=TIMEOUT,
                    retry=None,
                )
        except (Conflict, NotFound) as error:
            if class_of(error) not in {"FailedPrecondition", "NotFound"}:
                raise

    def _enabled_before(self, number: int) -> Version | None:
        for version in self._enabled():
            if _number(version.name) < number:
                found = self._access(str(_number(version.name)))
                if isinstance(found, Version):
                    return found
        return None

    def _enabled(self) -> Iterator[Any]:
        """Newest first."""
        with translated(f"looking at the versions of {self._name}"):
            yield from self._client.list_secret_versions(
                request={"parent": self._path, "filter": "state:ENABLED"}, timeout=TIMEOUT
            )

    def _access(self, which: str) -> Version | Unreadable | None:
        try:
            with translated(f"reading the secret {self._name}"):
                answer = self._client.access_secret_version(
                    request=self._named(which), timeout=TIMEOUT, retry=None
                )
        except NotFound:
            return None
        except Conflict as error:
            if class_of(error) != "FailedPrecondition":
                raise
            return self._unreadable(which)
        return Version(number=_number(answer.name), value=self._text(answer.payload.data))

    def _unreadable(self, which: str) -> Unreadable:
        if which != "latest":
            return Unreadable(number=int(which))
        with translated(f"looking at the secret {self._name}"):
            found = self._client.get_secret_version(request=self._named(which), timeout=TIMEOUT)
        return Unreadable(number=_number(found.name))

    def _named(self, which: str) -> Mapping[str, str]:
        return {"name": f"{self._path}/versions/{which}"}

    def _text(self, data: bytes) -> Secret:
        try:
            return Secret(data.decode())
        except UnicodeDecodeError:  # whose message would show the value
            raise CredentialError(
                f"the secret {self._name} is binary, and a credential is text",
                hint="remove it, and add it again with `al creds add`",
            ) from None

    @property
    def _client(self) -> Any:
        from google.cloud import secretmanager_v1

        return self._clients.client(secretmanager_v1.SecretManagerServiceClient)


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def is_temporary(error: AlError) -> bool:
    """Whether the same call may well succeed: what is slow, and what somebody else was faster with."""
    return error.temporary or class_of(error) == "Aborted"
