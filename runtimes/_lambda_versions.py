"""Publishing versions of a function: create or update, wait, publish, and set what happens to its events.

Every step may have been done before by a push that was interrupted, so each looks first.  A published version
never changes, which is why runs name one.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from toolkit.clouds.aws import LAMBDA, Clients, code_of, translated
from toolkit.core.errors import AlError, Conflict, NotFound, Unreachable
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.retry import retrying

READY_SECONDS = 300.0  # an image is fetched and optimised once; in a VPC, addresses are made too
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
EVENTS = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
_CONFIGURATION = ("Role", "Timeout", "MemorySize", "Environment", "LoggingConfig", "VpcConfig")

# What to do about a function that does not become active, by StateReasonCode or LastUpdateStatusReasonCode
# (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html).
_REMEDIES: Mapping[str, str] = {
    "InvalidImage": "the image is gone or is an index: run `al push` again; if that does not help, delete the function first",
    "ImageDeleted": "the image is no longer in the registry: run `al push` again",
    "ImageAccessDenied": "the repository's policy must let lambda.amazonaws.com pull: run `al push` again",
    "InvalidSubnet": "correct lambdaSubnets in the environment's file",
    "SubnetOutOfIPAddresses": "name another subnet in lambdaSubnets: this one has no free address",
    "InvalidSecurityGroup": "correct lambdaSecurityGroups in the environment's file",
    "EniLimitExceeded": "ask for more network interfaces in the Service Quotas console",
    "InsufficientRolePermissions": "give the role ec2:CreateNetworkInterface and its kin, or take the function out of the VPC",
}


class Versions:
    """Publishes and prunes the versions of an environment's functions."""

    def __init__(
        self, clients: Clients, names: Names, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clients = clients
        self._names = names
        self._sleep = sleep

    def publish(self, item: Item) -> str:
        """The version that is `item`, new or published before; ready to be invoked.  Raises Conflict for a
        function that is not ours."""
        mark = f"al:{_hash(item)}"
        version = self._make(item, mark)
        with translated(f"setting what happens to the events of {item.name}"):
            # done also for a version that is there: a push may have been interrupted just before this
            self._lambda.put_function_event_invoke_config(
                FunctionName=item.name, Qualifier=version, **EVENTS
            )
        return version

    def trouble(self, definition: str) -> str:
        """Why this published version (`name:version`) cannot be invoked; empty when it can.  One that is inactive
        wakes up by being invoked."""
        name, version = definition.rsplit(":", 1)
        if (live := self._live(name, version)) is None:
            return f"the version {definition} is gone"
        found = live["Configuration"]
        if found.get("State") != "Failed":
            return ""
        return f"the version {definition} failed: {found.get('StateReason', 'no reason given')}"

    def prune(self, function: str, keep: Collection[str]) -> tuple[str, ...]:
        """Delete the published versions that are not in `keep` (`name:version`), the names of those; with none to keep,
        the function."""
        try:
            old = [f"{function}:{one['Version']}" for one in self._published(function)]
        except NotFound:
            return ()
        if not keep:
            return self._delete(function, old)
        old = [name for name in old if name not in keep]
        for name in old:
            with translated(f"deleting {name}"):
                self._lambda.delete_function(
                    FunctionName=function, Qualifier=name.rsplit(":", 1)[1]
                )
        return tuple(old)

    def _delete(self, function: str, versions: list[str]) -> tuple[str, ...]:
        live = self._live(function)
        if live is None or not self._names.owns(live.get("Tags", {})):
            return ()
        with translated(f"deleting {function}"):
            self._lambda.delete_function(FunctionName=function)
        return tuple(versions)

    @property
    def _lambda(self) -> Any:
        return self._clients.client("lambda")

    def _make(self, item: Item, mark: str) -> str:
        live = self._live(item.name)
        if live is None:
            self._create(item)
        else:
            self._refuse_foreign(item, live)
            if version := self._marked(item.name, mark):
                return version
            self._update(item, live)
        self._ready(item.name)
        with translated(f"publishing a version of {item.name}"):
            answer = self._lambda.publish_version(FunctionName=item.name, Description=mark)
        self._ready(item.name, answer["Version"])
        return str(answer["Version"])

    def _live(self, name: str, qualifier: str = "$LATEST") -> dict[str, Any] | None:
        try:
            with translated(f"looking at the function {name}"):
                found: dict[str, Any] = self._lambda.get_function(
                    FunctionName=name, Qualifier=qualifier
                )
        except NotFound:
            return None
        return found

    def _refuse_foreign(self, item: Item, live: Mapping[str, Any]) -> None:
        if not self._names.owns(dict(live.get("Tags") or {})):
            raise Conflict(
                f"the function {item.name} exists and does not carry al's tags",
                hint="delete it, or give it the tags al:managed, al:project and al:environment",
            )

    def _marked(self, name: str, mark: str) -> str | None:
        """The newest version that was published with this mark: the same code and configuration."""
        found = [one["Version"] for one in self._published(name) if one.get("Description") == mark]
        return max(found, key=int, default=None)

    def _published(self, name: str) -> Iterator[Mapping[str, Any]]:
        with translated(f"listing the versions of {name}"):
            pages = self._lambda.get_paginator("list_versions_by_function")
            for page in pages.paginate(FunctionName=name):
                yield from (one for one in page["Versions"] if one["Version"] != "$LATEST")

    def _create(self, item: Item) -> None:
        def create() -> None:
            with translated(f"creating the function {item.name}"):
                self._lambda.create_function(**item.attributes, Tags=dict(item.tags))

        self._clients.when_assumable(
            create, [item.attributes["Role"]], service=LAMBDA, sleep=self._sleep
        )

    def _update(self, item: Item, live: Mapping[str, Any]) -> None:
        """Code, then configuration; AWS takes one change at a time."""
        wanted = item.attributes
        self._ready(item.name, broken=True)
        if _code(live) != (wanted["Code"]["ImageUri"], wanted["Architectures"]):
            with translated(f"updating the code of {item.name}"):
                self._change(
                    "update_function_code",
                    FunctionName=item.name,
                    Publish=False,
                    Architectures=wanted["Architectures"],
                    **wanted["Code"],
                )
            self._ready(item.name)
        settings = {key: wanted[key] for key in _CONFIGURATION}
        if not _includes(live["Configuration"], settings):
            self._clients.when_assumable(
                lambda: self._change(
                    "update_function_configuration", FunctionName=item.name, **settings
                ),
                [wanted["Role"]],
                service=LAMBDA,
                sleep=self._sleep,
            )

    def _change(self, operation: str, **request: Any) -> None:
        """One change, waiting while another is in progress."""

        def call() -> None:
            with translated(f"updating the function {request['FunctionName']}"):
                getattr(self._lambda, operation)(**request)

        retrying(call, seconds=120, retry=_in_progress, sleep=self._sleep)

    def _ready(self, name: str, qualifier: str = "$LATEST", *, broken: bool = False) -> None:
        """Wait until it is active and its last change has been made.  `broken`: a failed one will do, too."""

        def look() -> None:
            live = self._live(name, qualifier)
            if live is None:
                raise _NotYet(f"{name} is not listed yet", hint=_NotYet.wait)
            _check(name, live["Configuration"], broken=broken)

        retrying(look, seconds=READY_SECONDS, longest=2, sleep=self._sleep)


class _NotYet(Unreachable):
    """The function is still changing: temporary."""

    wait = "wait a minute and run the command again"


def _check(name: str, live: Mapping[str, Any], *, broken: bool) -> None:
    for status, reason in (
        ("State", "StateReason"),
        ("LastUpdateStatus", "LastUpdateStatusReason"),
    ):
        if live.get(status) in ("Pending", "InProgress"):
            raise _NotYet(f"{name} is still {live[status]}", hint=_NotYet.wait)
        if live.get(status) == "Failed" and not broken:
            code = live.get(f"{reason}Code", "no code")
            raise AlError(
                f"the function {name} failed: {live.get(reason, 'no reason given')} ({code})",
                hint=_REMEDIES.get(code, "see the function in the AWS console, then push again"),
            )


def _code(live: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The image and what it is built for: the two change together
    (https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html)."""
    architectures = live["Configuration"].get("Architectures") or ["x86_64"]
    return live.get("Code", {}).get("ImageUri"), list(architectures)


def _in_progress(error: AlError) -> bool:
    return code_of(error) in ("ResourceConflictException", "ResourceNotReadyException")


def _includes(live: Any, wanted: Any) -> bool:
    """Whether everything that we want is there; AWS adds more."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _includes(live.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return sorted(live or ()) == sorted(wanted)
    return bool(live == wanted)


def _hash(item: Item) -> str:
    text = json.dumps(dict(item.attributes), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
