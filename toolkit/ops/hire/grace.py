"""The end of old tokens that were let live for a while: looked for whenever agents are begun or shown, and by a scheduler.

Revoking needs the account's own password, which is here, and no administrator.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

from toolkit.core.clock import now
from toolkit.core.errors import AlError, CredentialError
from toolkit.core.secrets import Secret
from toolkit.wiring import Services

from .forge import Login
from .forgejo import Forgejo
from .vault import TYPE, Vault

LOG = logging.getLogger("al.start")
EVERY = 600.0  # seconds between two looks of a scheduler


def end_graces(services: Services, *, moment: datetime, note: Callable[[str], None]) -> None:
    """Revoke what is due, of all hired agents of the project; what goes wrong with one of them, here or at its forge, is
    told, and tried again next time."""
    for agent in _agents(services):
        try:
            for token in _ended(Vault(services.local_store, services.hire_store, agent), moment):
                note(f"the old token {token} of {agent} is revoked")
        except AlError as error:
            note(f"an old token of {agent} could not be revoked: {error.message} ({error.hint})")


def watch(services: Services, stop: threading.Event, clock: Callable[[], datetime] = now) -> None:
    """Look for them again and again, until `stop` is set: a scheduler runs when nobody types a command."""
    while not stop.wait(EVERY):
        end_graces(services, moment=clock(), note=LOG.info)


def _ended(vault: Vault, moment: datetime) -> Iterator[str]:
    """Revoke older tokens whose time is over; their names.  Raises CredentialError where what that takes is missing."""
    due = [name for name, until in vault.spared() if until <= moment]
    if not due:
        return
    url, user, password = (_needed(vault, field) for field in ("url", "username", "password"))
    forge, login = Forgejo(url.reveal(), Secret("")), Login(user=user.reveal(), password=password)
    for name in due:
        forge.revoke(login, name)
        vault.forget(name)
        yield name


def _needed(vault: Vault, field: str) -> Secret:
    if value := vault.get(field):
        return value
    raise CredentialError(
        f"{TYPE}/{vault.agent}/{field} is not stored here any more",
        hint=f"`al hire {vault.agent} ROLE` gives the account a new password, and revokes it",
    )


def _agents(services: Services) -> list[str]:
    """Those with old tokens."""
    names = (stored.name.split("/") for stored in services.hire_store.list(""))
    return sorted({parts[0] for parts in names if len(parts) == 3 and parts[1] == "old"})
