"""Everything that an AWS account holds of one environment: looked for in all services at once, removed in order."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Item
from toolkit.core.ports import Context, Holdings

from .account import Account, Noun
from .buckets import Buckets, States
from .build_projects import BuildProjects
from .clusters import Clusters
from .event_rules import EventRules
from .functions import Functions
from .holdings import observed, sorted_out, unknown
from .log_groups import LogGroups
from .log_streams import LogStreams
from .repositories import Repositories
from .roles import Roles
from .secrets import Secrets
from .security_groups import SecurityGroups
from .tables import Tables
from .task_definitions import TaskDefinitions
from .tasks import Tasks

# The order of removal.  What starts runs goes first, then what runs.  Log groups go after what writes them, roles after everything that
# acts with them (Lambda takes its network interfaces away as the function's role), and the table, which holds the
# deploy lease and what is known of earlier agents, last of what is needed to go on after an interruption.
NOUNS: tuple[Callable[[Account], Noun], ...] = (
    EventRules, Tasks, Functions, LogGroups, TaskDefinitions, Clusters, Repositories, Secrets, SecurityGroups, Roles, States,
    Tables, Buckets,
)  # fmt: skip


class AwsInventory:
    """core.ports.Inventory of the environment's account and region."""

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._names = context.names
        account = Account(
            clients=clients_for(cloud_of(context.environment)), names=context.names, sleep=sleep
        )
        # who never named it needs no right to look for it
        builds = context.environment.images.get("builder") == "codebuild"
        nouns = (BuildProjects, *NOUNS) if builds else NOUNS
        self._nouns: tuple[Noun, ...] = tuple(make(account) for make in nouns)
        self._streams = LogStreams(account)

    def found(self, agent: str | None = None, *, known: Collection[str] = ()) -> Holdings:
        seen = _with_proof(self._names, observed(self._nouns), known)
        inside = () if agent is None else tuple(self._streams.observe(agent))
        return sorted_out(self._names, (*inside, *seen))

    def remove(self, item: Item) -> None:
        for noun in self._nouns:
            if noun.kind == item.kind:
                return noun.remove(item)
        if self._streams.kind == item.kind:
            return self._streams.remove(item)
        raise unknown(item)


def _with_proof(names: Names, seen: Sequence[Item], known: Collection[str]) -> Iterator[Item]:
    """Pure: the items, those that Lambda made for a function of ours with our tags as if they had them.

    A function of that very name that is somebody else's is the one that writes the group.
    """
    ours = [item for item in seen if names.owns(dict(item.tags))]
    agents = {*known, *(item.tags["al:agent"] for item in ours if "al:agent" in item.tags)}
    parts: dict[str, str | None] = {names.function(agent): agent for agent in agents}
    parts |= _gateway(names, ours)
    foreign = {i.name for i in seen if i.kind == Functions.kind and i not in ours}
    for item in seen:
        function = item.attributes.get("function")
        if item.tags or function not in parts or function in foreign:
            yield item
        else:
            yield replace(item, tags=names.tags(agent=parts[function]))


def _gateway(names: Names, ours: Iterable[Item]) -> dict[str, str | None]:
    """The gateway's function, when something shows that there is or has been one."""
    traces = {("function", names.function(GATEWAY)), ("role", names.role(GATEWAY, "lambda")),
              ("repository", names.repository(GATEWAY))}  # fmt: skip
    return {names.function(GATEWAY): None} if any(item.key in traces for item in ours) else {}
