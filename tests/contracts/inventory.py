"""The laws of core.ports.Inventory.

A subclass gives the fixtures `inventory`, `names`, `kind` (each kind of thing in turn), and `world`, the account.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest

from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Inventory


class World(Protocol):
    """An account, seen and changed without the inventory."""

    def called(self, kind: str) -> str:
        """The name that we give a thing of this kind."""

    def make(self, kind: str, tags: Mapping[str, str]) -> None:
        """One under that name and with these tags, with something in it."""

    def picture(self) -> Mapping[Any, Any]:
        """Everything that the account holds, whoever made it, as values that can be compared."""


def keys(items: tuple[Item, ...]) -> list[tuple[str, str]]:
    return [item.key for item in items]


def of_dev(names: Names) -> dict[str, str]:
    """Of something that belongs to the agent `dev`."""
    return names.tags(agent="dev")


class InventoryContract:
    """Whatever lists an account's things, and takes them away."""

    def test_an_account_without_anything_of_ours_holds_nothing(self, inventory: Inventory) -> None:
        """An empty answer, no error."""
        found = inventory.found()
        assert (found.ours, found.left) == ((), ())

    def test_what_carries_our_tags_is_found_once(
        self, inventory: Inventory, names: Names, kind: str, world: World
    ) -> None:
        """Under our name, with its tags, whoever made it."""
        world.make(kind, of_dev(names))
        found = [item for item in inventory.found().ours if item.kind == kind]
        assert keys(tuple(found)) == [(kind, world.called(kind))]
        assert names.owns(dict(found[0].tags))

    def test_what_is_removed_is_gone(
        self,
        inventory: Inventory,
        names: Names,
        kind: str,
        world: World,
    ) -> None:
        """Whole, and when `remove` returns; nothing else changes, and removing again is fine."""
        before = world.picture()
        world.make(kind, of_dev(names))
        ours = inventory.found().ours
        for item in (*ours, *ours):
            inventory.remove(item)
        assert inventory.found().ours == ()
        assert {k: v for k, v in world.picture().items() if not _helps(k)} == before

    def test_what_was_never_there_can_be_removed(
        self, inventory: Inventory, names: Names, kind: str, world: World
    ) -> None:
        """As after an interruption."""
        inventory.remove(Item(kind=kind, name=world.called(kind), tags=of_dev(names)))

    def test_a_stranger_s_under_our_name_stays(
        self,
        inventory: Inventory,
        names: Names,
        kind: str,
        world: World,
    ) -> None:
        """It is named among what is left, and `remove` refuses it whatever tags the item claims."""
        world.make(kind, {})
        before, found = world.picture(), inventory.found()
        assert found.ours == ()
        assert kind in {left.item.kind for left in found.left}
        for left in found.left:
            with pytest.raises(Conflict, match=r"not this environment's|but not of"):
                inventory.remove(replace(left.item, tags=of_dev(names), attributes={}))
        assert world.picture() == before

    def test_almost_our_tags_are_not_our_tags(
        self,
        inventory: Inventory,
        names: Names,
        kind: str,
        world: World,
    ) -> None:
        """With one of another value it is another environment's: neither found, nor left over, nor touched."""
        world.make(kind, {**of_dev(names), "al:environment": "other"})
        before = world.picture()
        found = inventory.found()
        assert (found.ours, [left.item for left in found.left if not _helps(left.item.key)]) == (
            (),
            [],
        )
        with pytest.raises(Conflict):
            inventory.remove(Item(kind=kind, name=world.called(kind), tags=of_dev(names)))
        assert world.picture() == before

    def test_a_kind_that_nobody_makes_is_refused(self, inventory: Inventory) -> None:
        """Nothing is guessed."""
        with pytest.raises(Conflict, match="al does not make"):
            inventory.remove(Item(kind="castle", name="elsinore"))


def _helps(key: Any) -> bool:
    """What a maker needs for its thing, and leaves: it is no part of what is judged."""
    return "lender" in str(key) or "helper" in str(key)
