"""Whether what a project's things would be called in AWS can be their names, and is nobody else's.

Pure.  The names themselves are made by core.names; here nothing is made up or shortened.
"""

from collections.abc import Iterator, Sequence

from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.aws_limits import LONGEST_SECRET_NAME, secret_name_problem
from toolkit.core.names import Names
from toolkit.core.run import RunId
from toolkit.credentials.resolve import type_of

from .problems import Problem


def name_problems(
    agents: Sequence[Agent], refs: Sequence[CredentialRef], names: Names
) -> Iterator[Problem]:
    """What is wrong with the names of these agents' things and of these credentials' secrets."""
    for ref in refs:
        yield from _credential(ref, names)
    for agent in agents:
        yield from _run_secret(agent, names)
    yield from _one_instance(refs)
    yield from _one_owner(agents, names)


def _credential(ref: CredentialRef, names: Names) -> Iterator[Problem]:
    for field in type_of(ref).fields:
        name = names.credential(ref, field.name)
        if words := secret_name_problem(name):
            yield Problem(
                file="[cloud]",
                key="secretPrefix",
                message=f"the secret's name {name!r} {words}",
                remedy=f"change the prefix, or the instance of {ref}",
            )
            return


def _run_secret(agent: Agent, names: Names) -> Iterator[Problem]:
    """A run's secret has the longest name of all: it holds the agent's name twice and 128 random bits."""
    length = len(names.run_secret(RunId.new(agent.name)))
    if length > LONGEST_SECRET_NAME:
        yield Problem(
            file=f"agents/{agent.name}",
            key="",
            message=f"its runs' secrets would have names of {length} characters, and AWS takes "
            f"{LONGEST_SECRET_NAME}",
            remedy="shorten the agent's name (it counts twice), the project's name or [cloud] secretPrefix",
        )


def _one_instance(refs: Sequence[CredentialRef]) -> Iterator[Problem]:
    """AWS tells capitals apart in a secret's name; people, macOS and the desired state do not."""
    seen: dict[str, CredentialRef] = {}
    for ref in refs:
        other = seen.setdefault(f"{ref.type}/{ref.instance}".lower(), ref)
        if other != ref:
            yield Problem(
                file="credentials",
                key=ref.type,
                message=f"'{other}' and '{ref}' differ in capitals only",
                remedy="write the instance the same way everywhere",
            )


def _one_owner(agents: Sequence[Agent], names: Names) -> Iterator[Problem]:
    """Two agents' names can be one after shortening; IAM compares names without case
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    owners: dict[tuple[str, str], Agent] = {}
    for agent in agents:
        for kind, name in _names(agent, names):
            other = owners.setdefault((kind, name.lower()), agent)
            if other is not agent:
                yield Problem(
                    file=f"agents/{agent.name}",
                    key="",
                    message=f"its {kind} would be {name!r}, which is that of the agent {other.name}",
                    remedy="rename one of the two agents",
                )
                break


def _names(agent: Agent, names: Names) -> Iterator[tuple[str, str]]:
    yield "function", names.function(agent.name)
    yield "task definition", names.family(agent.name)
    yield "repository", names.repository(agent.name)
    for purpose in ("task", "execution", "lambda"):
        yield "role", names.role(agent.name, purpose)
