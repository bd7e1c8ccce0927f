"""The laws of core.ports.Store.  A subclass gives the fixtures `store` and `names`."""

import pytest

from toolkit.core.agent import AgentName
from toolkit.core.names import Names
from toolkit.core.ports import Store
from toolkit.core.run import RunId
from toolkit.core.secrets import Secret

RUN = RunId("dev-1a2b3c4d")


def value_of(store: Store, name: str) -> str | None:
    secret = store.get(name)
    return secret.reveal() if secret else None


class StoreContract:
    """Whatever keeps secrets, keeps them so."""

    @pytest.fixture
    def name(self, names: Names) -> str:
        """A run's secret."""
        return names.run_secret(RUN)

    def test_what_was_never_put_is_not_there(self, store: Store, name: str) -> None:
        """Neither readable, nor existing, nor listed."""
        assert value_of(store, name) is None
        assert not store.exists(name)
        assert list(store.list(name)) == []

    @pytest.mark.parametrize("value", ["plain", "two\n\nlines", "»ü« \t.", "x" * 65_536])
    def test_a_value_comes_back_exactly(
        self, store: Store, names: Names, name: str, value: str
    ) -> None:
        """Also with lines in it, and as large as a secret can be; white space around it does not matter."""
        store.put(name, Secret(value), tags=names.tags(run=RUN))
        assert value_of(store, name) == value
        assert store.exists(name)

    def test_a_second_value_replaces_the_first(self, store: Store, names: Names, name: str) -> None:
        """There is one value under a name."""
        store.put(name, Secret("first"), tags=names.tags())
        store.put(name, Secret("second"), tags=names.tags())
        assert value_of(store, name) == "second"
        assert len(list(store.list(name))) == 1

    def test_a_deleted_secret_is_gone(self, store: Store, names: Names, name: str) -> None:
        """At once, for reading, looking and listing; and deleting again is fine."""
        store.put(name, Secret("x"), tags=names.tags())
        store.delete(name)
        store.delete(name)
        assert value_of(store, name) is None
        assert not store.exists(name)
        assert list(store.list(name)) == []

    def test_a_deletion_of_ours_is_not_undone(self, store: Store, names: Names, name: str) -> None:
        """What was deleted through the store is gone for good; what was never there cannot come back either."""
        store.put(name, Secret("x"), tags=names.tags())
        store.delete(name)
        assert store.revive([name, f"{name}other"]) == ()
        assert value_of(store, name) is None

    def test_a_name_can_be_used_again(self, store: Store, names: Names, name: str) -> None:
        """What was deleted does not stand in the way."""
        store.put(name, Secret("first"), tags=names.tags())
        store.delete(name)
        store.put(name, Secret("second"), tags=names.tags())
        assert value_of(store, name) == "second"

    def test_a_list_has_tags_and_times_of_what_begins_so(self, store: Store, names: Names) -> None:
        """Enough for the sweeper to judge; nothing of a neighbour; no values."""
        mine, other = names.run_secret(RUN), names.run_secret(RunId("dev-ops-1a2b3c4d"))
        tags = names.tags(agent="dev", run=RUN, expires="2026-11-20T12:00:00.000Z")
        store.put(mine, Secret("hunter2"), tags=tags)
        store.put(other, Secret("hunter2"), tags=names.tags())
        (listed,) = store.list(names.run_secrets(AgentName("dev")))
        assert (listed.name, listed.tags) == (mine, tags)
        assert listed.created is not None
        assert listed.created.tzinfo is not None
        assert "hunter2" not in repr(listed)
