"""Runs that are over, many at a time, in the embedded ledger: pages of them, and sums by agent.

Sums are read from columns, never from a run's JSON: of 100,000 runs in a fraction of a second.
"""

from collections.abc import Mapping

from toolkit.core.sums import NAMES, Sums
from toolkit.core.work import Page

from . import _sqlite_runs as runs
from ._sqlite_file import File

_COUNTED = {
    "runs": "count(*)",
    "timed": "count(duration_ms)",
    "hooked_before": "count(before_ms)",
    "hooked_after": "count(after_ms)",
}
_SUMS = ", ".join(_COUNTED.get(name, f"coalesce(sum({name}), 0)") for name in NAMES)


class SqliteHistory:
    """core.sums.History."""

    def __init__(self, file: File) -> None:
        self._file = file

    def page(
        self, *, agent: str | None = None, since: str = "", limit: int = 50, offset: int = 0
    ) -> Page:
        where = "created >= :since" + (" AND agent = :agent" if agent is not None else "")
        count = f"SELECT count(*) FROM history WHERE {where}"  # noqa: S608 - our own constants
        found = f"""SELECT data FROM runs JOIN
                    (SELECT number, created FROM history WHERE {where}
                     ORDER BY created DESC, number DESC LIMIT :limit OFFSET :offset) AS page USING (number)
                    ORDER BY page.created DESC, number DESC"""  # noqa: S608
        values = {"since": since, "agent": agent, "limit": max(limit, 0), "offset": max(offset, 0)}
        with self._file.reading() as db:
            db.execute("BEGIN")  # both see the same
            (total,) = db.execute(count, values).fetchone()
            rows = tuple(runs.run_of(row[0]) for row in db.execute(found, values))
        return Page(rows=rows, total=total)

    def sums(self, *, since: str = "") -> Mapping[str, Sums]:
        query = (
            f"SELECT agent, {_SUMS} FROM history WHERE created >= ? GROUP BY agent ORDER BY agent"  # noqa: S608
        )
        with self._file.reading() as db:
            found = db.execute(query, (since,))
            return {agent: Sums(**dict(zip(NAMES, row, strict=True))) for agent, *row in found}
