"""What an agent's definition remembers: the versions before it, and those that it was rolled back from."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import MemoryLedger, MemoryStore
from tests.services import FakeServices
from toolkit.core.agent import Agent, AgentName, CredentialRef
from toolkit.ops import definitions
from toolkit.scheduler.dispatch import Definition, definition_of, fact_key

DEV = Agent(name=AgentName("dev"), directory=Path("dev"), instructions="Work.", script=True)


@pytest.fixture
def services(tmp_path: Path) -> FakeServices:
    return FakeServices(tmp_path, ledger=MemoryLedger(), store=MemoryStore())


def wanted(services: FakeServices, image: str, **changes: Any) -> definitions.Wanted:
    settings: dict[str, Any] = {
        "agent": DEV,
        "runtime": "memory",
        "item": services.runtime("memory").definition(DEV, image),
        "image": image,
        "credentials": (),
    }
    return definitions.Wanted(**(settings | changes))


def push(services: FakeServices, image: str, **changes: Any) -> Definition:
    facts, new = services.ledger.facts(""), wanted(services, image, **changes)
    return Definition.from_fact(definitions.define(services, new, facts, moment=f"push of {image}"))


def roll_back(services: FakeServices) -> Definition:
    older = definitions.rolled_back(definition_of(services, DEV.name))
    services.ledger.set_fact(fact_key("dev"), older.to_fact())
    return older


def images(versions: tuple[Any, ...]) -> list[str]:
    return [version["image"] for version in versions]


def test_the_versions_before_are_remembered_newest_first(services: FakeServices) -> None:
    """As many as `keepImages`."""
    for image in ("1", "2", "3", "4", "5"):
        last = push(services, image)
    assert images(last.previous) == ["4", "3", "2"]


def test_the_same_version_again_has_the_same_history(services: FakeServices) -> None:
    """A push of everything again is not a step that could be undone."""
    push(services, "1")
    first = push(services, "2")
    assert push(services, "2") == first


def test_a_rollback_returns_the_version_whole(services: FakeServices) -> None:
    """Its reference, image, timeout and credentials are those that it was pushed with."""
    before = push(services, "1", credentials=("github_token/default/token",))
    push(services, "2")
    after = roll_back(services)
    assert after.version() == before.version()
    assert (images(after.previous), images(after.newer)) == ([], ["2"])


def test_a_second_rollback_goes_further_back(services: FakeServices) -> None:
    """Nothing that was rolled back from is returned to."""
    for image in ("1", "2", "3"):
        push(services, image)
    roll_back(services)
    last = roll_back(services)
    assert (last.image, images(last.newer)) == ("1", ["2", "3"])
    with pytest.raises(IndexError):
        definitions.rolled_back(last)


def test_a_push_after_a_rollback_goes_forward_and_says_so(services: FakeServices) -> None:
    """To the version that is there already, whose history is what it was before."""
    push(services, "1")
    before = push(services, "2")
    roll_back(services)
    facts, again = services.ledger.facts(""), wanted(services, "2")
    assert again.due(facts)
    assert again.reason(facts) == f"was rolled back to dev@1: forward again to {before.ref}"
    assert images(push(services, "2").previous) == ["1"]


def test_a_new_version_after_a_rollback_has_the_old_one_before_it(services: FakeServices) -> None:
    """What was rolled back from is forgotten: a rollback of the new version returns to what worked."""
    for image in ("1", "2"):
        push(services, image)
    roll_back(services)
    assert (
        wanted(services, "3").reason(services.ledger.facts(""))
        == "was rolled back to dev@1: forward to a new version"
    )
    last = push(services, "3")
    assert (images(last.previous), last.newer) == (["1"], ())


def test_a_definition_of_another_runtime_is_not_returned_to(services: FakeServices) -> None:
    """Its roles and functions are gone."""
    push(services, "1")
    services._runtimes["other"] = services.runtime("memory")
    assert push(services, "2", runtime="other").previous == ()


def test_a_required_field_is_named_though_nobody_has_it(services: FakeServices) -> None:
    """A run without it is refused rather than started: a definition that did not name it would let it start."""
    names = definitions._credentials(
        Agent(name=AgentName("dev"), directory=Path("dev"), instructions="Work.", script=True,
              credentials=(CredentialRef(type="github_token"),)),
        ["sentry_token/default/token"],
    )  # fmt: skip
    assert names == ("github_token/default/token",)


def test_a_fact_of_another_version_of_al_is_read(services: FakeServices) -> None:
    """Fields that this version does not know are left out, and those that are missing have their defaults."""
    fact = push(services, "1").to_fact()
    del fact["newer"], fact["pushed"]
    assert Definition.from_fact({**fact, "colour": "blue"}).ref == "dev@1"
