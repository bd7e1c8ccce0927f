"""Whose the objects of a bucket are that holds Pulumi's state: our stack's, Pulumi's own, or somebody else's.  Pure."""

from collections.abc import Sequence

from toolkit.core.names import Names

ROOT = ".pulumi/"
STACKS = f"{ROOT}stacks/"


def stack(names: Names) -> str:
    """`<project>/<environment>`, as Pulumi writes it into keys."""
    return f"{names.scope.project}/{names.scope.environment}"


def is_ours(names: Names, key: str) -> bool:
    """Whether it is of our stack: its checkpoint (`.pulumi/stacks/<project>/<stack>.json` and what stands beside it), its
    history, backups and locks (https://www.pulumi.com/docs/iac/concepts/state-and-backends/)."""
    room, _, rest = key.removeprefix(ROOT).partition("/")
    rest = rest.removeprefix("organization/") if room == "locks" else rest
    ours = stack(names)
    return key.startswith(ROOT) and rest.startswith((f"{ours}.", f"{ours}/"))


def others_in(names: Names, keys: Sequence[str]) -> list[str]:
    """What is neither our stack's nor Pulumi's own: other stacks, and objects that somebody else has put there."""
    return [
        key
        for key in keys
        if not is_ours(names, key) and (key.startswith(STACKS) or not key.startswith(ROOT))
    ]


def some(keys: Sequence[str]) -> str:
    """In words: the first, and how many more."""
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return f"{keys[0]}{more}"
