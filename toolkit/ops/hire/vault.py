"""What this machine keeps of an agent's account at a forge: its credential, and what a rotation that is not done yet needs.

The credential `forge_bot:<agent>` is what runs get.  Passwords that are not in use yet, and tokens that may live on for a
while, are apart from it, in `hire` of al's home: nobody but `al hire` reads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from toolkit.core.clock import from_iso, iso
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret

TYPE = "forge_bot"


@dataclass(frozen=True, slots=True)
class Vault:
    """Of one agent: `credentials` is the user's store, `apart` the other one."""

    credentials: Store
    apart: Store
    agent: str

    def get(self, field: str) -> Secret | None:
        """A field of the credential."""
        return self.credentials.get(f"{TYPE}/{self.agent}/{field}")

    def put(self, field: str, value: Secret) -> None:
        self.credentials.put(f"{TYPE}/{self.agent}/{field}", value, tags={})

    @property
    def pending(self) -> Secret | None:
        """The password that the forge has been given, or is about to be."""
        return self.apart.get(f"{self.agent}/password")

    def begin(self, password: Secret) -> None:
        self.apart.put(f"{self.agent}/password", password, tags={})

    def done(self) -> None:
        self.apart.delete(f"{self.agent}/password")

    @property
    def current(self) -> str | None:
        """The name of the token that runs get."""
        found = self.apart.get(f"{self.agent}/current")
        return found.reveal() if found else None

    def set_current(self, token: str) -> None:
        self.apart.put(f"{self.agent}/current", Secret(token), tags={})

    def spare(self, token: str, until: datetime) -> None:
        """Let an older token live until then."""
        self.apart.put(f"{self.agent}/old/{token}", Secret(iso(until)), tags={})

    def spared(self) -> Iterator[tuple[str, datetime]]:
        """Older tokens, and until when they live."""
        prefix = f"{self.agent}/old/"
        for stored in list(self.apart.list(prefix)):
            if until := self.apart.get(stored.name):
                yield stored.name.removeprefix(prefix), from_iso(until.reveal())

    def forget(self, token: str) -> None:
        self.apart.delete(f"{self.agent}/old/{token}")
