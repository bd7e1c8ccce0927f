"""What a change is, in a few lines for people: which attribute, from what to what; of a policy, which statements.

Never a wall of JSON: what is longer than a line is cut, and `--json` has the whole.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.core.plan import Action, Change, Plan

LONGEST = 140  # characters of one line
_MOST = 8  # lines of one change


def details(change: Change) -> tuple[str, ...]:
    """Of an update each attribute that differs; of what is made or removed nothing more than the change itself."""
    if change.action is not Action.UPDATE or change.before is None:
        return ()
    lines = [*_differences(change.before.attributes, change.item.attributes)]
    lines += _tags(change.before.tags, change.item.tags)
    cut = [line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in lines]
    return tuple(cut if len(cut) <= _MOST else [*cut[:_MOST], f"… and {len(cut) - _MOST} more"])


def to_dict(plan: Plan) -> list[dict[str, Any]]:
    """The whole plan in JSON, with what is there now and what will be."""
    return [
        {
            "action": change.action.value,
            "kind": change.item.kind,
            "name": change.item.name,
            "reason": change.reason,
            "before": _plain(change.before.attributes, change.before.tags)
            if change.before
            else None,
            "after": None
            if change.action is Action.DELETE
            else _plain(change.item.attributes, change.item.tags),
        }
        for change in plan.changes
    ]


def _plain(attributes: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    return {**attributes, "tags": dict(tags)}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if _statements(old) is not None or _statements(new) is not None:
            yield from _of_documents(name, _statements(old) or [], _statements(new) or [])
        else:
            yield f"{name}: {_short(old)} → {_short(new)}"


def _statements(document: Any) -> list[Any] | None:
    """The statements of a policy document; None for what is none."""
    if not isinstance(document, Mapping) or "Statement" not in document:
        return None
    found = document["Statement"]
    return list(found) if isinstance(found, list | tuple) else [found]


def _of_documents(name: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    """Statements of the same Sid are one that was changed; of the others, those that go and those that come."""
    gone = [s for s in old if s not in new]
    come = [s for s in new if s not in old]
    if not gone and not come:
        yield f"{name}: the same statements, in another form"
    after = {_sid(s): s for s in come if _sid(s)}
    for statement in gone:
        if (sid := _sid(statement)) in after:
            yield from _of_statement(f"{name}: {sid}", statement, after.pop(sid))
        else:
            yield f"{name}: - {_statement(statement)}"
    kept = list(after.values())
    yield from (f"{name}: + {_statement(s)}" for s in come if _sid(s) is None or s in kept)


def _sid(statement: Any) -> Any:
    return statement.get("Sid") if isinstance(statement, Mapping) else None


def _of_statement(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for part in sorted({*old, *new}):
        if old.get(part) != new.get(part):
            yield f"{name}: {part}: {_listed(old.get(part))} → {_listed(new.get(part))}"


def _statement(statement: Any) -> str:
    """`Allow a, b on c if d` in words that a policy's reader knows."""
    if not isinstance(statement, Mapping):
        return _short(statement)
    words = [str(statement.get("Effect", "?"))]
    for key, word in _PARTS.items():
        if key in statement:
            words.append(f"{word}{_listed(statement[key])}")
    return " ".join(words)


_PARTS = {
    "Principal": "",
    "NotPrincipal": "all but ",
    "Action": "",
    "NotAction": "all but ",
    "Resource": "on ",
    "NotResource": "on all but ",
    "Condition": "if ",
}


def _listed(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return _short(value)


def _tags(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"tag {name}: {_short(before.get(name))} → {_short(after.get(name))}"


def _short(value: Any) -> str:
    if value is None or value in ((), [], {}):
        return "none"
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, default=str)
