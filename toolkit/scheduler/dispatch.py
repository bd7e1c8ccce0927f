"""The single door to `Runtime.launch`: `dispatch` starts a run at once, `start` one that has waited in the queue.

Both work from what `al push` recorded in the ledger, so they need no project directory and serve the gateway as well.
Only their attempts (attempt.py) call `Runtime.launch`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from toolkit.core.agent import AgentName, CredentialRef
from toolkit.core.clock import iso, now
from toolkit.core.environment import Environment
from toolkit.core.errors import CredentialError, NotFound
from toolkit.core.run import Run, RunId, RunModels, RunSpec, RunState, Trigger
from toolkit.core.secrets import Receipt, Secret, SecretLease
from toolkit.credentials.lease import open_lease
from toolkit.wiring import Services

from . import tokens
from .attempt import Attempt, Patience
from .roster import FACT as ROSTER
from .roster import Roster
from .sharing import sharing
from .starts import StoppedBefore

# of a definition: what one version has that another may not
VERSION = ("ref", "image", "hash", "timeout", "credentials", "pushed")
_LISTS = {"credentials", "previous", "newer"}
# pulling an image and getting capacity may take minutes on Fargate
START_MARGIN = timedelta(minutes=10)
AT_ONCE = Patience()
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What `al push` recorded of an agent: the fact `definition/<agent>`."""

    agent: str
    runtime: str
    ref: str
    image: str
    hash: str
    timeout: int
    credentials: tuple[
        str, ...
    ] = ()  # `<type>/<instance>/<field>`, the required and the stored optional ones
    pushed: str = ""  # when the push that made it began: definitions of one push have the same
    previous: tuple[Mapping[str, Any], ...] = ()  # those before it, newest first: see `version`
    newer: tuple[Mapping[str, Any], ...] = ()  # those that were rolled back from, the last first
    leftover: str | None = (
        None  # the runtime that the agent came from, until nothing of it is there
    )

    def to_fact(self) -> dict[str, Any]:
        return asdict(self)

    def version(self) -> dict[str, Any]:
        """What a later rollback needs of it, as plain JSON."""
        found = {name: getattr(self, name) for name in VERSION}
        return found | {"credentials": list(self.credentials)}

    @classmethod
    def from_fact(cls, fact: Mapping[str, Any]) -> "Definition":
        """Fields that this version does not know are left out: a newer `al` may have pushed."""
        known = {field.name: fact[field.name] for field in fields(cls) if field.name in fact}
        lists = {name: tuple(known[name]) for name in _LISTS & known.keys()}
        return cls(**{**known, **lists})


def fact_key(agent: str) -> str:
    return f"definition/{agent}"


def definition_of(services: Services, agent: AgentName) -> Definition:
    """Raises NotFound when the agent has not been pushed."""
    if (fact := _fact(services, fact_key(agent))) is None:
        raise _unknown(agent, services.environment)
    return Definition.from_fact(fact)


def _unknown(agent: str, environment: Environment) -> NotFound:
    where = environment.name
    if environment.cloud is None:  # where nobody pushes to
        hint = f"`al run {agent} -E {where}` and `al start -E {where}` make it ready"
        return NotFound(f"{agent} has not been made ready on this machine", hint=hint)
    hint = f"run `al push {agent} -E {where}` first"
    return NotFound(f"{agent} has not been pushed to {where}", hint=hint)


def _fact(services: Services, key: str) -> Any:
    """The fact, or None where there is none or no table yet."""
    try:
        return services.ledger.fact(key)
    except NotFound:
        return None


def dispatch(
    services: Services,
    trigger: Trigger,
    patience: Patience = AT_ONCE,
    *,
    models: RunModels | None = None,
    place: Services | None = None,
    turn: Callable[[Run], None] | None = None,
) -> Run:
    """Start a run of `trigger.agent`: ledger, secret, launch, in this order.  `models` take the place of the image's, and
    `place` is where it is launched, where that is another environment.  `turn` returns when the run may begin, which
    waits until then.

    Raises CredentialError before anything is made, LaunchError (or the cloud's own) after everything that was
    made has been undone; the error's notes say what could not be, and which run may have started all the same.
    """
    place = place or services
    definition = definition_of(place, trigger.agent)
    spared = models.instead_of if models else frozenset()
    credentials = read_credentials(place, definition, spared)
    run = _new(trigger, definition, _runtime(services, place, definition))
    attempt = Attempt(services=services, run=run)
    try:
        run = attempt.run = _recorded(services, run, definition, turn)
        token = _token(services, run, place)
        payload = _payload(trigger, credentials, token) | _models(models)
        lease = attempt.lease = _lease(place, run, payload, definition.timeout)
        receipt = Receipt(created=iso(lease.created))
        services.ledger.update(run.id, lease=lease, receipt=receipt, token=token.hash)
        handle = attempt.launch(_spec(run, lease, definition), patience)
        return services.ledger.update(run.id, handle=handle, started=iso(now()))
    except BaseException as error:  # also on Ctrl-C: nothing that was made may wait for the sweeper
        attempt.undo(error)
        raise


def _recorded(
    services: Services, run: Run, definition: Definition, turn: Callable[[Run], None] | None
) -> Run:
    """From now on others see it; while it waits for its turn, as one that waits."""
    if turn is None:
        services.ledger.add(run)
        return run
    waiting = replace(run, state=RunState.QUEUED)
    services.ledger.add(waiting)
    turn(waiting)
    return services.ledger.update(
        run.id, state=RunState.STARTING, deadline=_deadline(now(), definition)
    )


def start(
    services: Services,
    run: Run,
    trigger: Trigger,
    postponed: Callable[[BaseException, bool], bool],
    *,
    models: Callable[[], RunModels | None] = lambda: None,
    place: Callable[[], Services] | None = None,
) -> Run:
    """Start a run that was allocated when it was queued: secret, ledger, launch, in this order.

    The secret comes before the record, which then says at once where it is and when its launch began; one that is made
    and never recorded is the sweeper's.  When it fails, `postponed(error, leased)` says whether the run is to wait
    for another attempt.  `models` gives those that take the place of the image's, `place` where it is launched.  Raises
    what `dispatch` does, and StoppedBefore.
    """
    attempt = Attempt(services=services, run=run)
    try:
        there = place() if place else services
        definition = definition_of(there, trigger.agent)
        run = attempt.run = replace(run, runtime=_runtime(services, there, definition))
        chosen = models()
        credentials = read_credentials(there, definition, chosen.instead_of if chosen else ())
        token = _token(services, run, there)
        payload = _payload(trigger, credentials, token) | _models(chosen)
        lease = attempt.lease = _lease(there, run, payload, definition.timeout)
        attempt.run = _begun(services, run, definition, lease, token.hash)
        return _launched(
            attempt, _spec(attempt.run, lease, definition, again=run.cause is not None)
        )
    except BaseException as error:
        _given_up(attempt, error, postponed)
        raise


def start_again(
    services: Services, run: Run, trigger: Trigger, postponed: Callable[[BaseException, bool], bool]
) -> Run:
    """Send the launch of a run once more whose launcher died, or never got the answer: a runtime starts no second one
    of the same run and secret.  As `start` otherwise."""
    attempt = Attempt(services=services, run=run, lease=run.lease)
    try:
        definition = definition_of(services.of_runtime(run.runtime), trigger.agent)
        asked = replace(definition, ref=run.definition, image=run.image)
        assert run.lease is not None  # noqa: S101 - only called with one
        return _launched(attempt, _spec(run, run.lease, asked, again=run.cause is not None))
    except BaseException as error:
        _given_up(attempt, error, postponed)
        raise


def _launched(attempt: Attempt, spec: RunSpec) -> Run:
    """Launch it, unless somebody has asked it to stop; whoever asks meanwhile finds its handle, or we see the wish."""
    ledger = attempt.services.ledger
    if ledger.mailbox(spec.run).stop or attempt.run.state.final:
        raise StoppedBefore(f"{spec.run} was stopped before it started", hint="run it again")
    handle = attempt.launch(spec, AT_ONCE)
    run = ledger.update(spec.run, handle=handle, started=iso(now()))
    if run.state.final or ledger.mailbox(spec.run).stop:
        attempt.services.runtime(run.runtime).stop(handle)
    return run


def _given_up(
    attempt: Attempt, error: BaseException, postponed: Callable[[BaseException, bool], bool]
) -> None:
    if postponed(error, attempt.lease is not None):
        attempt.postpone(error)
    else:
        attempt.undo(error)


def _begun(
    services: Services, run: Run, definition: Definition, lease: SecretLease, token: str
) -> Run:
    """The record of a run whose launch is about to be sent; one that was stopped meanwhile stays stopped."""
    return services.ledger.update(
        run.id,
        state=RunState.STARTING,
        runtime=run.runtime,
        image=definition.image,
        definition=definition.ref,
        deadline=_deadline(now(), definition),
        lease=lease,
        receipt=Receipt(created=iso(lease.created)),
        token=token,
    )


def read_credentials(
    services: Services, definition: Definition, spared: Collection[str] = ()
) -> dict[str, Secret]:
    """Every declared field but the `spared` ones from the environment's store.

    Raises CredentialError naming all that are missing.
    """
    wanted = [path for path in definition.credentials if path not in spared]
    found = {path: services.store.get(_name(services, path)) for path in wanted}
    if missing := sorted(path for path, value in found.items() if value is None):
        where = services.environment.name
        raise CredentialError(
            f"{where} lacks {', '.join(missing)}",
            hint=f"{added(missing)}, then `al push -E {where}`",
        )
    return {path: value for path, value in found.items() if value is not None}


def added(paths: Sequence[str]) -> str:
    """The commands that add the credentials of these fields; `type/instance/field`."""
    parts = (path.split("/") for path in paths)
    refs = dict.fromkeys(CredentialRef(type=kind, instance=name) for kind, name, _ in parts)
    return ", ".join(f"`al creds add {ref}`" for ref in refs)


def _name(services: Services, path: str) -> str:
    kind, instance, field = path.split("/")
    if services.environment.cloud is None:
        return path
    return services.context.names.credential(CredentialRef(type=kind, instance=instance), field)


def _runtime(services: Services, place: Services, definition: Definition) -> str:
    return services.named(definition.runtime, place.environment.name)


def _new(trigger: Trigger, definition: Definition, runtime: str) -> Run:
    moment = now()
    return Run(
        id=RunId.new(trigger.agent),
        agent=trigger.agent,
        runtime=runtime,
        trigger=trigger.kind,
        created=iso(moment),
        state=RunState.STARTING,
        deadline=_deadline(moment, definition),
        image=definition.image,
        definition=definition.ref,
        source=trigger.source,
        prompt=trigger.prompt,
        llm_provider=trigger.llm_provider,
        llm_model=trigger.llm_model,
    )


def _deadline(moment: datetime, definition: Definition) -> str:
    return iso(moment + START_MARGIN + timedelta(seconds=definition.timeout))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """What a run speaks to the gateway with; nothing where there is no gateway."""

    gateway: str | None = None
    secret: Secret | None = None
    hash: str = ""
    sharing: Mapping[str, Any] = field(default_factory=dict)


def _token(services: Services, run: Run, place: Services) -> _Token:
    here = services.environment.gateway_url
    gateway = here or (_fact(services, "gateway") or {}).get("url")
    # one that was pushed is where its agents are, whatever its address looks like
    if not gateway or (here and not answers_in(place.environment, gateway)):
        return _Token()
    secret, digest = tokens.new(run.id)
    others = sharing(Roster.from_fact(_fact(services, ROSTER) or {}), run)
    return _Token(gateway=gateway, secret=secret, hash=digest, sharing=others)


def answers_in(environment: Environment, url: str) -> bool:
    """Whether what runs in that environment can reach the address: one of this machine's own is none in a cloud."""
    return environment.here or urlsplit(url).hostname not in LOOPBACK


def _payload(trigger: Trigger, credentials: Mapping[str, Secret], token: _Token) -> dict[str, Any]:
    """The run's one secret (D2): what it may know, and what is particular to it."""
    return {
        "credentials": {path: value.reveal() for path, value in credentials.items()},
        "prompt": trigger.prompt,
        "trigger": {
            "kind": trigger.kind.value,
            "source": trigger.source,
            "context": dict(trigger.context),
        },
        "token": token.secret.reveal() if token.secret else None,
        "gateway": token.gateway,
        "sharing": dict(token.sharing),
    }


def _models(given: RunModels | None) -> dict[str, Any]:
    """Each with its key, which nothing else of the run carries."""
    if given is None:
        return {}
    pairs = [(model.to_dict(), key) for model, key in given.models]
    return {"models": [{**model, "key": key.reveal() if key else None} for model, key in pairs]}


def _lease(services: Services, run: Run, payload: Mapping[str, Any], timeout: int) -> SecretLease:
    names = services.context.names
    return open_lease(
        services.run_secrets, names, run=run.id, payload=payload, timeout=timeout, now=now
    )


def _spec(run: Run, lease: SecretLease, definition: Definition, *, again: bool = False) -> RunSpec:
    return RunSpec(
        run=run.id,
        agent=run.agent,
        definition=definition.ref,
        timeout=definition.timeout,
        lease=lease,
        image=definition.image,
        again=again,
    )
