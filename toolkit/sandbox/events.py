"""EventBridge's side of things: rules with a rate fire by the wall clock, tasks that stop are told of, and functions are
called for it.

moto keeps the rules.  Of targets only functions are called, as Lambda calls them: asynchronously, with its retries, and
only when the function's own policy lets the rule in
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html).  cron() expressions never fire here.
"""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.reconcile.policy import Need, Who, admits

from .calls import Refusal
from .host import Host
from .invoking import Invoking
from .permissions import Permissions

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_LOOK = 1.0  # seconds between two looks at the clock; AWS keeps to the minute, not to the second
_EVENTS = Who(kind="Service", name="events.amazonaws.com")
Event = dict[str, Any]


class Events:
    """The rules of one cloud.  `start` begins to look at the clock."""

    def __init__(self, host: Host, invoking: Invoking, permissions: Permissions) -> None:
        self._host, self._invoking, self._permissions = host, invoking, permissions
        self._since: dict[str, float] = {}  # when each rule fired last, or was first seen
        self._closed = threading.Event()
        self._ticks, self._counting = 0, threading.Lock()
        host.ended.append(self.task_stopped)

    def start(self) -> None:
        threading.Thread(target=self._watch, name="event-rules", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    @property
    def ticking(self) -> bool:
        """Whether what is going on may be a timer's doing: it keeps no sandbox alive that nobody uses."""
        return self._ticks > 0

    def tick(self) -> int:
        """Fire every rule that has a schedule, now, and wait for what they call; how many there were."""
        rules = list(self._rules(lambda rule: rule.scheduled_expression))
        for rule in rules:
            self._fire(rule)
        return len(rules)

    def task_stopped(self, task: Any) -> None:
        """Tell the rules that want to hear of it
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html)."""
        if self._closed.is_set():
            return
        event = self._event("aws.ecs", "ECS Task State Change", [task.task_arn], _detail(task))
        for rule in self._rules(lambda rule: rule.event_pattern.get_pattern()):
            if rule.event_pattern.matches_event(event):
                threading.Thread(target=self._call, args=(rule, event), daemon=True).start()

    # the clock

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK):
            for rule in self._rules(lambda rule: rule.scheduled_expression):
                if self._due(rule, time.monotonic()):
                    threading.Thread(target=self._fire, args=(rule,), daemon=True).start()

    def _due(self, rule: Any, moment: float) -> bool:
        """A rate counts from the rule's creation on."""
        every, speed = _seconds(rule.scheduled_expression), self._host.settings().clock
        passed = (moment - self._since.setdefault(rule.arn, moment)) * speed
        if every is None or speed == 0 or passed < every:
            return False
        self._since[rule.arn] = moment
        return True

    def _fire(self, rule: Any) -> None:
        with self._tick():
            self._call(rule, self._event("aws.events", "Scheduled Event", [rule.arn], {}))

    @contextmanager
    def _tick(self) -> Iterator[None]:
        with self._counting:
            self._ticks += 1
        try:
            yield
        finally:
            with self._counting:
                self._ticks -= 1

    # rules and their targets

    def _rules(self, wanted: Callable[[Any], Any]) -> Iterator[Any]:
        with self._host.cloud.backend("events") as backend:
            buses = list(backend.event_buses.values())
            rules = [rule for bus in buses for rule in bus.rules.values()]
        yield from (rule for rule in rules if rule.state == "ENABLED" and wanted(rule))

    def _call(self, rule: Any, event: Event) -> None:
        payload = json.dumps(event).encode()
        for target in list(rule.targets):
            name = target["Arn"].partition(":function:")[2]
            if name and self._lets_in(name, target["Arn"], rule):
                try:
                    self._invoking.event(name, payload)
                except Refusal:
                    continue  # a function that is not ready, or gone: EventBridge gives up in the end

    def _lets_in(self, name: str, arn: str, rule: Any) -> bool:
        document = {
            "Version": "2012-10-17",
            "Statement": self._permissions.statements.get((name, ""), []),
        }
        keys = {"aws:sourcearn": (rule.arn,)}
        need = Need(action="lambda:InvokeFunction", resource=arn, keys=keys)
        return admits(json.dumps(document), _EVENTS, need)

    def _event(
        self, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]
    ) -> Event:
        """https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": source,
            "account": self._host.cloud.account,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._host.cloud.region,
            "resources": resources,
            "detail": dict(detail),
        }


def _seconds(expression: str) -> float | None:
    """How often a rate is; None for what is none."""
    found = _RATE.fullmatch(expression)
    return timedelta(**{f"{found[2]}s": int(found[1])}).total_seconds() if found else None


def _detail(task: Any) -> dict[str, Any]:
    family = task.task_definition_arn.rpartition("/")[2].rpartition(":")[0]
    return {
        "clusterArn": task.cluster_arn,
        "taskArn": task.task_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "group": task.group or f"family:{family}",
        "startedBy": task.started_by or "",
        "lastStatus": task.status,
        "desiredStatus": task.desired_status,
        "stopCode": task.stop_code or "",
        "stoppedReason": task.stopped_reason or "",
    }
