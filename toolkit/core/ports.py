"""The seams: what a runtime, a store, a ledger and an applier must do.  Few verbs each.

Every implementation, and every fake in tests/fakes.py, passes the same suite in tests/contracts/.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from .agent import Agent, AgentName
from .books import Calls, Deliveries, Locks, Queue
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

    def trouble(self, definition: str) -> str:
        """Why runs of what `define` once gave cannot be launched, a sentence; empty when they can."""

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


@runtime_checkable
class Remembers(Protocol):
    """A runtime whose platform still knows runs that are over, by nothing but their record."""

    def find(self, run: Run) -> RunHandle | None:
        """The run's handle, also when it is over; None when it was never launched, or is forgotten."""


@runtime_checkable
class MakesForOne(Protocol):
    """A runtime that may make things at its platform for a single run."""

    def clear(self, run: RunId) -> None:
        """Take them away: the run's end is recorded.  Harmless when there are none."""


@runtime_checkable
class AsksFromInside(Protocol):
    """A runtime that can run a program where the agent's runs are, for what is only true from there."""

    def ask_from_inside(
        self, agent: AgentName, definition: str, command: Sequence[str], text: Secret
    ) -> str:
        """What the program of the agent's image prints; `text` is a JSON object on its stdin, in which addresses are
        changed as in a run's secret.  Raises AlError when it fails."""


@runtime_checkable
class KeepsHere(Protocol):
    """A runtime that keeps logs and directories of its runs on this machine, where no service forgets them."""

    def forget(self, before: datetime) -> int:
        """Remove what is left of runs that ended earlier; of how many.  Runs that go on stay whole."""


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

    def revive(self, names: Collection[str]) -> tuple[str, ...]:
        """Undo the deletion of those that are scheduled for one and ours, their values included; the names of those.
        What `delete` took away stays away."""

    def list(self, prefix: str) -> Iterable[StoredSecret]:
        """Every secret whose name begins so, without values."""


class Ledger(Protocol):
    """The environment's shared state (D5b, D10): its runs and facts, and the books of core/books.py beside them."""

    queue: Queue
    locks: Locks
    calls: Calls
    deliveries: Deliveries

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

    def set_fact(
        self,
        key: str,
        value: Any,
        *,
        expected: Any = ...,
        given: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep it (None deletes).  With `expected`, only when the present value equals it, and with `given`, only while
        these other facts have these values, none of them None; whether it was kept.  All in one atomic step."""

    def facts(self, prefix: str) -> Mapping[str, Any]: ...

    def read_facts(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Those that there are, by key; as true as `fact`."""

    def prune(self, before: datetime) -> int:
        """Forget the final runs, calls and deliveries that are older; how many.  What is not over stays."""


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

    def preview(self, desired: Sequence[Item]) -> Plan:
        """What `apply` would do, in the engine's own words, compared with the account as it is; nothing is changed.
        Raises Conflict for what is there under our names and is somebody else's."""

    def apply(
        self,
        desired: Sequence[Item],
        *,
        progress: Callable[[str], None],
        check: Callable[[], None],
    ) -> Mapping[str, Any]:
        """Make it so; the stack's outputs (`gateway_url`, ...).  Finishes what an interrupted one began.

        Raises Conflict for what is somebody else's.  `check` is asked again and again meanwhile, and raises when the
        environment is no longer ours to change: what was begun is ended then, nothing further begins, and its error
        is raised."""

    def forget(self, *, progress: Callable[[str], None]) -> str:
        """Give up the record of what was made, since an Inventory removes the things themselves.  What is left for the
        user to do, a sentence, or "" when no record outlives them.  May be called again, and before a new `apply`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What is wrong with an identity and is not ours to repair, as what al doctor says of it."""

    about: str
    message: str
    remedy: str
    warning: bool = False


class Reconciler(Protocol):
    """Identities as they really are, and repairing them by API (`al doctor -c`, D6)."""

    def observe(self, desired: Sequence[Item]) -> tuple[Item, ...]:
        """Every identity that carries our tags, and what stands under the name of a desired one, whoever owns it."""

    def plan(
        self, desired: Sequence[Item], observed: Sequence[Item], applied: Sequence[Item]
    ) -> Plan:
        """Pure: what turns the observed identities into the desired ones, and by `applied`, what the last push made,
        whether the project or the account changed.  Names only what is ours; other kinds of items are passed over."""

    def concerns(
        self, observed: Sequence[Item], grants: Mapping[str, Sequence[Grant]]
    ) -> tuple[Concern, ...]:
        """What no plan can repair: foreign ones under our names, and identities that the user brings for an agent and
        that do not allow its grants.  May read from the account."""

    def apply(self, plan: Plan, *, progress: Callable[[str], None]) -> None:
        """Carry it out, and wait until reading shows it.  Raises Conflict for what does not carry our tags.  Every
        step may be repeated, so what a failure left undone is done by the next plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What stays, and why: a sentence."""

    item: Item
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What an account holds under an environment's names: `ours` in the order in which it can be removed; `others` is
    another environment's by its tags, and only its name looks like ours."""

    ours: tuple[Item, ...] = ()
    left: tuple[Left, ...] = ()
    others: tuple[Item, ...] = ()


class Inventory(Protocol):
    """Everything in the account that is this project's and environment's, whoever made it (`al teardown`)."""

    def found(self, agent: str | None = None, *, known: Collection[str] = ()) -> Holdings:
        """Each thing once; when an agent is named, also what it has inside of things that are shared.

        `known` are agents that the environment is known to have had: what carries no tags because a service made it
        is ours when it was made for one of those."""

    def remove(self, item: Item) -> None:
        """Take it away and wait until it is gone; one that is not there is fine.  Raises Conflict for what is not
        ours, and for what something still uses."""


class Tool(Protocol):
    """A program that `al` needs on this machine and can install (the Pulumi CLI)."""

    @property
    def wanted(self) -> str:
        """The version that `install` brings."""

    @property
    def place(self) -> Path:
        """Where `install` puts it."""

    def missing(self) -> str | None:
        """Why it cannot be used, as a sentence; None when it can."""

    def install(self, progress: Callable[[str], None]) -> str:
        """Download it; where it is now.  Raises AlError."""


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
        *,
        architecture: str = "amd64",
    ) -> str:
        """Push base + one deterministic layer + config changes as `repository:tag`; its digest.  `architecture` is what
        the base must be for: amd64 or arm64."""

    def tags(self, repository: str) -> Mapping[str, str]:
        """tag -> digest."""

    def delete(self, repository: str, digests: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class LayerFile:
    """One file of a layer: its bytes and permission bits."""

    data: bytes
    mode: int = 0o644
