"""A run's container on Google Cloud: its one secret in Secret Manager, and its own log.

Its account allows nothing else (D4).  Over plain HTTP with the metadata server's token, because Google's libraries take
longer to load than everything here together.

The claim (D11) is the deletion of the secret with its etag: Google does that for exactly one who asks, and it is the
burning as well, so a run costs three of the project's 600 writes a minute.  What is read before it is the value, by the
version's number, which alone is never an old state (https://cloud.google.com/secret-manager/docs/reference/consistency).
"""

import base64
import binascii
import json
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.clouds.gcp_errors import class_of
from toolkit.clouds.gcp_rest import Metadata, Rest, Unsent
from toolkit.core.clock import iso, now
from toolkit.core.errors import (
    AccessDenied,
    AlError,
    Conflict,
    CredentialError,
    NotFound,
    Unreachable,
)
from toolkit.core.gcp_names import secret_id
from toolkit.core.mailbox_lines import MSG
from toolkit.core.retry import retrying
from toolkit.core.secrets import Secret
from toolkit.inside.lines import ROOM, Log, size, to_stdout

API = "https://secretmanager.googleapis.com"
# "typically within 2 minutes, potentially 7 minutes or longer":
# https://cloud.google.com/iam/docs/access-change-propagation
PROPAGATION = 7 * 60.0  # seconds in which an account that was just made may not read yet
_FIRST = 1  # the number of the only version that a run's secret has


class _Seen(NamedTuple):
    value: Secret
    etag: str


class Gcp:
    """core.ports.Platform.  `patience` is for an account that may not read yet, in seconds."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        patience: float = PROPAGATION,
        write: Callable[[bytes], None] = to_stdout,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        metadata = Metadata(environ.get("GCE_METADATA_HOST", ""))
        self._rest = Rest(environ.get("AL_GCP_HTTP") or API, metadata.token)
        secret = secret_id(environ["AL_SECRET"])
        self._path = f"/v1/projects/{environ['AL_GCP_PROJECT']}/secrets/{secret}"
        self._log = Log(environ["AL_RUN_ID"], write=write)
        self._file = environ.get("AL_SECRET_FILE")  # where the platform has mounted the secret
        self._patience, self._sleep = patience, sleep
        self._value: Secret | None = None  # from the claim until it is read
        self._burned = False
        self._notes = 0

    def claim(self, where: Mapping[str, str]) -> bool:
        with closing(self._rest):
            seen = self._patiently(self._look)
            if seen is None or not self._taken(seen.etag):
                return False
        self._value, self._burned = seen.value, True
        claimer = f"{socket.gethostname()}/{uuid.uuid4().hex}"
        self.note(claimed=iso(now()), claimer=claimer, **({"where": dict(where)} if where else {}))
        return True

    def read_secret(self) -> Secret:
        with closing(self._rest):
            value = self._value or self._patiently(self._access)
        self._value = None
        if value is None:
            raise CredentialError(
                "the run's secret is gone",
                hint="it was deleted or has expired before the run began: start the run again",
            )
        return value

    def burn_secret(self) -> None:
        if self._burned:
            return
        with closing(self._rest), suppress(NotFound):
            retrying(lambda: self._delete({}), sleep=self._sleep)
        self._burned = True

    def note(self, **fields: Any) -> None:
        """One line of the log, in the form of core/mailbox_lines.py: nothing can be refused there, or get lost."""
        self._notes += 1
        text = json.dumps(fields, ensure_ascii=False)
        # a text is cut into lines of a size that log services take; anything else is not
        box = fields if size(text) <= ROOM else text
        self._log.debug(MSG, box=box, note=self._notes)

    def stop_requested(self) -> bool:
        """Never: executions are stopped by Cloud Run, with a signal."""
        return False

    def _look(self) -> _Seen | None:
        """Value and etag; None when there is nothing to claim.

        Raises NotFound while the secret can be read and is not to be seen: all but the value may be an old state.
        """
        value = self._access()
        if value is None:
            return None
        found = self._rest.ask("GET", self._path, "looking at the run's secret")
        return _Seen(value, str(found["etag"]))

    def _access(self) -> Secret | None:
        if self._file:
            return _mounted(Path(self._file))
        path = f"{self._path}/versions/{_FIRST}:access"
        try:
            answer = self._rest.ask("GET", path, "reading the run's secret")
        except (NotFound, Conflict) as error:
            if class_of(error) not in {"NotFound", "FailedPrecondition"}:
                raise
            return None
        return _decoded(answer)

    def _taken(self, etag: str) -> bool:
        """Whether this container, and no other, has deleted the secret.

        An answer that was lost is asked for again.  A second "it is gone" may then be about our own deletion or about
        another's, and nothing tells them apart: at most one may work, so this one does not, and says so.
        """
        doubt: list[AlError] = []

        def delete() -> bool:
            try:
                self._delete({"etag": etag})
            except Unreachable as error:
                doubt.extend([] if isinstance(error, Unsent) else [error])
                raise
            except (NotFound, Conflict) as error:
                if doubt:
                    raise _in_doubt(doubt[0]) from error
                return False
            return True

        return retrying(delete, sleep=self._sleep)

    def _delete(self, query: Mapping[str, str]) -> None:
        self._rest.ask("DELETE", self._path, "claiming the run", query=query)

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """`call()`, again while the account may not do it yet, or does not see yet what it may."""
        said: list[str] = []

        def patient(error: AlError) -> bool:
            if isinstance(error, AccessDenied) and not said:
                said.append(error.message)
                text = "waiting: the account may not read the run's secret, as for minutes after it was made"
                self._log.warn(text, seconds=self._patience, error=error.message)
            return isinstance(error, AccessDenied | NotFound)

        def reachable() -> Any:
            return retrying(call, sleep=self._sleep)

        return retrying(reachable, seconds=self._patience, retry=patient, sleep=self._sleep)


def _mounted(file: Path) -> Secret | None:
    """A volume is read from Secret Manager whenever it is read (https://cloud.google.com/run/docs/configuring/jobs/secrets)."""
    try:
        return Secret(file.read_text("utf-8"))
    except OSError:
        return None


def _in_doubt(because: AlError) -> CredentialError:
    return CredentialError(
        f"it cannot be known whether this container has claimed the run ({because.message})",
        hint="nothing of it was done here: start the run again",
    )


def _decoded(answer: Mapping[str, Any]) -> Secret:
    try:
        return Secret(base64.b64decode(answer["payload"]["data"], validate=True).decode())
    except (KeyError, binascii.Error, UnicodeDecodeError):  # whose messages would show the value
        raise CredentialError(
            "the run's secret is not what a launcher writes", hint="start the run again"
        ) from None


PLUGIN: Callable[[Mapping[str, str]], Gcp] = Gcp
