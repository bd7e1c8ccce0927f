"""What a run is: its id, why it starts, what became of it."""

import re
import secrets as random_bytes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .agent import AgentName, Model
from .clock import from_iso
from .errors import UsageError
from .secrets import Receipt, Secret, SecretLease

RERUN, TIMEOUT = 42, 124  # exit codes: done and to be run again; ended by its own timeout
# The exit code of a container that did nothing because the run was not its own to do: another has claimed it, or there
# was nothing left to claim.  Not 0, or a platform would call the run a success.
UNCLAIMED = 113
PAGE = "page"  # of a handle's ids: the run in its cloud's console
_RUN = re.compile(r"(?P<agent>[a-z0-9]+(?:-[a-z0-9]+)*)-(?P<hex>[0-9a-f]{8})")


class RunId(str):
    """`<agent>-<8 hex>`: allocated before anything is launched, and kept for the run's whole life."""

    __slots__ = ()

    @classmethod
    def new(cls, agent: AgentName) -> "RunId":
        return cls(f"{agent}-{random_bytes.token_hex(4)}")

    @classmethod
    def unused(cls, agent: AgentName, known: Callable[["RunId"], object]) -> "RunId":
        """One that is not `known`: of a busy agent many are kept, and the same again would be taken for that run."""
        while known(name := cls.new(agent)):
            continue
        return name

    @classmethod
    def parse(cls, text: str) -> "RunId":
        """Raises UsageError when `text` is no run id."""
        if not _RUN.fullmatch(text):
            raise UsageError(
                f"{text!r} is not a run id",
                hint="a run id looks like dev-1a2b3c4d; list them with `al logs AGENT`",
            )
        return cls(text)

    @property
    def agent(self) -> AgentName:
        return AgentName(self.rsplit("-", 1)[0])


class TriggerKind(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    WEBHOOK = "webhook"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Why a run starts.

    `source` is the webhook source's name, the calling run, or which rerun of how many; `context` is what the agent is
    told of the webhook or call.  `delivery` is the receipt of the webhook, `call` the id of the call that it serves.
    """

    agent: AgentName
    kind: TriggerKind
    prompt: str | None = None
    source: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    delivery: str | None = None
    call: str | None = None
    depth: int = 0  # how many calls led here
    rerun: int = 0  # how many runs before it asked to be run again
    # a model of this run alone, in place of the agent's: as --llm-provider and --llm-model
    llm_provider: str | None = None
    llm_model: str | None = None

    @property
    def names_model(self) -> bool:
        return not (self.llm_provider is None and self.llm_model is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunModels:
    """The models of one run, each with its key, in place of those in the image.

    `instead_of` are the credentials, as `<type>/<instance>/<field>`, that the run is not given for that reason.
    """

    models: tuple[tuple[Model, Secret | None], ...]
    instead_of: frozenset[str] = frozenset()


class RunState(StrEnum):
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def final(self) -> bool:
        return self not in _GOING_ON


# outside of the class: to look a member up each time costs Python 3.11 an exception
_GOING_ON = frozenset({RunState.QUEUED, RunState.STARTING, RunState.RUNNING})


class Cause(StrEnum):
    """Why a run failed, classified; `RunStatus.reason` has the words."""

    EXIT_CODE = "exit_code"
    OUT_OF_MEMORY = "out_of_memory"
    IMAGE_PULL = "image_pull"
    CAPACITY = "capacity"
    TOO_LARGE = "too_large"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - a cause, not a password
    NETWORK = "network"
    PERMISSION = "permission"
    NEVER_STARTED = "never_started"
    INTERRUPTED = "interrupted"
    SPOT_INTERRUPTION = "spot_interruption"  # the platform took its cheaper capacity back
    DROPPED = "dropped"  # newer work took its place in a full queue
    BACKEND_BUSY = "backend_busy"  # its model's server had no turn for it in time
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """What a platform, or the run's own report, says about it.

    `mailbox` is what a platform has collected from the run's log, where containers can write nowhere else.
    """

    state: RunState
    exit_code: int | None = None
    cause: Cause | None = None
    reason: str = ""
    mailbox: "Mailbox | None" = None


def status_of_exit(code: int, *, state: str | None = None, reason: str = "") -> RunStatus:
    """What the exit code of a run means: 0 and 42 succeed, 124 is the run's own timeout, all others fail.

    `state` is the run's own word, and counts where the code cannot tell: for a run that was stopped or timed out, and for
    one that says that it failed with the code that otherwise asks for another run.
    """
    if state in (RunState.STOPPED, RunState.TIMED_OUT):
        return RunStatus(state=RunState(state), exit_code=code, reason=reason)
    if code == 0 or (code == RERUN and state != RunState.FAILED):
        return RunStatus(state=RunState.SUCCEEDED, exit_code=code, reason=reason)
    if code == TIMEOUT:
        return RunStatus(state=RunState.TIMED_OUT, exit_code=code, reason=reason)
    reason = reason or f"exited with code {code}"
    return RunStatus(state=RunState.FAILED, exit_code=code, cause=Cause.EXIT_CODE, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """Everything `Runtime.launch` needs: references, never values (D1).

    `definition` is what `Runtime.define` returned: a task definition with its revision, a function version,
    a program on this machine.  `timeout` is the agent's, in seconds.  `again`: an earlier start of this run is known to
    have come to nothing, so this is no repetition of it.
    """

    run: RunId
    agent: AgentName
    definition: str
    timeout: int
    lease: SecretLease
    image: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHandle:
    """How any process finds a run again: serialisable (D14)."""

    runtime: str
    run: RunId
    agent: AgentName
    ids: Mapping[str, str] = field(default_factory=dict)

    def with_ids(self, **more: str) -> "RunHandle":
        return replace(self, ids={**self.ids, **more})

    def to_dict(self) -> dict[str, Any]:
        return {
            "runtime": self.runtime,
            "run": str(self.run),
            "agent": str(self.agent),
            "ids": dict(self.ids),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "RunHandle":
        return cls(
            runtime=data["runtime"],
            run=RunId(data["run"]),
            agent=AgentName(data["agent"]),
            ids=dict(data["ids"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """What a run's container wrote for its launcher, and the launcher for it (D11, D11b).

    `claimed` and `where` come with the claim (`where` holds the log stream, for instance); `read` is when the
    container read its secret; `report` is its last word; `stop` is the launcher's wish.
    """

    claimed: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    read: str | None = None
    burned: str | None = None
    stop: bool = False
    report: Mapping[str, Any] | None = (
        None  # exit_code, state, reason, finished, return_value, usage
    )
    status: str | None = None  # what the agent last said with `al-status`


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the ledger keeps it.  Times are ISO 8601 in UTC."""

    id: RunId
    agent: AgentName
    runtime: str
    trigger: TriggerKind
    created: str
    state: RunState = RunState.QUEUED
    started: str | None = None
    finished: str | None = None
    deadline: str | None = None  # no report and no trace after this: lost
    exit_code: int | None = None
    cause: Cause | None = None
    reason: str = ""
    image: str = ""
    definition: str = ""
    handle: RunHandle | None = None
    lease: SecretLease | None = None
    receipt: Receipt = field(default_factory=Receipt)
    return_value: str | None = None
    # of its trigger, for whoever looks later
    source: str | None = None
    prompt: str | None = None  # what a user asked for by hand
    llm_provider: str | None = None
    llm_model: str | None = None
    delivery: str | None = None
    call: str | None = None
    depth: int = 0
    rerun: int = 0
    origin: str | None = None  # what its id follows from, where it is not random
    token: str = ""  # SHA-256, in hex, of the token with which the run speaks to the gateway
    usage: Mapping[str, Any] = field(default_factory=dict)  # tokens, money, turns, seconds of hooks

    def handle_at(self, mailbox: Mailbox) -> RunHandle | None:
        """The handle, with what the run's container said of where it is.

        A launcher that died before it could record one leaves none.  Then the claim must do, and its handle may have
        no more ids than `launched`; None when the run has not claimed either.
        """
        if self.handle is not None:
            return self.handle.with_ids(**mailbox.where)
        if mailbox.claimed is None:
            return None
        launched = str(int(from_iso(self.created).timestamp() * 1000))
        ids = {"launched": launched, **mailbox.where}
        return RunHandle(runtime=self.runtime, run=self.id, agent=self.agent, ids=ids)

    @property
    def page(self) -> str | None:
        """Where its cloud's console shows it; None where nothing does."""
        return self.handle.ids.get(PAGE) if self.handle else None

    @property
    def seconds(self) -> float | None:
        """Wall time from creation to the end, or None while it goes on."""
        if self.finished is None:
            return None
        return round((from_iso(self.finished) - from_iso(self.created)).total_seconds(), 3)
