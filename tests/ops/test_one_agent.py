"""What a push of one agent makes of the infrastructure: its own part, and nobody else's."""

from pathlib import Path

from toolkit.core.agent import Agent, AgentName, CredentialRef, Project
from toolkit.core.environment import Scope
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.ops.push.one_agent import only

NAMES = Names(Scope(project="shop", environment="staging"))
DEV = Project(
    name="shop",
    directory=Path("shop"),
    agents=(
        Agent(name=AgentName("dev"), directory=Path("dev"), instructions="Work.", script=True,
              credentials=(CredentialRef(type="github_token"),)),
    ),
)  # fmt: skip


def role(agent: str, text: str = "") -> Item:
    return Item(
        kind="role", name=f"{agent}-role", attributes={"policy": text}, tags=NAMES.tags(agent=agent)
    )


def secret(kind: str) -> Item:
    name = NAMES.credential(CredentialRef(type=kind), "token")
    return Item(kind="secret", name=name, tags=NAMES.tags())


def shared(text: str) -> Item:
    return Item(kind="cluster", name="c", attributes={"x": text}, tags=NAMES.tags())


def result(wanted: tuple[Item, ...], applied: tuple[Item, ...]) -> set[tuple[str, str]]:
    found = only(DEV, NAMES, wanted, applied)
    assert len(found) == len({item.key for item in found})
    return {(item.name, str(item.attributes)) for item in found}


def test_others_stay_as_they_were_applied() -> None:
    """Changed, new or removed in the project: what concerns another agent waits for its own push."""
    wanted = (role("dev", "new"), role("ops", "new"), role("fresh"))
    applied = (role("dev", "old"), role("ops", "old"), role("removed", "old"))
    assert result(wanted, applied) == {
        ("dev-role", "{'policy': 'new'}"),
        ("ops-role", "{'policy': 'old'}"),
        ("removed-role", "{'policy': 'old'}"),
    }


def test_its_own_part_that_is_no_longer_wanted_goes() -> None:
    """An agent that moved to another runtime leaves its old role."""
    assert result((), (role("dev", "old"),)) == set()


def test_what_is_everybodys_is_as_the_project_says() -> None:
    """The cluster and the gateway serve this agent, too; what is shared is never removed."""
    assert result((shared("new"),), (shared("old"),)) == {("c", "{'x': 'new'}")}
    assert result((), (shared("old"),)) == {("c", "{'x': 'old'}")}


def test_secrets_are_made_for_this_agent_alone() -> None:
    """Those of others stay, because their definitions name them, and no new ones are made for them."""
    wanted = (secret("github_token"), secret("linear_token"))
    applied = (secret("sentry_token"),)
    assert {name.split("/")[3] for name, _ in result(wanted, applied)} == {
        "github_token",
        "sentry_token",
    }
