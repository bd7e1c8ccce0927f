"""What can be said of agents only when all of them, and the project, are known."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from toolkit.core.agent import Agent

from .agents import ACTIONS, OLD_CONFIG, SKILL
from .origin import Merged, dotted
from .problems import Findings, nearest
from .schedule import next_run
from .schema import Config


def check_agents(
    agents: Sequence[Agent],
    config: Config,
    *,
    directory: Path,
    merged: Merged,
    now: datetime,
    findings: Findings,
) -> None:
    """Findings about overrides of nobody, schedules that never fire, agents that nothing starts, and the caps."""
    names = [str(agent.name) for agent in agents]
    for name in config.agents.keys() - set(names):
        layer = merged.layer_of(("agents", name))
        remedy = nearest(name, names, otherwise="agents are directories in agents/: {known}")
        where, words = layer.name if layer else "config.toml", "there is no such agent"
        if (directory / "agents" / name).is_dir():
            words, remedy = f"agents/{name} is not an agent", f"write its instructions to {SKILL}"
        findings.error(where, dotted(("agents", name)), words, remedy)
    for name in (name for name, count in Counter(names).items() if count > 1):
        places = " and ".join(_shown(agent) for agent in agents if agent.name == name)
        words = f"there are two agents of this name: {places}"
        findings.error("agents", name, words, "rename one of them")
    for agent in agents:
        _check_start(agent, now, findings)
        _check_instances(agent, findings)
    _check_scale(agents, config, merged, findings)


def check_strays(directory: Path, findings: Findings) -> None:
    """Findings about directories in agents/ that are not agents, or are agents twice."""
    for place in _folders(directory / "agents"):
        shown = str(place.relative_to(directory))
        if (place / SKILL).exists() and (place / OLD_CONFIG).exists():
            findings.warn(shown, "", f"{OLD_CONFIG} is not read beside {SKILL}", "remove it")
        if not any((place / name).exists() for name in (SKILL, OLD_CONFIG, ACTIONS)):
            findings.warn(shown, "", "is not an agent", f"write its instructions to {SKILL}")


def _folders(agents: Path) -> Iterator[Path]:
    for place in sorted(agents.iterdir()) if agents.is_dir() else ():
        if place.is_dir() and not place.name.startswith(".") and place.name != "node_modules":
            yield place


def _shown(agent: Agent) -> str:
    """The agent's directory in messages; the oldest projects keep agents beside config.toml."""
    within = agent.directory.parent.name == "agents"
    return f"agents/{agent.name}" if within else str(agent.name)


def _check_start(agent: Agent, now: datetime, findings: Findings) -> None:
    file = _shown(agent)
    if agent.schedule and next_run(agent.schedule, now) is None:
        words = f"{agent.schedule!r} never fires (next run: never)"
        findings.warn(file, "schedule", words, "correct the day or the month")


def _check_instances(agent: Agent, findings: Findings) -> None:
    kinds = Counter(ref.type for ref in agent.credentials)
    for kind in (kind for kind, count in kinds.items() if count > 1):
        words = f"several instances of {kind}: the first has its plain variables, the others VARIABLE__INSTANCE"
        findings.warn(_shown(agent), "credentials", words, "put the main one first")


def _check_scale(
    agents: Sequence[Agent], config: Config, merged: Merged, findings: Findings
) -> None:
    cap = config.scale
    if cap is None:
        return
    for agent in (agent for agent in agents if agent.scale > cap):
        words = f"{agent.scale} is more than the project's scale of {cap}"
        findings.error(_shown(agent), "scale", words, "lower it, or raise the project's")
    if (total := sum(agent.scale for agent in agents)) > cap:
        words = f"the agents' scales come to {total}, so some runs will wait"
        findings.warn(merged.origin_of("scale"), "scale", words, f"raise it to {total}")
