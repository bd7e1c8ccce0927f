"""What the scheduler says of itself: the last lines of this process, in pages like those of agents' logs."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from gateway.grep import Search
from gateway.inputs import LogRequest
from gateway.openapi import answers
from gateway.recent import Line, Recent
from gateway.routes.logs import PAGE, Wanted, buffered
from toolkit.core.errors import NotFound, UsageError
from toolkit.core.levels import gravity

router = APIRouter()
Numbered = tuple[int, Line]


@router.get("/api/logs/scheduler", responses=answers(PAGE, 400, 404, 406))
def of_scheduler(request: Request, wanted: Wanted) -> dict[str, Any]:
    """Warnings, and what began and ended.  404 behind Lambda, where the scheduler is many short-lived processes."""
    if buffered(request):
        raise NotFound(
            "the scheduler is many short-lived processes here",
            hint="its lines are in the log group of the gateway's function",
        )
    if wanted.stream:
        raise HTTPException(406, "the scheduler's lines come in pages: ask again with the cursor")
    recent: Recent = request.app.state.recent
    if wanted.grep is None:
        return page(recent.numbered(), wanted)
    with Search(wanted.grep) as search:
        return page(recent.numbered(), wanted, search)


def page(
    lines: Sequence[Numbered], wanted: LogRequest, search: Callable[[str], bool] | None = None
) -> dict[str, Any]:
    """Of the lines that are still here the newest, or those next to a cursor, which is a line's number."""
    after, before = _number("cursor", wanted.cursor), _number("back_cursor", wanted.older)
    newest = lines[-1][0] if lines else 0
    if after is not None and after > newest:
        after = 0  # of a process that was here before this one
    found = [
        (number, line)
        for number, line in lines
        if (after is None or number > after)
        and (before is None or number < before)
        and _within(line, wanted)
        and (search is None or search(str(line["message"])))
    ]
    most = wanted.query.lines
    shown = found[:most] if after is not None else found[-most:]
    first, last = (shown[0][0], shown[-1][0]) if shown else (before, after)
    return {
        "entries": [_entry(number, line) for number, line in shown],
        "cursor": str(last if last is not None else newest),
        "backCursor": None if first is None else str(first),
        "hasMore": len(found) > most,
        "ended": False,
    }


def _within(line: Line, wanted: LogRequest) -> bool:
    query, time = wanted.query, int(str(line["timestamp"]))
    light = gravity(line["level"]) < query.level
    late = query.before is not None and time >= query.before
    early = query.after is not None and time < query.after
    return not (late or early or light)


def _entry(number: int, line: Line) -> dict[str, Any]:
    what = {name: line[name] for name in ("level", "logger")}
    return {"msg": line["message"], "time": line["timestamp"], "id": str(number), **what}


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(
            f"{name} is none of the scheduler's log", hint="leave it out to begin anew"
        )
    return int(text[:18])
