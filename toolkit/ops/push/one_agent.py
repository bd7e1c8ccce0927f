"""A push of one agent: of the infrastructure only what is its own or everybody's changes, and nobody else's goes.

Pure.
"""

from collections.abc import Iterator, Sequence

from toolkit.core.agent import Project
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.credentials import resolve
from toolkit.ops import credentials


def only(
    subject: Project, names: Names, wanted: Sequence[Item], applied: Sequence[Item]
) -> tuple[Item, ...]:
    """`wanted` as far as it is shared or of the one agent of `subject`, and of what was `applied` everything that is
    not its own: the definitions of other agents still name it, whether or not the project still wants it."""
    (agent,) = subject.agents
    present = {item.key for item in applied}
    places = set(_places(subject, names))

    def ours(item: Item) -> bool:
        if item.kind == "secret":
            return item.key in present or item.name in places
        return _owner(item) in (None, agent.name)

    here = tuple(item for item in wanted if ours(item))
    keys = {item.key for item in here}
    return (*here, *(i for i in applied if i.key not in keys and _owner(i) != agent.name))


def _owner(item: Item) -> str | None:
    return item.tags.get("al:agent")


def _places(subject: Project, names: Names) -> Iterator[str]:
    """The names of the secrets that the agent and the gateway need."""
    yield credentials.cloud_name(names, credentials.GATEWAY_PATH)
    for ref in resolve.project_credentials(subject):
        yield from (names.credential(ref, field.name) for field in resolve.type_of(ref).fields)
