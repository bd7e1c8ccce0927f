"""The seams: what a runtime, a store, a ledger and an applier must do.  Few verbs each.

Every implementation, and every fake in tests/fakes.py, passes the same suite in tests/contracts/.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .agent import Agent
from .environment import Environment
from .logs import LogEvent
from .names import Names
from .plan import Grant, Item, Plan
from .run import Mailbox, Run, RunHandle, RunId, RunSpec, RunStatus
from .secrets import Secret, StoredSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every adapter is made from: `PLUGIN(context)`.  Making one costs nothing: clients are made when used."""

    environment: Environment
    home: Path  # ~/.action-llama, or AL_HOME
    project: Path  # the project's directory

    @property
    def names(self) -> Names:
        return Names(self.environment.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a runtime can give: `timeout` in seconds, None for without end."""

    timeout: int | None
    credentials_path: str
    writable: tuple[str, ...]


class Runtime(Protocol):
    """Executes runs."""

    limits: Limits

    def check(self, agent: Agent) -> Sequence[str]:
        """Pure: what of this agent's settings the platform would refuse, one sentence each with the allowed values."""

    def definition(self, agent: Agent, image: str) -> Item:
        """Pure: the per-version job, task definition or function.  Nothing in it is particular to a run."""

    def grants(self, agent: Agent) -> tuple[Grant, ...]:
        """Pure: what its runs may touch."""

    def define(self, item: Item) -> str:
        """Register `item` and wait until it can be launched; the reference for RunSpec.definition.  Idempotent."""

    def prune(self, agent: str, keep: Collection[str]) -> tuple[str, ...]:
        """Forget the agent's definitions that are not in `keep`, and with none to keep all that `define` ever made;
        the references of those.  Only ours; runs in progress go on."""

    def launch(self, spec: RunSpec) -> RunHandle:
        """Start the run; idempotent per run id.  Raises LaunchError (or AccessDenied, Throttled, ...)."""

    def states(self, handles: Sequence[RunHandle]) -> Mapping[RunId, RunStatus]:
        """What the platform knows, batched.  A run it knows nothing of is absent from the answer."""

    def stop(self, handle: RunHandle) -> str:
        """End the run and say how: a sentence.  Harmless when it is already over."""

    def logs(self, handle: RunHandle, *, since: int = 0) -> Iterator[LogEvent]:
        """Everything logged from `since` (epoch ms) on, oldest first; nothing yet is an empty answer."""

    def tail(self, handle: RunHandle, *, before: int | None = None) -> Iterator[LogEvent]:
        """The same, newest first, paging lazily: stop reading and no more is fetched."""

    def running(self) -> Iterable[RunHandle]:
        """Every live run that carries our tag, for re-adoption."""


class Store(Protocol):
    """Keeps named secrets: long-lived credentials and the runs' ephemeral ones alike."""

    name: str

    def put(self, name: str, value: Secret, *, tags: Mapping[str, str]) -> None:
        """Create, or replace the value.  Raises when it cannot: never half."""

    def get(self, name: str) -> Secret | None:
        """The value, or None when there is none."""

    def delete(self, name: str) -> None:
        """Make it unreadable now.  One that is not there is fine."""

    def exists(self, name: str) -> bool:
        """Whether anyone could still read it: not when it is absent or scheduled for deletion."""

    def list(self, prefix: str) -> Iterable[StoredSecret]:
        """Every secret whose name begins so, without values."""


class Ledger(Protocol):
    """The environment's shared state (D5b, D10).  Later: the queue, locks and calls."""

    def prepare(self) -> bool:
        """Create what the ledger lives in, when it is missing; whether it had to.  Refuses a foreign one (Conflict)."""

    def add(self, run: Run) -> None:
        """Record a new run.  Raises AlreadyExists when the id is known."""

    def get(self, run: RunId) -> Run | None: ...

    def update(self, run: RunId, **changes: Any) -> Run:
        """Set these fields of Run.  A final state never changes into another: such a call changes nothing else
        but `receipt`, and returns the run as it is.  Raises NotFound."""

    def runs(
        self, *, agent: str | None = None, active: bool = False, limit: int = 50
    ) -> Sequence[Run]:
        """Newest first.  `active`: only those without a final state."""

    def mailbox(self, run: RunId) -> Mailbox:
        """What the run's container has written so far; empty when nothing."""

    def request_stop(self, run: RunId) -> None:
        """Raise the stop flag that the container polls (D11b)."""

    def fact(self, key: str) -> Any | None:
        """A JSON value kept for the environment: applied hashes, definitions, the deployed project's name."""

    def set_fact(self, key: str, value: Any, *, expected: Any = ...) -> bool:
        """Keep it (None deletes).  With `expected`, only when the present value equals it; whether it was kept."""

    def facts(self, prefix: str) -> Mapping[str, Any]: ...


class Platform(Protocol):
    """The container's side of store and ledger (`toolkit/inside/platforms`): the few calls of D3 and D11."""

    def claim(self, where: Mapping[str, str]) -> bool:
        """Whether this process is the one that does the run's work: True exactly once per run id."""

    def read_secret(self) -> Secret:
        """The run's JSON secret.  Raises CredentialError when it is not there."""

    def burn_secret(self) -> None:
        """Delete it; awaited, retried."""

    def note(self, **fields: Any) -> None:
        """Write fields of the mailbox: read, burned, report, status."""

    def stop_requested(self) -> bool: ...


class Applier(Protocol):
    """Brings an account to the desired state: Pulumi's Automation API, or the sandbox's engine (D16)."""

    def preview(self, desired: Sequence[Item]) -> Plan: ...

    def apply(
        self, desired: Sequence[Item], *, progress: Callable[[str], None]
    ) -> Mapping[str, Any]:
        """Make it so; the stack's outputs (`gateway_url`, ...).  Finishes what an interrupted one began."""

    def destroy(self, *, progress: Callable[[str], None]) -> None: ...


class Reconciler(Protocol):
    """Identities as they really are, and repairing them by API (`al doctor -c`, D6)."""

    def observe(self, desired: Sequence[Item]) -> tuple[Item, ...]:
        """Every identity that carries our tags, and what stands under the name of a desired one, whoever owns it."""

    def apply(self, plan: Plan, *, progress: Callable[[str], None]) -> None:
        """Carry it out.  Never touches what does not carry our tags (Conflict)."""


class Inventory(Protocol):
    """Everything in the account that is this project's and environment's, whoever made it (`al teardown`)."""

    def found(self, agent: str | None = None) -> tuple[Item, ...]:
        """Each thing once, in the order in which it can be removed; only one agent's when it is named."""

    def remove(self, item: Item) -> None:
        """Take it away.  One that is gone is fine; raises Conflict for what is not ours."""


class Registry(Protocol):
    """An OCI registry, as far as images are pushed and pruned (D9)."""

    def digest(self, repository: str, tag: str) -> str | None:
        """`sha256:...` of the tag, or None."""

    def append(
        self,
        base: str,
        repository: str,
        tag: str,
        files: Mapping[str, "LayerFile"],
        config: Mapping[str, Any],
    ) -> str:
        """Push base + one deterministic layer + config changes as `repository:tag`; its digest."""

    def tags(self, repository: str) -> Mapping[str, str]:
        """tag -> digest."""

    def delete(self, repository: str, digests: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One file of a layer: its bytes and permission bits."""

    data: bytes
    mode: int = 0o644
