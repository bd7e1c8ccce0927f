"""Starting a run by hand: everything that can be wrong is found before anything is made."""

from collections.abc import Callable

from toolkit.core.agent import Agent, AgentName
from toolkit.core.errors import LaunchError, NotFound
from toolkit.core.run import Run, RunId, RunModels, Trigger, TriggerKind
from toolkit.llm.candidates import Flags
from toolkit.ops.turn import turn_for
from toolkit.scheduler import switches
from toolkit.scheduler.attempt import Patience
from toolkit.scheduler.dispatch import dispatch
from toolkit.scheduler.switches import Switches
from toolkit.wiring import Services

NO_FLAGS = Flags()
PATIENCE = 120.0  # seconds for which a platform without a free place is asked again


def start(
    services: Services,
    name: str,
    prompt: str | None,
    *,
    flags: Flags = NO_FLAGS,
    trigger: Trigger | None = None,
    note: Callable[[str], None],
) -> Run:
    """Through the scheduler of this project and environment where one runs on this machine, which keeps to the agent's
    scale; else at once.

    `flags` are of the model, for this run only, and `trigger` is what starts it in place of a user's hand and prompt: with
    that, or a key of this run's own, which no gateway is to see, no scheduler is asked.

    Raises UsageError for an unknown agent, NotFound for one that was not pushed, ConfigError for settings that contradict
    each other, CredentialError, LaunchError.

    The notes of what it raises, KeyboardInterrupt too, say what became of the run that was recorded.
    """
    if services.project is None:
        raise LaunchError(
            "there is no project here", hint="go to the project's directory, or name it with -p"
        )
    agent = services.project.agent(name)
    there = services.for_agent(agent)
    typed = flags.anthropic_key is not None or bool(flags.keys)
    alone = trigger is not None or typed or flags.compatible
    if not alone and (run := _through(services, agent.name, prompt, flags)):
        if agent.name in _turned(services).disabled:
            note(f"• {agent.name} is paused: the run waits until `al resume {agent.name}`")
        return run
    models = _models(there, agent, flags, note)
    if services.environment.cloud is None:
        services.ledger.prepare()
    if there.environment.cloud is None:
        _prepare_here(there, agent, note)
    _note_off(services, agent.name, note)
    trigger = trigger or Trigger(
        agent=agent.name,
        kind=TriggerKind.MANUAL,
        prompt=prompt,
        llm_provider=flags.provider,
        llm_model=flags.model,
    )
    patience = Patience(seconds=PATIENCE, note=note)
    turn = turn_for(services, agent, models, trigger, note=note)
    return dispatch(services, trigger, patience, models=models, place=there, turn=turn)


def _note_off(services: Services, agent: AgentName, note: Callable[[str], None]) -> None:
    """A pause is for what starts by itself; who starts a run by hand means it."""
    turned = _turned(services)
    if turned.paused or agent in turned.disabled:
        what = "all is paused" if turned.paused else f"{agent} is paused"
        note(f"• {what}; what you start by hand runs all the same")


def _turned(services: Services) -> Switches:
    try:
        return switches.read(services.ledger)
    except NotFound:  # nothing was ever kept here
        return Switches()


def _through(services: Services, agent: AgentName, prompt: str | None, flags: Flags) -> Run | None:
    """A run that the scheduler has queued; None where none runs here.  Raises Conflict while it is paused."""
    from toolkit.ops import running
    from toolkit.ops.remote import Refused, Remote, gateway_key

    if (scheduler := running.found(services)) is None:
        return None
    if (key := gateway_key(services)) is None:
        return None
    try:
        told = Remote(url=scheduler.url, key=key).post(
            f"/control/trigger/{agent}",
            prompt=prompt,
            llmProvider=flags.provider,
            llmModel=flags.model,
        )
    except Refused:  # it has just ended
        return None
    return services.ledger.get(RunId.parse(told["instanceId"]))


def _models(
    services: Services, agent: Agent, flags: Flags, note: Callable[[str], None]
) -> RunModels | None:
    from toolkit.ops.llm.ready import made_ready
    from toolkit.ops.llm.serving import Means
    from toolkit.ops.local import permitted
    from toolkit.ops.settings import for_run

    if services.environment.cloud is not None:
        return for_run(services, agent, flags, note=note)
    permitted(services, agent)
    models = for_run(services, agent, flags, note=note)
    means = Means(home=services.context.home, note=note)
    return made_ready(models, means, compatible=flags.compatible)


def _prepare_here(services: Services, agent: Agent, note: Callable[[str], None]) -> None:
    """Without a cloud there is nothing to push to: what push would record is made on the spot."""
    from toolkit.ops.local import prepare

    prepare(services, agent, note=note)
