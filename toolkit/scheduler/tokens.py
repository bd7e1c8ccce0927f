"""The token with which a run speaks to the gateway: made for one run, good for that run's own things, over when it ends.

The ledger keeps only a hash, so that whoever reads the ledger cannot speak for a run.  The container gives its agent
another token, which is made from its own (toolkit/core/run_token.py): the agent may lock and call, but what the container
says of the run, its lines and how it ended, the agent cannot say.
"""

import hashlib
import hmac
import secrets

from toolkit.core.errors import AccessDenied, UsageError
from toolkit.core.ports import Ledger
from toolkit.core.run import Run, RunId
from toolkit.core.run_token import for_agent
from toolkit.core.secrets import Secret

_RANDOM = 32  # bytes; 43 characters
_LONGEST = 200  # characters: an agent's name has at most 64
_NOBODY = "0" * 64  # what a run without a token is compared with: no token hashes to it
INVALID = "invalid secret"
HINT = "a run's token is good for that run only, and until it ends"


class InvalidToken(AccessDenied):
    """What was presented is no run's token, or that of a run that is over."""


class RunOver(InvalidToken):
    """The token is that of a run which has ended.  Who presents it is told no more than a stranger."""


def new(run: RunId) -> tuple[Secret, str]:
    """The container's token for this run, and the hash that its record keeps: of the agent's."""
    token = f"{run}.{secrets.token_urlsafe(_RANDOM)}"
    return Secret(token), digest(for_agent(token))


def digest(token: str) -> str:
    """SHA-256 in hex.  256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def run_of(ledger: Ledger, token: str) -> Run:
    """The run that this token was made for, the container's or its agent's.  Raises InvalidToken, and says no more than
    that."""
    return _checked(ledger, token, (token, for_agent(token)))


def container_of(ledger: Ledger, token: str) -> Run:
    """The same for what only the container may say.  Raises InvalidToken, for its agent's token too."""
    return _checked(ledger, token, (for_agent(token),))


def _checked(ledger: Ledger, token: str, forms: tuple[str, ...]) -> Run:
    record = ledger.get(run) if (run := _named(token)) else None
    kept = record.token if record and record.token else _NOBODY
    good = any(hmac.compare_digest(kept, digest(form)) for form in forms)
    if record is None or not good:
        raise InvalidToken(INVALID, hint=HINT)
    if record.state.final:
        raise RunOver(INVALID, hint=HINT)
    return record


def _named(token: str) -> RunId | None:
    """The run that a token claims to be of; None, and the ledger is not asked, when that is no run id."""
    name, dot, _ = token.partition(".")
    if not dot or len(token) > _LONGEST:
        return None
    try:
        return RunId.parse(name)
    except UsageError:
        return None
