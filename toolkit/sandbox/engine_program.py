"""Runs a Pulumi program without Pulumi's engine: what the program registers is handed to a function.

The SDK takes an object for its connection to the engine (its own test mocks do so), which saves a server, a port
and the loss of our errors' types on the wire.  It is not Pulumi's engine: no provider, no schema checks, no
replacements, no lookups in the account.  What it uses of `pulumi.runtime` is not documented for this, so
moto_tests/test_engine.py would tell when a new version of Pulumi breaks it.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import settings
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.rpc import UNKNOWN, _special_sig_key
from pulumi.runtime.stack import run_in_stack

from toolkit.core.errors import AlError

_STACK = "pulumi:pulumi:Stack"
_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,  # so that we see them, and refuse
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the program wants: a resource of this type with these inputs."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]


Register = Callable[[Registration], tuple[str, Mapping[str, Any]]]  # its id, and all its outputs


def execute(
    program: Callable[[], None], *, project: str, stack: str, register: Register, rehearse: bool
) -> dict[str, Any]:
    """Run the program and give `register` one resource after the other; the program's exports.

    `rehearse` tells the program that outputs may be unknown, as in a preview.  Raises what `register` raised first.
    It has its own thread, event loop and context, so it may be called from anywhere and again.
    """
    monitor = _Monitor(register, project, stack)
    failure: list[BaseException] = []

    def run() -> None:
        try:
            # made in here: constructing it sets the SDK's context variables
            settings.Settings(
                project=project,
                stack=stack,
                monitor=monitor,
                engine=_Silent(),
                parallel=1,
                dry_run=rehearse,
            )
            asyncio.run(_in_order(program))
        except BaseException as error:  # carried to the caller's thread
            failure.append(error)

    thread = threading.Thread(target=contextvars.Context().run, args=(run,), name="al-program")
    thread.start()
    thread.join()
    if monitor.failure or failure:
        raise monitor.failure or failure[0]
    return monitor.exports


async def _in_order(program: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=1))  # one call after the other
    # after a failure many outputs fail with it; the first error is raised and says all that there is to say
    loop.set_exception_handler(lambda _, __: None)
    await run_in_stack(program)


class _Monitor:
    """The engine's side of the conversation.  Method names are those of Pulumi's resource.proto."""

    def __init__(self, register: Register, project: str, stack: str) -> None:
        self._register, self._project, self._stack = register, project, stack
        self.exports: dict[str, Any] = {}
        self.failure: BaseException | None = None

    def GetDeploymentInfo(self, _: Any) -> Any:  # noqa: N802
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self._urn(request)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if self.failure:  # nothing is begun after the first failure
            raise self.failure
        try:
            ref, outputs = self._register(
                Registration(
                    urn=urn, type=request.type, name=request.name, inputs=_plain(request.object)
                )
            )
        except BaseException as error:
            self.failure = error
            raise
        answer = struct_pb2.Struct()
        answer.update(dict(outputs))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=ref, object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if f"::{_STACK}::" in request.urn:
            self.exports = _plain(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        raise AlError(
            f"the program asks the account for {request.tok}, which the sandbox's engine cannot answer",
            hint="give the program the value as a desired item",
        )

    def SignalAndWaitForShutdown(self, _: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def _urn(self, request: Any) -> str:
        chain = request.parent.split("::")[2] if request.parent else ""
        prefix = f"{chain}$" if chain and chain != _STACK else ""
        return f"urn:pulumi:{self._stack}::{self._project}::{prefix}{request.type}::{request.name}"


class _Silent:
    """Takes the SDK's messages: what matters arrives as an exception."""

    def Log(self, _: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def GetRootResource(self, _: Any) -> Any:  # noqa: N802
        return engine_pb2.GetRootResourceResponse()

    def SetRootResource(self, _: Any) -> Any:  # noqa: N802
        return engine_pb2.SetRootResourceResponse()


def _plain(properties: Any) -> dict[str, Any]:
    """Properties as JSON: whole numbers as int, which boto3 wants, and no secrets, which have no place here."""
    plain: dict[str, Any] = _whole(json_format.MessageToDict(properties))
    return plain


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case str() if value == UNKNOWN:
            return "(known later)"
        case dict() if _special_sig_key in value:
            raise AlError(
                "the program registers a secret value",
                hint="put it into the store, not into Pulumi",
            )
        case dict():
            return {key: _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
        case _:
            return value
