"""Who sent a webhook: the configured source whose secret verifies it, or one that takes unsigned ones.

Only the secrets of configured sources can verify.  They are read from the environment's store, kept for a minute in this
process, and never logged.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from toolkit.core.agent import CredentialRef
from toolkit.core.secrets import Secret
from toolkit.core.webhook import Provider, WebhookRequest
from toolkit.scheduler.roster import Source
from toolkit.wiring import Services

SECRET_SECONDS = 60.0  # rotation needs no restart
ABSENT_SECONDS = 5.0  # a secret that was just added is soon found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A source, and whether its secret has verified the delivery or it came unsigned."""

    source: Source
    signed: bool


class SenderSecrets:
    """The secrets that can verify, by source."""

    def __init__(self, services: Services, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Source, tuple[float, tuple[Secret, ...]]] = {}

    def of(self, source: Source, provider: Provider) -> tuple[Secret, ...]:
        """One for each of its credentials that has a value.  Raises what the store raises: then nothing is verified."""
        kept = self._kept.get(source)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        with self._lock:  # whoever comes meanwhile waits, and finds it read
            kept = self._kept.get(source)
            if kept is not None and self._clock() < kept[0]:
                return kept[1]
            self._kept.pop(source, None)
            found = tuple(self._read(source, provider))
            until = self._clock() + (SECRET_SECONDS if found else ABSENT_SECONDS)
            self._kept[source] = (until, found)
            return found

    def _read(self, source: Source, provider: Provider) -> Iterator[Secret]:
        for ref in source.credentials:
            for field in provider.secrets.get(ref.type, ()):
                if secret := self._services.store.get(self._name(ref, field)):
                    yield secret
                    break

    def _name(self, ref: CredentialRef, field: str) -> str:
        """This machine's own store keeps them without the environment's prefix."""
        context = self._services.context
        if context.environment.cloud is None:
            return f"{ref.type}/{ref.instance}/{field}"
        return context.names.credential(ref, field)


def sender_of(
    request: WebhookRequest,
    provider: Provider,
    candidates: Sequence[Source],
    secrets: SenderSecrets,
    moment: datetime,
) -> Sender | None:
    """The first source whose secret verifies; else the first that takes it unsigned, unless it claims to be signed and
    that source could tell; else None."""
    known = {source.name: secrets.of(source, provider) for source in candidates}
    for source in candidates:
        if _verified(request, provider, known[source.name], moment):
            return Sender(source=source, signed=True)
    claims = provider.signed(request)
    for source in candidates:
        if source.allow_unsigned and not (claims and known[source.name]):
            return Sender(source=source, signed=False)
    return None


def _verified(
    request: WebhookRequest, provider: Provider, secrets: Sequence[Secret], moment: datetime
) -> bool:
    verify = provider.verify
    return verify is not None and any(verify(request, secret, moment) for secret in secrets)
