"""How the sandbox's engine makes, changes and removes things: one file per family of Pulumi's types.  AWS's are here,
Google's in the directory gcp.

A file knows its service's calls and nothing of plans, states or Pulumi.  It exports WHOLES, the types that carry
tags, and PARTS, those that belong to a whole (a role's policy), both from type token to class.  Inputs of Pulumi's
provider that our components do not use are left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from toolkit.core.errors import AlError

Clients = Callable[[str], Any]  # a boto3 client by the name of its service
Inputs = Mapping[str, Any]
Made = tuple[
    str, dict[str, Any]
]  # the id, and those outputs beyond the inputs that our programs read

FILES = ("ec2", "ecr", "ecs", "events", "iam", "lambda_", "logs", "secrets")


class Handler(Protocol):
    """What can be done to one type of resource."""

    def create(self, inputs: Inputs) -> Made | None:
        """Make it.  None when the name is taken: the engine then looks whose it is."""

    def update(self, inputs: Inputs) -> Made:
        """Set everything that the inputs say, on what is there."""

    def delete(self, ref: str) -> None:
        """Remove it with all that is in it.  One that is not there is fine."""


class Whole(Handler, Protocol):
    """A type that carries tags."""

    @staticmethod
    def ref(inputs: Inputs) -> str:
        """The id of what has these inputs: what was made before and has another one cannot become it."""

    def present(self, ids: Iterable[str]) -> set[str]:
        """Which of them exist."""

    def tags(self, ref: str) -> dict[str, str] | None:
        """Its tags, or None when it is not there."""


class Part(Handler, Protocol):
    """A type that belongs to a whole, and goes with it."""

    whole: str

    def of(self, ref: str) -> str:
        """The id of the whole."""


class Resources:
    """Every type that one of our programs uses."""

    def __init__(
        self, clients: Any, *, place: str = __name__, files: Sequence[str] = FILES
    ) -> None:
        """`clients` is what the classes in the `files` of the package `place` are made with."""
        modules = [import_module(f"{place}.{name}") for name in files]
        self._wholes: dict[str, Whole] = {
            token: make(clients) for m in modules for token, make in m.WHOLES.items()
        }
        self._parts: dict[str, Part] = {
            token: make(clients) for m in modules for token, make in m.PARTS.items()
        }

    def handler(self, token: str) -> Handler:
        """Raises AlError for a type that nobody has written a handler for."""
        found = self._wholes.get(token) or self._parts.get(token)
        if found is None:
            raise AlError(
                f"the sandbox's engine does not know {token}",
                hint="add it to a file of toolkit/sandbox/resources",
            )
        return found

    def owner(self, token: str, ref: str) -> tuple[str, str]:
        """The token and id of what carries the tags: the thing itself, or what it is a part of."""
        part = self._parts.get(token)
        return (part.whole, part.of(ref)) if part else (token, ref)

    def ref(self, token: str, inputs: Inputs) -> str | None:
        """The id that a whole with these inputs has; None for a part."""
        whole = self._wholes.get(token)
        return whole.ref(inputs) if whole else None

    def present(self, token: str, ids: Iterable[str]) -> set[str]:
        return self._wholes[token].present(ids)

    def tags(self, token: str, ref: str) -> dict[str, str] | None:
        whole, its_ref = self.owner(token, ref)
        return self._wholes[whole].tags(its_ref)


def by_name(inputs: Inputs) -> str:
    """The `ref` of what is known by its name."""
    return str(inputs["name"])


def mapping(
    tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """Tags as a mapping, from the list of pairs that most services answer with."""
    return {tag[key]: tag[value] for tag in tags}
