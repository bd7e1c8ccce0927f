"""What the model of a run would be told, without starting one: for `al run AGENT --print-prompt`.

Put together by the same functions as in a container.  Inline commands of SKILL.md are shown, not run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.core.agent import Agent, Project
from toolkit.core.clock import iso, now
from toolkit.core.errors import LaunchError, UsageError
from toolkit.core.placement import runtime_name
from toolkit.core.run import Run, RunId, Trigger, TriggerKind
from toolkit.credentials.resolve import type_of
from toolkit.images.context import STATIC, agent_files
from toolkit.inside.prompt import dynamic_prompt, sharing_prompt
from toolkit.ops.local import surroundings
from toolkit.scheduler.roster import of_project
from toolkit.scheduler.sharing import sharing
from toolkit.wiring import Services

CALLER = "CALLER-00000000"  # of a call that nobody has made


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`instructions` are the system's part, `message` is the one message of the user's side.  `note` is for whoever asks."""

    instructions: str
    message: str
    note: str = ""

    def text(self) -> str:
        return (
            f"--- instructions ---\n{self.instructions.strip()}\n\n--- message ---\n{self.message}"
        )


def told(
    services: Services,
    name: str,
    prompt: str | None,
    cause: str | None = None,
    webhook: Path | None = None,
) -> Told:
    """Of a run that starts by `cause` (manual, schedule, rerun, call) or by the webhook in a file; by hand, where neither
    is said.

    Raises UsageError for an agent that is not there, or asks no model, and for a cause that has no prompt of its own.
    """
    if services.project is None:
        raise LaunchError(
            "there is no project here", hint="go to the project's directory, or name it with -p"
        )
    agent = services.project.agent(name)
    if agent.script:
        raise UsageError(
            f"{agent.name} runs its test-script.sh, and no model",
            hint="remove the script, or choose another agent",
        )
    trigger, note = _trigger(services.project, agent, prompt, cause, webhook)
    parts = [_static(services, services.project, agent), *_sharing(services, trigger, agent)]
    facts = {"kind": trigger.kind.value, "source": trigger.source, "context": trigger.context}
    parts.append(dynamic_prompt(facts, trigger.prompt))
    return Told(instructions=agent.instructions, message="\n\n".join(parts), note=note)


def _static(services: Services, project: Project, agent: Agent) -> str:
    types = {ref.type: type_of(ref) for ref in agent.credentials}
    place = surroundings(agent, services.environment)
    return agent_files(project, agent, types, place)[f"{STATIC}/prompt-static.txt"].data.decode()


def _trigger(
    project: Project, agent: Agent, prompt: str | None, cause: str | None, webhook: Path | None
) -> tuple[Trigger, str]:
    """What starts the run, and what is to be said of it."""
    if webhook and (cause or prompt):
        raise UsageError("a webhook is the whole cause", hint="leave --trigger and PROMPT out")
    if webhook:
        return _of_webhook(project, agent, webhook)
    if cause == "call":
        said = {"context": prompt or ""}
        kind = TriggerKind.CALL
        return Trigger(agent=agent.name, kind=kind, source=CALLER, context=said, depth=1), ""
    if cause in ("schedule", "rerun") and prompt:
        raise UsageError(f"a {cause} has no prompt", hint="leave PROMPT out")
    kind = TriggerKind.SCHEDULE if _by_schedule(agent, cause) else TriggerKind.MANUAL
    return Trigger(agent=agent.name, kind=kind, prompt=prompt), ""


def _by_schedule(agent: Agent, cause: str | None) -> bool:
    """A rerun is told what its first run was, but for a user's prompt."""
    return cause == "schedule" or (cause == "rerun" and bool(agent.schedule))


def _of_webhook(project: Project, agent: Agent, file: Path) -> tuple[Trigger, str]:
    from toolkit.ops import webhook

    seen = webhook.tried(project, webhook.read(file, ()), None)
    if seen.context is None:
        raise UsageError(
            f"{file}: no event, as a ping or a body without its headers is none",
            hint="nothing starts by it",
        )
    wanted = seen.wanted_by.get(agent.name)
    note = f"{agent.name} does not want it: `al webhook simulate {file}` shows why"
    context = seen.context.to_dict(timestamp=iso(now()))
    trigger = Trigger(agent=agent.name, kind=TriggerKind.WEBHOOK, source=wanted, context=context)
    return trigger, "" if wanted else note


def _sharing(services: Services, trigger: Trigger, agent: Agent) -> Iterator[str]:
    """Locks and calls, where there is a gateway."""
    assert services.project is not None  # noqa: S101 - looked at above
    if not _has_gateway(services):
        return
    run = Run(
        id=RunId.new(agent.name),
        agent=agent.name,
        runtime=runtime_name(agent, services.environment),
        trigger=trigger.kind,
        created=iso(now()),
        depth=trigger.depth,
    )
    yield sharing_prompt(sharing(of_project(services.project), run))


def _has_gateway(services: Services) -> bool:
    if services.environment.gateway_url:
        return True
    if services.environment.cloud is None:
        services.ledger.prepare()
    return bool((services.ledger.fact("gateway") or {}).get("url"))
