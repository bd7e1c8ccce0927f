"""The environment's Firestore database: made when missing, waited for, and refused when it is not ours (D5b, D15).

A database has no labels, and tags need rights in the organization
(https://docs.cloud.google.com/firestore/docs/tags).  So a document in it says whose it is; it is written last, and says
too that the database is complete.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolkit.clouds.gcp import gcp_clients_for, translated
from toolkit.core.environment import Scope
from toolkit.core.errors import AlError, AlreadyExists, Conflict, NotFound, Unreachable
from toolkit.core.retry import retrying

from ._firestore_documents import HINTS, Documents

OWNER = ("al", "owner")  # collection and id of the document that says whose database it is
EXPIRY = ("runs", "expiresAt")  # the collection group and its field that expires
READY_SECONDS = 300.0  # a database is there within a minute or two; Google promises nothing
FORMAT = 1  # of what is in it


def make(
    documents: Documents,
    scope: Scope,
    *,
    seconds: float = READY_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Make the database, if need be; whether it had to be made.  Raises Conflict for one that is not ours.

    Finishes an interrupted making.  A complete one costs one call.
    """
    making, missing = _Making(documents, seconds, sleep), False
    try:
        if _is_ours(documents, scope):
            return False
    except NotFound:
        missing = True
        making.create()
    _refuse_unusable(making.ready(), documents)
    if documents.collections() and not _is_ours(documents, scope):
        raise _foreign(documents, "there is something else in it")
    making.expire()
    _own(documents, scope)
    return missing


def _is_ours(documents: Documents, scope: Scope) -> bool:
    """Whether it is complete and ours; not when nobody owns it yet.  Raises Conflict, and NotFound without a database."""
    found = documents.get(documents.name(*OWNER))
    if found is None:
        return False
    if (found.values["project"], found.values["environment"]) != (scope.project, scope.environment):
        raise _foreign(documents, "it belongs to another project or environment")
    if found.values["format"] > FORMAT:
        raise Conflict(
            f"the database {documents.database} was written by a newer version of al",
            hint="upgrade al-toolkit on this machine",
        )
    return True


def _own(documents: Documents, scope: Scope) -> None:
    mark = {"project": scope.project, "environment": scope.environment, "format": FORMAT}
    try:
        documents.create(documents.name(*OWNER), mark)
    except AlreadyExists:  # another process was faster
        _is_ours(documents, scope)


@dataclass(frozen=True, slots=True)
class _Making:
    """The administrator's calls, each repeated for `seconds` while that can help."""

    documents: Documents
    seconds: float
    sleep: Callable[[float], None]

    @property
    def admin(self) -> Any:
        from google.cloud.firestore_admin_v1 import FirestoreAdminClient

        return gcp_clients_for(self.documents.cloud).client(FirestoreAdminClient)

    def create(self) -> None:
        """Make it and wait for that; or leave it to somebody else who is just making it.

        Its transactions take no locks, so a process that dies in one stops nobody
        (https://firebase.google.com/docs/firestore/transaction-data-contention).
        """
        cloud = self.documents.cloud
        wanted = {
            "type_": "FIRESTORE_NATIVE",
            "location_id": cloud.region,
            "concurrency_mode": "OPTIMISTIC",
        }
        request = {"parent": f"projects/{cloud.project}", "database": wanted}
        request["database_id"] = self.documents.database
        try:
            operation = self._patiently(lambda: self.admin.create_database(request=request))
        except AlreadyExists:
            return
        self._patiently(lambda: self._finished(operation))

    def ready(self) -> Any:
        """The database as it is, once it is there."""
        return self._patiently(self._found)

    def expire(self) -> None:
        """Let runs expire.  Turning that on goes on by itself, for minutes
        (https://firebase.google.com/docs/firestore/ttl)."""
        group, field = EXPIRY
        name = f"{self.documents.path}/collectionGroups/{group}/fields/{field}"
        wanted = {
            "field": {"name": name, "ttl_config": {}},
            "update_mask": {"paths": ["ttl_config"]},
        }
        if "ttl_config" not in self._patiently(lambda: self.admin.get_field(name=name)):
            self._patiently(lambda: self.admin.update_field(request=wanted))

    def _finished(self, operation: Any) -> None:
        if not operation.done():
            raise _still(self.documents)
        operation.result()

    def _found(self) -> Any:
        try:
            with translated(self._doing, hints=HINTS):
                return self.admin.get_database(name=self.documents.path)
        except NotFound as error:
            raise _still(self.documents) from error

    @property
    def _doing(self) -> str:
        return f"making the database {self.documents.database}"

    def _patiently(self, call: Callable[[], Any]) -> Any:
        def attempt() -> Any:
            with translated(self._doing, hints=HINTS):
                return call()

        return retrying(attempt, seconds=self.seconds, first=0.2, sleep=self.sleep)


def _refuse_unusable(about: Any, documents: Documents) -> None:
    if about.type_.name != "FIRESTORE_NATIVE" or about.concurrency_mode.name != "OPTIMISTIC":
        raise _foreign(documents, "it is in another mode than al makes it in")


def _still(documents: Documents) -> AlError:
    return Unreachable(
        f"the database {documents.database} is still being made", hint="wait a minute and try again"
    )


def _foreign(documents: Documents, why: str) -> Conflict:
    return Conflict(
        f"the database {documents.database} is not this environment's: {why}",
        hint="remove that database, or give the project another `name`",
    )
