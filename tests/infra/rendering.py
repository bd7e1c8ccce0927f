"""Renders the Pulumi program with Pulumi's own mocks: no engine, no cloud, every registration remembered."""

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockMonitor

from infra.programs import aws, gcp
from infra.programs.importing import NOTHING_ADOPTED
from toolkit.core.plan import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A resource as the program registered it, and the options that reach the engine."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    import_id: str
    version: str


class Cloud(pulumi.runtime.Mocks):
    """Answers every registration as the clouds would."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = {"arn": f"arn:{args.name}", "functionUrl": "https://x/", "uri": "https://x"}
        if args.typ == "gcp:serviceaccount/account:Account":
            made["email"] = f"{args.inputs['accountId']}@acme.iam.gserviceaccount.com"
        return args.name, args.inputs | made

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program looked up {args.token}")


class Engine(MockMonitor):
    """Remembers the wire's side of what is registered."""

    def __init__(self) -> None:
        super().__init__(Cloud())
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)
        self.registered.append(
            Registered(
                type=request.type,
                name=request.name,
                inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
                import_id=request.importId,
                version=request.version,
            )
        )
        return answer


def rendered(
    items: Iterable[Item], adopted: Mapping[tuple[str, str], str] = NOTHING_ADOPTED
) -> list[Registered]:
    """Everything that the program registers.  In a thread and context of its own: nothing of it is left."""
    return _alone(aws.program(items, adopted))


def rendered_on_google(
    project: str, items: Iterable[Item], adopted: Mapping[tuple[str, str], str] = NOTHING_ADOPTED
) -> list[Registered]:
    """The same of Google's program."""
    return _alone(gcp.program(project, items, adopted))


def _alone(run: Callable[[], None]) -> list[Registered]:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.Context().run, _rendered, run).result()


def _rendered(run: Callable[[], None]) -> list[Registered]:
    engine = Engine()
    loop, pool = asyncio.new_event_loop(), ThreadPoolExecutor(max_workers=1)
    loop.set_default_executor(pool)
    asyncio.set_event_loop(loop)  # the mocks work in the thread's current loop
    try:
        pulumi.runtime.set_mocks(engine.mocks, preview=False, monitor=engine)
        pulumi.runtime.test(run)()
    finally:
        pool.submit(lambda: asyncio.get_event_loop().close()).result()  # the mocks leave it open
        asyncio.set_event_loop(None)
        loop.close()
    return engine.registered
