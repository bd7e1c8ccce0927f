"""Whether hired agents can begin: all that is missing is said at once, before anything is turned.

What only may be wrong, a model server that does not answer, is a warning: it may come up later, and the agent's loop with it.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from toolkit.core.agent import Agent
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.parallel import at_once
from toolkit.credentials import resolve
from toolkit.llm.providers import provider
from toolkit.ops import local
from toolkit.ops.hire.steps import KEY
from toolkit.wiring import Services

AT_ONCE = 8  # servers that are asked at the same time
# what switched such agents on in a predecessor: it is set where somebody believes that it still does
OLD_SWITCHES = ("ENABLE_LLAMA_AGENT",)


def refuse_old_switches(variables: Mapping[str, str]) -> None:
    """Raises ConfigError with what to do instead."""
    for name in OLD_SWITCHES:
        if variables.get(name, "").strip().lower() not in ("", "0", "false", "no"):
            raise ConfigError(
                f"{name} is set, and starts nothing any more",
                hint=f"unset {name}, then `al hire NAME ROLE --local-model URL` and `al up NAME`",
            )


def check(
    services: Services, agents: Iterable[Agent], *, variables: Mapping[str, str] = os.environ
) -> None:
    """Raises CredentialError naming everything that is missing, and ConfigError for an agent that may not run here."""
    if services.environment.cloud is not None:
        return  # a push has asked for all of it
    agents = list(agents)
    for agent in agents:
        local.permitted(services, agent)
    missing = [words for agent in agents for words in _missing(services, agent, variables)]
    if missing:
        hints = dict.fromkeys(hint for _, hint in missing)
        raise CredentialError("; ".join(words for words, _ in missing), hint="\n".join(hints))


def warn_of_servers(
    services: Services, agents: Iterable[Agent], *, note: Callable[[str], None]
) -> None:
    """Ask the model servers of their own whether they answer, from where the agents run."""
    if services.environment.cloud is not None:
        return
    from toolkit.ops.llm.check import at_home

    asked = [a for a in agents if not a.script and any(model.base_url for model in a.models)]
    found = at_once(lambda agent: list(at_home(services, agent, set())), asked, most=AT_ONCE)
    for check in (one for checks in found for one in checks):
        if failure := check.probe.failure:
            note(f"{check.agent}: {failure.message} (asked from {check.place})")
            note(f"  → {failure.remedy}")


def _missing(
    services: Services, agent: Agent, variables: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """What is missing, and what to do about it."""
    role = agent.hired.roles[0] if agent.hired else "ROLE"
    refs = resolve.required(replace(agent, models=()))
    lacking = [
        path for path in resolve.required_fields(refs) if services.local_store.get(path) is None
    ]
    if lacking:
        yield (
            f"{agent.name} lacks {', '.join(lacking)}",
            f"`al hire {agent.name} {role}`, or `al creds add`",
        )
    for ref in resolve.required(replace(agent, credentials=())):
        if services.local_store.get(f"{ref.type}/{ref.instance}/token") is None:
            names = provider(ref.type.removesuffix("_key")).key_variables
            yield (
                f"{agent.name} needs a key, {' or '.join(names)}, and {ref} is not stored",
                f"{_hired_again(agent, role, names, variables)}`al creds add {ref}`",
            )


def _hired_again(
    agent: Agent, role: str, names: Sequence[str], variables: Mapping[str, str]
) -> str:
    """How hiring stores the key, which it does for one provider: a hired agent takes no key from anybody's shell."""
    if KEY not in names:
        return ""
    where = f"{KEY} is set here, and" if variables.get(KEY) else f"set {KEY}, and"
    return f"{where} `al hire {agent.name} {role}` stores it for the agent; or "
