"""What every noun of the inventory on Google Cloud works with: the clients, and what Google's answers mean here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from toolkit.clouds.gcp import GcpClients, translated
from toolkit.clouds.gcp_errors import class_of, disabled
from toolkit.core.errors import AlError, NotFound
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

from .account import GONE_SECONDS, Custody, Noun

T = TypeVar("T")

_BUSY = ("Aborted", "FailedPrecondition")  # something is still under way


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Custody):
    """One project and region on Google Cloud."""

    clients: GcpClients

    @property
    def google(self) -> GcpNames:
        return GcpNames(self.names.scope)

    def client(self, kind: type[T]) -> T:
        return self.clients.client(kind)

    def tags(self, labels: Mapping[str, str]) -> dict[str, str]:
        return self.google.tags(dict(labels))

    def ask(self, doing: str, call: Callable[[], T]) -> T:
        """Patiently, with our errors."""

        def once() -> T:
            with translated(doing):
                return call()

        return self.patiently(once)

    def ask_for(self, doing: str, call: Callable[[], T]) -> T | None:
        """The same; None when there is no such thing."""
        try:
            return self.ask(doing, call)
        except NotFound:
            return None

    def delete(self, doing: str, call: Callable[[], Any], *, seconds: float = GONE_SECONDS) -> None:
        """Begun again while something is still under way; what is gone is fine."""

        def once() -> None:
            with translated(doing):
                call()

        try:
            retrying(once, seconds=seconds, retry=_passes, sleep=self.sleep)
        except NotFound:
            return


class Enabled:
    """A noun of a service whose API may be disabled in the project, which then holds nothing of it: so it is before a
    first push."""

    def __init__(self, noun: Noun) -> None:
        self.kind = noun.kind
        self.remove = noun.remove
        self._noun = noun

    def observe(self) -> tuple[Item, ...]:
        try:
            return tuple(self._noun.observe())
        except AlError as error:
            if disabled(error):
                return ()
            raise


def short(name: Any) -> str:
    """The last part of a full name."""
    return str(name).rpartition("/")[2]


def _passes(error: AlError) -> bool:
    return error.temporary or class_of(error) in _BUSY
