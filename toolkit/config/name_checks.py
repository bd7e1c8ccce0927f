"""Whether what a project's things would be called in a cloud can be their names, and is nobody else's.

Pure.  The names themselves are made by core.names and core.gcp_names; here nothing is made up or shortened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from toolkit.core.agent import Agent, CredentialRef
from toolkit.core.aws_limits import LONGEST_SECRET_NAME, secret_name_problem
from toolkit.core.environment import Scope
from toolkit.core.gcp_names import LONGEST_SECRET, secret_id
from toolkit.core.names import Names
from toolkit.core.run import RunId
from toolkit.credentials.resolve import type_of

from .problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A cloud's: `refusal` says why a secret cannot have a name, and `things` what an agent's things are called, by kind."""

    cloud: str
    longest: int  # characters of a secret's name, as `length` counts them
    length: Callable[[str], int]
    refusal: Callable[[str], str | None]
    things: Callable[[Agent], Iterator[tuple[str, str]]]


def aws_rules(scope: Scope) -> Rules:
    return Rules(
        cloud="AWS",
        longest=LONGEST_SECRET_NAME,
        length=len,
        refusal=secret_name_problem,
        things=lambda agent: _aws_names(agent, Names(scope)),
    )


def google_rules() -> Rules:
    """What keeps agents' names apart keeps apart what Google's names are made of."""
    return Rules(
        cloud="Google Cloud",
        longest=LONGEST_SECRET,
        length=lambda name: len(secret_id(name)),
        refusal=_google_refusal,
        things=lambda _: iter(()),
    )


def name_problems(
    agents: Sequence[Agent], refs: Sequence[CredentialRef], names: Names, rules: Rules
) -> Iterator[Problem]:
    """What is wrong with the names of these agents' things and of these credentials' secrets."""
    for ref in refs:
        yield from _credential(ref, names, rules)
    for agent in agents:
        yield from _run_secret(agent, names, rules)
    yield from _one_instance(refs)
    yield from _one_owner(agents, rules)


def _credential(ref: CredentialRef, names: Names, rules: Rules) -> Iterator[Problem]:
    for field in type_of(ref).fields:
        name = names.credential(ref, field.name)
        if words := rules.refusal(name):
            yield Problem(
                file="[cloud]",
                key="secretPrefix",
                message=f"the secret's name {name!r} {words}",
                remedy=f"change the prefix, or the instance of {ref}",
            )
            return


def _run_secret(agent: Agent, names: Names, rules: Rules) -> Iterator[Problem]:
    """A run's secret has the longest name of all: it holds the agent's name twice and 128 random bits."""
    length = rules.length(names.run_secret(RunId.new(agent.name)))
    if length > rules.longest:
        yield Problem(
            file=f"agents/{agent.name}",
            key="",
            message=f"its runs' secrets would have names of {length} characters, and {rules.cloud} takes "
            f"{rules.longest}",
            remedy="shorten the agent's name (it counts twice), the project's name or [cloud] secretPrefix",
        )


def _one_instance(refs: Sequence[CredentialRef]) -> Iterator[Problem]:
    """Clouds tell capitals apart in a secret's name; people, macOS and the desired state do not."""
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


def _one_owner(agents: Sequence[Agent], rules: Rules) -> Iterator[Problem]:
    """Two agents' names can be one after shortening; AWS's IAM compares names without case
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    owners: dict[tuple[str, str], Agent] = {}
    for agent in agents:
        for kind, name in rules.things(agent):
            other = owners.setdefault((kind, name.lower()), agent)
            if other is not agent:
                yield Problem(
                    file=f"agents/{agent.name}",
                    key="",
                    message=f"its {kind} would be {name!r}, which is that of the agent {other.name}",
                    remedy="rename one of the two agents",
                )
                break


def _google_refusal(name: str) -> str | None:
    length = len(secret_id(name))
    if length <= LONGEST_SECRET:
        return None
    return f"has {length} characters as an id on Google Cloud, which takes {LONGEST_SECRET}"


def _aws_names(agent: Agent, names: Names) -> Iterator[tuple[str, str]]:
    yield "function", names.function(agent.name)
    yield "task definition", names.family(agent.name)
    yield "repository", names.repository(agent.name)
    for purpose in ("task", "execution", "lambda"):
        yield "role", names.role(agent.name, purpose)
