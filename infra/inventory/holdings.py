"""What every inventory does with what its nouns have found; the same on every cloud."""

from collections.abc import Iterable, Sequence

from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.parallel import at_once
from toolkit.core.plan import Item
from toolkit.core.ports import Holdings, Left

from .account import Noun

NOT_OURS = "not ours: it does not carry this environment's tags"


def observed(nouns: Sequence[Noun]) -> list[Item]:
    """All services at once: each has its own limits."""
    seen = at_once(lambda noun: tuple(noun.observe()), nouns, most=len(nouns))
    return [item for some in seen for item in some]


def sorted_out(names: Names, seen: Iterable[Item]) -> Holdings:
    """Pure: ours, and what stays.  Another environment's things under a name like ours are its own business; what has
    only some of the tags is nobody's, and so is said to stay."""
    ours: list[Item] = []
    left: list[Left] = []
    others: list[Item] = []
    for item in seen:
        if names.owns(dict(item.tags)):
            kept = item.attributes.get("kept")
            left.append(Left(item=item, why=kept)) if kept else ours.append(item)
        elif names.tags().keys() <= item.tags.keys():
            others.append(item)
        else:
            left.append(Left(item=item, why=NOT_OURS))
    return Holdings(ours=tuple(ours), left=tuple(left), others=tuple(others))


def unknown(item: Item) -> Conflict:
    """Of an item that no noun removes."""
    return Conflict(
        f"{item.kind} {item.name} is of a kind that al does not make",
        hint="remove it by hand if nobody needs it",
    )
