"""Pulumi's event stream becomes our plan."""

from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from infra.events import change_of, done, plan, progress, word
from toolkit.core.plan import ADOPTED, Action

URN = "urn:pulumi:production::shop::al:aws:Identity$aws:iam/role:Role::"
ROLE = "aws:iam/role:Role"


def state(name: str, **inputs: Any) -> dict[str, Any]:
    return {
        "type": ROLE,
        "urn": URN + name,
        "id": name,
        "parent": "",
        "provider": "",
        "inputs": inputs,
    }


def step(op: str, name: str = "al-dev", token: str = ROLE, **more: Any) -> EngineEvent:
    """An event as the CLI writes it into its log (recorded fields of Pulumi 3)."""
    metadata = {"op": op, "urn": URN + name, "type": token, "provider": "", **more}
    return EngineEvent.from_json(
        {
            "sequence": 1,
            "timestamp": 1,
            "resourcePreEvent": {"metadata": metadata, "planning": True},
        }
    )


SAID = EngineEvent.from_json(
    {"sequence": 0, "timestamp": 0, "diagnosticEvent": {"message": "hi", "severity": "info"}}
)


def test_a_preview_becomes_a_plan_with_removals_last() -> None:
    """Creations and updates in the engine's order, then removals."""
    stream = [
        SAID,
        step("delete", "al-old", old=state("al-old")),
        step("create", "al-new", new=state("al-new", tags={"al:agent": "new"})),
        step("update", "al-dev", old=state("al-dev", a=1), new=state("al-dev", a=2), diffs=["a"]),
        step("same", "al-same", old=state("al-same"), new=state("al-same")),
    ]
    changes = plan(stream).changes
    assert [(c.action, c.item.kind, c.item.name) for c in changes] == [
        (Action.CREATE, "role", "al-new"),
        (Action.UPDATE, "role", "al-dev"),
        (Action.DELETE, "role", "al-old"),
    ]


def test_a_change_says_what_was_and_what_will_be() -> None:
    """Attributes and tags apart, and the names of what differs as the reason."""
    event = step(
        "update", old=state("al-dev", a=1), new=state("al-dev", a=2, tags={"k": "v"}), diffs=["a"]
    )
    (change,) = plan([event]).changes
    assert change.before is not None
    assert (dict(change.before.attributes), dict(change.item.attributes)) == ({"a": 1}, {"a": 2})
    assert dict(change.item.tags) == {"k": "v"}
    assert change.reason == "a"


def test_a_replacement_is_told_once() -> None:
    """The engine announces three steps for it."""
    both = {"old": state("al-dev"), "new": state("al-dev")}
    stream = [step(op, **both) for op in ("create-replacement", "replace", "delete-replaced")]
    assert [c.action for c in plan(stream).changes] == [Action.UPDATE]


@pytest.mark.parametrize(
    "token", ["pulumi:pulumi:Stack", "pulumi:providers:aws", "al:aws:Identity"]
)
def test_what_is_not_in_the_cloud_is_not_in_the_plan(token: str) -> None:
    """Stacks, providers and components cost nothing and are nobody's concern."""
    assert not plan([step("create", token=token, new=state("x"))])


def test_nothing_to_do_is_an_empty_plan() -> None:
    """A push shows nothing then."""
    assert not plan([SAID, step("same", old=state("al-dev"), new=state("al-dev"))])


def test_what_is_taken_over_is_one_change_that_says_so() -> None:
    """Pulumi imports it as it is, and then updates what differs: for the user it is one thing."""
    live, wanted = state("al-dev", a=1), state("al-dev", a=2)
    stream = [
        step("import", new=live),
        step("update", old=live, new=wanted, diffs=["a"]),
    ]
    (change,) = plan(stream).changes
    assert (change.action, change.reason) == (Action.UPDATE, ADOPTED)
    assert dict(change.item.attributes) == {"a": 2}


def test_a_replacement_says_why() -> None:
    """A thing that is made anew loses what was in it."""
    both = {"old": state("al-dev", path="/x/"), "new": state("al-dev", path="/y/")}
    (change,) = plan([step("replace", keys=["path"], diffs=["path", "tags"], **both)]).changes
    assert change.reason == "made again, because of path"


def test_a_secret_value_is_not_in_the_plan() -> None:
    """Plans are printed.  The marked form is Pulumi's (sdk/python/lib/pulumi/runtime/rpc.py)."""
    marked = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "ciphertext": "v1:abc",
    }
    event = step("create", new=state("al-dev", a={"b": [marked]}))
    (change,) = plan([event]).changes
    assert dict(change.item.attributes) == {"a": {"b": ["[secret]"]}}


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ("create", "created role al-dev"),
        ("import", "took over role al-dev"),
        ("update", "updated role al-dev"),
        ("replace", "replaced role al-dev"),
        ("delete", "deleted role al-dev"),
        ("same", None),
        ("refresh", None),
        ("read", None),
        ("create-replacement", None),
        ("delete-replaced", None),
        ("discard", None),
    ],
)
def test_each_step_that_changes_something_is_told_once(op: str, said: str | None) -> None:
    """And what only looks, or is a part of a replacement, is not told."""
    event = step(op, old=state("al-dev"), new=state("al-dev"))
    assert progress(event.resource_pre_event.metadata) == said


def test_progress_is_a_sentence() -> None:
    """One line per change that was made."""
    event = step("create", token="aws:iam/rolePolicy:RolePolicy", new=state("al-dev"))
    change = change_of(event.resource_pre_event.metadata)
    assert change is not None
    assert done(change) == "created role policy al-dev"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("aws:iam/rolePolicy:RolePolicy", "role_policy"),
        ("aws:cloudwatch/logGroup:LogGroup", "log_group"),
        ("aws:lambda/functionUrl:FunctionUrl", "function_url"),
    ],
)
def test_types_become_words(token: str, said: str) -> None:
    """Users read nouns, not tokens."""
    assert word(token) == said
