"""Runs on AWS Lambda: one image function per agent, one published version per definition, one event per run.

A run is an asynchronous invocation of a version; its payload names the run and its secret (D1).  Delivery is
at least once, so the run's claim decides who works (D11).  Nothing can describe or end an invocation: its end
is its own report, or what the platform wrote to the log (_lambda_ends.py).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from toolkit.clouds import pages
from toolkit.clouds.aws import code_of, translated
from toolkit.clouds.aws_logs import Reader
from toolkit.clouds.aws_network import own_group, place_of
from toolkit.clouds.aws_runs import OnAws, earliest
from toolkit.core.agent import Agent
from toolkit.core.errors import AlError
from toolkit.core.logs import OVERLAP_MS, LogEvent
from toolkit.core.names import FUNCTIONS
from toolkit.core.plan import Grant, Item
from toolkit.core.retry import retrying
from toolkit.core.run import RunHandle, RunId, RunSpec, RunStatus

from . import _lambda_definition as wanted
from . import _lambda_ends as ends
from ._lambda_versions import Versions
from ._shared_log import mine

# an event that waits longer than a minute for its turn is dropped without a word (_lambda_versions.EVENTS), and the
# start of an environment takes no longer than the function itself may
UNCLAIMED_SECONDS = 180.0
WAKING_SECONDS = 60.0  # a function idle for weeks refuses its first invocations while it wakes


class AwsLambda(OnAws):
    """The runtime plug-in `aws_lambda`."""

    limits = wanted.LIMITS

    # at push

    def check(self, agent: Agent) -> Sequence[str]:
        return wanted.refusals(self._names, self.cloud, agent)

    def definition(self, agent: Agent, image: str) -> Item:
        return wanted.definition(self._context, self.cloud, agent, image)

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        return wanted.grants(self._names, self.cloud, agent)

    def define(self, item: Item) -> str:
        """`function:version`; a version that was published before, when it is the same."""
        return f"{item.name}:{self._versions.publish(self._in_network(item))}"

    def _in_network(self, item: Item) -> Item:
        """With the id of our security group, where the definition has its name."""
        vpc = item.attributes["VpcConfig"]
        if self.cloud.lambda_security_groups or not vpc["SubnetIds"]:
            return item
        place = place_of(self.clients, vpc["SubnetIds"], "lambdaSubnets")
        group = own_group(self.clients, self._names, FUNCTIONS, place.vpc)
        settled = {**item.attributes, "VpcConfig": {**vpc, "SecurityGroupIds": [group]}}
        return replace(item, attributes=settled)

    def trouble(self, definition: str) -> str:
        return self._versions.trouble(definition)

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        """Delete the agent's versions that are not in `keep`; the names of those."""
        return self._versions.prune(self._names.function(agent), keep)

    # a run

    def launch(self, spec: RunSpec) -> RunHandle:
        """Sent once: an answer that got lost may have started the run.  An event that was refused, as one over the
        quota of concurrent executions (Throttled), has started nothing, and the caller may send it again."""
        function, version = spec.definition.rsplit(":", 1)
        launched = self._clock()
        request = retrying(
            lambda: self._invoke(spec, function, version),
            seconds=WAKING_SECONDS,
            first=1,
            retry=_waking,
            sleep=self._sleep,
        )
        ids = {
            "function": function,
            "version": version,
            "request_id": request,
            "log_group": self._names.lambda_log_group(spec.agent),
            "launched": str(int(launched.timestamp() * 1000)),
            **pages.of_function(self.cloud, function, version),
        }
        return RunHandle(runtime="aws_lambda", run=spec.run, agent=spec.agent, ids=ids)

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        """The runs whose end the platform wrote to the log.  Of one that goes on it says nothing."""
        found = {handle.run: self._end_of(handle) for handle in handles}
        return {run: status for run, status in found.items() if status is not None}

    def stop(self, handle: RunHandle) -> str:
        return (
            f"Lambda cannot end an invocation from outside: the stop flag of {handle.run} is set, and its "
            "container looks at it every few seconds and ends itself"
        )

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        group, begin = handle.ids["log_group"], max(since, earliest(handle))
        if stream := handle.ids.get("log_stream"):
            return self._reader(handle).forward(group, stream, since=begin)
        return self._reader(handle).search(group, _terms(handle), since=begin)

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        """Without a stream (the run was not claimed yet) there is no reading backwards, and little to read."""
        group, begin = handle.ids["log_group"], earliest(handle)
        if stream := handle.ids.get("log_stream"):
            return self._reader(handle).backward(group, stream, before=before, since=begin)
        found = self._reader(handle).search(group, _terms(handle), since=begin, before=before)
        return reversed(list(found))

    def running(self) -> Iterable[RunHandle]:
        """None: Lambda lists no invocations, and the ledger knows the runs."""
        return ()

    # what they are made of

    @cached_property
    def _read(self) -> dict[RunId, int]:
        """Until when a run's log has been searched for its end; epoch ms."""
        return {}

    @cached_property
    def _versions(self) -> Versions:
        return Versions(self.clients, self._names, sleep=self._sleep)

    def _invoke(self, spec: RunSpec, function: str, version: str) -> str:
        payload = {"al": 1, "run": str(spec.run), "secret": spec.lease.ref.name}
        hint = f"run `al push -E {self._context.environment.name}` first"
        with translated(f"launching {spec.run}", hints={"NotFound": hint}):
            answer = self.clients.invoker.invoke(
                FunctionName=function,
                Qualifier=version,
                InvocationType="Event",
                Payload=json.dumps(payload).encode(),
            )
        return str(answer["ResponseMetadata"]["RequestId"])

    def _end_of(self, handle: RunHandle) -> RunStatus | None:
        """Each look goes on where the last one ended, less what may have arrived late."""
        lines = list(self.logs(handle, since=self._read.get(handle.run, 0)))
        moment = int(self._clock().timestamp() * 1000)
        if status := ends.status_of(lines, now=moment):
            self._read.pop(handle.run, None)
        elif not lines and "log_stream" not in handle.ids:
            return self._dropped(handle) if self._age(handle) > UNCLAIMED_SECONDS else None
        elif lines and not any(ends.report_of(line.message) for line in lines):
            self._read[handle.run] = lines[-1].time - OVERLAP_MS
        return status

    def _dropped(self, handle: RunHandle) -> RunStatus:
        role = self.cloud.brought_role(handle.agent, "lambda")
        return ends.dropped(
            self._context.environment.name, role or self._names.role(handle.agent, "lambda")
        )

    def _reader(self, handle: RunHandle) -> Reader:
        return Reader(
            logs=self.clients.client("logs"),
            run=str(handle.run),
            mine=mine(str(handle.run), handle.ids.get("request_id", "")),
        )


def _terms(handle: RunHandle) -> tuple[str, ...]:
    return tuple(filter(None, (str(handle.run), handle.ids.get("request_id"))))


def _waking(error: AlError) -> bool:
    """Refused because the function is not active: nothing was started, so it may be sent again."""
    return code_of(error) in ("ResourceConflictException", "ResourceNotReadyException")


PLUGIN = AwsLambda
