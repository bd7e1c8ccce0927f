"""Which agents work in a loop of their own, and what holds where their section does not say it.

`[agents.<name>]` makes one with `roles`, `forgeUser` or `pollInterval`; and with `baseUrl`, where nothing else would ever
start the agent.
"""

from collections.abc import Iterable

from toolkit.core.agent import Agent, AgentName, Hired

from .agent_schema import AgentOverride
from .origin import dotted
from .problems import Findings

ROLES = ("dev",)
POLL_INTERVAL = 60  # seconds
MINUTE = 60  # seconds: no cloud's timer wakes the gateway more often


def hired(name: AgentName, section: AgentOverride) -> Hired | None:
    """None for an agent that is started as all others are."""
    own = bool(section.schedule or section.webhooks)
    said = (section.roles, section.forge_user, section.poll_interval)
    if all(one is None for one in said) and (own or section.base_url is None):
        return None
    return Hired(
        roles=section.roles or ROLES,
        forge_user=section.forge_user or f"{name}-bot",
        poll=section.poll_interval or (None if own else POLL_INTERVAL),
    )


def check_polls(agents: Iterable[Agent], findings: Findings) -> None:
    """Say of agents in a cloud whose loops become slower than what is written."""
    for agent in agents:
        poll = agent.hired.poll if agent.hired else None
        if poll and in_cloud(poll) != poll:
            key = dotted(("agents", agent.name, "pollInterval"))
            words = f"{poll} s become {in_cloud(poll)} s in a cloud, which looks once a minute"
            findings.warn("config.toml", key, words, "write whole minutes to have no surprise")


def in_cloud(poll: int) -> int:
    """The interval as a cloud keeps it: whole minutes, rounded up."""
    return -(-poll // MINUTE) * MINUTE
