"""What the model of a run would be told, without starting one: for `al run AGENT --print-prompt`.

Put together by the same functions as in a container.  Inline commands of SKILL.md are shown, not run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.core.agent import Agent
from toolkit.core.clock import iso, now
from toolkit.core.errors import LaunchError, UsageError
from toolkit.core.placement import runtime_name
from toolkit.core.run import Run, RunId, TriggerKind
from toolkit.credentials.resolve import type_of
from toolkit.images.context import STATIC, agent_files
from toolkit.inside.prompt import dynamic_prompt, sharing_prompt
from toolkit.scheduler.roster import of_project
from toolkit.scheduler.sharing import sharing
from toolkit.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """`instructions` are the system's part, `message` is the one message of the user's side."""

    instructions: str
    message: str

    def text(self) -> str:
        return (
            f"--- instructions ---\n{self.instructions.strip()}\n\n--- message ---\n{self.message}"
        )


def told(services: Services, name: str, prompt: str | None) -> Told:
    """Of a run that is started by hand.  Raises UsageError for an agent that is not there, or asks no model."""
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
    files = agent_files(
        services.project, agent, {ref.type: type_of(ref) for ref in agent.credentials}
    )
    parts = [files[f"{STATIC}/prompt-static.txt"].data.decode(), *_sharing(services, agent)]
    parts.append(dynamic_prompt({"kind": TriggerKind.MANUAL.value}, prompt))
    return Told(instructions=agent.instructions, message="\n\n".join(parts))


def _sharing(services: Services, agent: Agent) -> Iterator[str]:
    """Locks and calls, where there is a gateway."""
    assert services.project is not None  # noqa: S101 - looked at above
    if not _has_gateway(services):
        return
    run = Run(
        id=RunId.new(agent.name),
        agent=agent.name,
        runtime=runtime_name(agent, services.environment),
        trigger=TriggerKind.MANUAL,
        created=iso(now()),
    )
    yield sharing_prompt(sharing(of_project(services.project), run))


def _has_gateway(services: Services) -> bool:
    if services.environment.gateway_url:
        return True
    if services.environment.cloud is None:
        services.ledger.prepare()
    return bool((services.ledger.fact("gateway") or {}).get("url"))
