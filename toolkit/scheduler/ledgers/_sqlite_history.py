"""Runs that are over, many at a time, in the embedded ledger: pages of them, and sums by agent.

Sums are read from columns, never from a run's JSON: of 100,000 runs in a fraction of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.core.agent import AgentName
from toolkit.core.work import Page

from . import _sqlite_runs as runs
from ._sqlite_file import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Of one agent's runs that are over.  `cost` is in US dollars, as sessions report it."""

    agent: AgentName
    runs: int
    succeeded: int
    stopped: int
    input_tokens: int
    output_tokens: int
    tokens: int
    cost: float


class SqliteHistory:
    """`since` is ISO 8601 in UTC, and counts by when a run was created."""

    def __init__(self, file: File) -> None:
        self._file = file

    def page(
        self, *, agent: str | None = None, since: str = "", limit: int = 50, offset: int = 0
    ) -> Page:
        """Newest first."""
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

    def sums(self, *, since: str = "") -> Sequence[Sum]:
        """By agent's name."""
        query = """SELECT agent, count(*), sum(state = 'succeeded'), sum(state = 'stopped'),
                          coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
                          coalesce(sum(tokens), 0), total(cost)
                   FROM history WHERE created >= ? GROUP BY agent ORDER BY agent"""
        with self._file.reading() as db:
            return tuple(
                Sum(
                    agent=AgentName(agent),
                    runs=count,
                    succeeded=succeeded,
                    stopped=stopped,
                    input_tokens=asked,
                    output_tokens=told,
                    tokens=tokens,
                    cost=cost,
                )
                for agent, count, succeeded, stopped, asked, told, tokens, cost in db.execute(
                    query, (since,)
                )
            )
