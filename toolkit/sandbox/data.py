"""Logs and secrets as moto has them, and lists of tasks, with the pages, times and delays of the real services."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from .calls import Answer, Call, Refusal
from .cloud import Cloud
from .handlers import Ask, Handler
from .pages import shrink
from .settings import Settings

_LIMITS = {
    ("logs", "GetLogEvents"): "limit",
    ("logs", "FilterLogEvents"): "limit",
    ("secretsmanager", "ListSecrets"): "MaxResults",
    ("ecs", "ListTasks"): "maxResults",
}
_EMPTY = "~"  # a token that begins so continues after an empty page
_HOUR_MS, _DAY_MS = 3600 * 1000, 24 * 3600 * 1000


class Data:
    """The handlers of those services."""

    def __init__(self, cloud: Cloud, settings: Callable[[], Settings]) -> None:
        self._cloud, self._settings = cloud, settings
        self._deleted: dict[str, float] = {}  # secret -> when its forced deletion began

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[tuple[str, str], Handler] = dict.fromkeys(_LIMITS, self.paged)
        own |= {
            ("logs", "GetLogEvents"): self.get_events,
            ("logs", "FilterLogEvents"): self.filter_events,
            ("logs", "PutLogEvents"): self.put_events,
            ("secretsmanager", "CreateSecret"): self.create_secret,
            ("secretsmanager", "DeleteSecret"): self.delete_secret,
            ("ecs", "ListTasks"): self.list_tasks,
        }
        return own

    # pages

    def paged(self, call: Call, ask: Ask) -> Answer:
        """The page that was asked for, or the smaller one of the settings."""
        self._shrink(call)
        return ask()

    def list_tasks(self, call: Call, ask: Ask) -> Answer:
        """Without a `desiredStatus` it lists what should run (API reference, ListTasks); moto lists everything."""
        self._shrink(call, desiredStatus=call.parameters.get("desiredStatus") or "RUNNING")
        return ask()

    def _shrink(self, call: Call, **changes: Any) -> None:
        limit = _LIMITS[call.service, call.operation]
        shrink(call, limit, self._settings().page_items, **changes)

    def get_events(self, call: Call, ask: Ask) -> Answer:
        """`endTime` is exclusive here, and inclusive in FilterLogEvents (API reference of both)."""
        end, token = call.parameters.get("endTime"), call.parameters.get("nextToken") or ""
        if self._settings().empty_pages and not token.startswith(_EMPTY):
            following = _EMPTY + token
            return _json(
                {"events": [], "nextForwardToken": following, "nextBackwardToken": following}
            )
        changes: dict[str, Any] = {"endTime": end - 1} if end else {}
        self._shrink(call, **changes, **_without_mark(token))
        answer = ask()
        return answer if not token.startswith(_EMPTY) else _still_at_the_end(answer, token)

    def filter_events(self, call: Call, ask: Ask) -> Answer:
        token = call.parameters.get("nextToken") or ""
        if self._settings().empty_pages and not token.startswith(_EMPTY):
            return _json({"events": [], "searchedLogStreams": [], "nextToken": _EMPTY + token})
        self._shrink(call, **_without_mark(token))
        return ask()

    def put_events(self, call: Call, ask: Ask) -> Answer:
        """What is too old or too new is dropped with success; the first index is inclusive, the second exclusive."""
        answer = ask()
        if not answer.ok:
            return answer
        found, now = answer.json(), time.time() * 1000
        found.pop("rejectedLogEventsInfo", None)
        times = [event["timestamp"] for event in call.parameters["logEvents"]]
        old = [at for at, stamp in enumerate(times) if stamp < now - 14 * _DAY_MS]
        new = [at for at, stamp in enumerate(times) if stamp > now + 2 * _HOUR_MS]
        rejected = {"tooOldLogEventEndIndex": old[-1] + 1} if old else {}
        rejected |= {"tooNewLogEventStartIndex": new[0]} if new else {}
        return answer.replaced(
            {**found, **({"rejectedLogEventsInfo": rejected} if rejected else {})}
        )

    # secrets

    def create_secret(self, call: Call, ask: Ask) -> Answer:
        """A forced deletion is asynchronous: for a while the name is still taken (API reference, DeleteSecret)."""
        begun = self._deleted.get(call.parameters["Name"])
        if begun is not None and time.monotonic() - begun < self._settings().deletion_seconds:
            raise Refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        return ask()

    def delete_secret(self, call: Call, ask: Ask) -> Answer:
        answer = ask()
        if answer.ok and call.parameters.get("ForceDeleteWithoutRecovery"):
            self._deleted[answer.json()["Name"]] = time.monotonic()
        return answer


def _without_mark(token: str) -> dict[str, Any]:
    if not token.startswith(_EMPTY):
        return {}
    return {"nextToken": token.removeprefix(_EMPTY) or None}


def _still_at_the_end(answer: Answer, token: str) -> Answer:
    """The end is told by the token that was sent, mark included."""
    if not answer.ok:
        return answer
    found = answer.json()
    if found["nextForwardToken"] == token.removeprefix(_EMPTY):
        found["nextForwardToken"] = token
    return answer.replaced(found)


def _json(value: object) -> Answer:
    return Answer(
        headers=(("Content-Type", "application/x-amz-json-1.1"),), body=json.dumps(value).encode()
    )
