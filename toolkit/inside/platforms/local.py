"""A run on this machine: its row in the project's SQLite ledger, and its one secret in a file.

Uses what the launcher made; it creates neither the ledger nor the secret.
"""

import json
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from toolkit.core.clock import iso, now
from toolkit.core.errors import CredentialError, Unreachable
from toolkit.core.secrets import Secret

PATIENCE = 30.0  # seconds to wait for another writer
_COLUMNS = frozenset({"read", "burned", "report", "status"})


class Local:
    """core.ports.Platform."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._run = environ["AL_RUN_ID"]
        self._ledger = Path(environ["AL_LEDGER"])
        self._secret = Path(environ["AL_SECRETS"]) / environ["AL_SECRET"]

    def claim(self, where: Mapping[str, str]) -> bool:
        claimer = f"{socket.gethostname()}/{os.getpid()}"
        with self._writing() as db:
            changed = db.execute(
                """INSERT INTO mailbox (run, claimed, claimer, place) VALUES (?, ?, ?, ?)
                   ON CONFLICT (run) DO UPDATE
                   SET claimed = excluded.claimed, claimer = excluded.claimer, place = excluded.place
                   WHERE mailbox.claimed IS NULL""",
                (self._run, iso(now()), claimer, json.dumps(dict(where))),
            )
            return changed.rowcount == 1

    def read_secret(self) -> Secret:
        try:
            return Secret(self._secret.read_text("utf-8").removesuffix("\n"))
        except OSError as error:
            raise CredentialError(
                "the run's secret is gone",
                hint="it was deleted or has expired before the run began: start the run again",
            ) from error

    def burn_secret(self) -> None:
        self._secret.unlink(missing_ok=True)
        for tags in self._secret.parent.glob(f".{self._secret.name}.*"):
            tags.unlink(missing_ok=True)

    def note(self, **fields: Any) -> None:
        if unknown := fields.keys() - _COLUMNS:
            raise TypeError(f"a mailbox has no {', '.join(sorted(unknown))}")
        names = sorted(fields)
        values = [v if isinstance(v := fields[n], str) else json.dumps(v) for n in names]
        # the names are the constants above; values are bound
        sets = ", ".join(f"{name} = excluded.{name}" for name in names)
        query = f"""INSERT INTO mailbox (run, {", ".join(names)}) VALUES (?{", ?" * len(names)})
                    ON CONFLICT (run) DO UPDATE SET {sets}"""  # noqa: S608
        with self._writing() as db:
            db.execute(query, (self._run, *values))

    def stop_requested(self) -> bool:
        with self._writing() as db:
            query = "SELECT stop FROM mailbox WHERE run = ?"
            row = db.execute(query, (self._run,)).fetchone()
            return bool(row and row[0])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection for one statement, which is its own transaction.  Raises Unreachable."""
        place = f"{self._ledger.absolute().as_uri()}?mode=rw"
        try:
            with closing(
                sqlite3.connect(place, uri=True, timeout=PATIENCE, isolation_level=None)
            ) as db:
                yield db
        except sqlite3.Error as error:
            raise Unreachable(
                f"the ledger {self._ledger} cannot be used: {error}",
                hint="start runs with `al run`, which prepares it",
            ) from error


PLUGIN: Callable[[Mapping[str, str]], Local] = Local
