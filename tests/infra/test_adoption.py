"""What is there already is taken over when it is ours, and refused by name when it is not."""

import pytest

from infra.adoption import (
    URL,
    WHOLES,
    Adoption,
    Found,
    Key,
    at_stake,
    decide,
    recorded,
    whole,
)
from tests.infra.scenes import environment, find, items
from toolkit.core.errors import Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item

NAMES = Names(environment().scope)
OURS = NAMES.tags()
ROLE = find(items(), "role", "al-shop-production-dev-lambda-role")
GATEWAY = find(items(), "function", "al-shop-production--gateway")
SECRET = find(items(), "secret", "action-llama/shop/production/github_token/default/token")
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x-aBcDeF"


def there(item: Item, tags: dict[str, str] | None = None, ref: str = "") -> Found:
    return Found(
        item=item, tags=OURS if tags is None else tags, imports={whole(item): ref or item.name}
    )


def known(item: Item, ref: str = "") -> dict[Key, str]:
    """A state that has it."""
    return {whole(item): ref or item.name}


def test_everything_that_carries_tags_is_looked_for() -> None:
    """Whether the state knows it or not: names can have changed hands."""
    expected = {item.key for item in items() if item.kind != "network"}
    assert {item.key for item in at_stake(items(), {})} == expected
    assert {item.key for item in at_stake(items(), known(ROLE))} == expected


def test_what_would_be_removed_is_looked_for_too() -> None:
    """What the state knows and nobody wants any more; the parts of a whole carry no tags."""
    state = known(ROLE) | {("aws:iam/rolePolicy:RolePolicy", ROLE.name): f"{ROLE.name}:grants"}
    assert [item.key for item in at_stake([], state)] == [ROLE.key]


def test_what_is_ours_is_imported() -> None:
    """All three tags are its owner's."""
    found = decide(NAMES, [there(ROLE)], [ROLE], {})
    assert found == Adoption(imports={(WHOLES["role"], ROLE.name): ROLE.name})


def test_what_is_ours_and_known_is_not_imported_again() -> None:
    """Pulumi goes on with it."""
    assert decide(NAMES, [there(ROLE)], [ROLE], known(ROLE)) == Adoption()


@pytest.mark.parametrize(
    "tags", [{}, {**OURS, "al:environment": "staging"}, {"al:managed": "true"}]
)
def test_what_is_not_ours_is_refused_by_name(tags: dict[str, str]) -> None:
    """Also another environment's of the same project: tearing one down must not touch the other."""
    with pytest.raises(Conflict, match=f"role {ROLE.name}") as error:
        decide(NAMES, [there(ROLE, tags)], [ROLE], {})
    assert "al:environment=production" in error.value.hint


def test_everything_foreign_is_named_at_once() -> None:
    """Not one after the other, push by push; also what the state believes to be ours."""
    with pytest.raises(Conflict) as error:
        decide(NAMES, [there(ROLE, {}), there(SECRET, {})], [ROLE, SECRET], known(ROLE))
    assert ROLE.name in error.value.message
    assert SECRET.name in error.value.message


def test_a_name_that_the_state_knows_and_others_have_taken_is_refused() -> None:
    """Ours was removed by hand and they made theirs: Pulumi would overwrite its trust and its tags."""
    with pytest.raises(Conflict, match=f"role {ROLE.name}") as error:
        decide(NAMES, [there(ROLE, {"team": "b"})], [ROLE], known(ROLE))
    assert "where somebody took our tags away" in error.value.hint
    assert "state delete" not in error.value.hint


def test_what_would_be_removed_and_is_theirs_is_refused_with_the_way_out() -> None:
    """Pulumi would delete it; renaming cannot help any more, so the state must forget it."""
    with pytest.raises(Conflict, match=f"role {ROLE.name}") as error:
        decide(NAMES, [there(ROLE, {})], [], known(ROLE))
    assert "pulumi state delete" in error.value.hint


def test_a_group_of_that_name_in_another_network_is_left_out_of_it() -> None:
    """Pulumi removes the one whose id it knows."""
    group = Item(kind="security_group", name="al-shop-production--tasks")
    assert decide(NAMES, [there(group, {}, "sg-2")], [], known(group, "sg-1")) == Adoption()


def test_what_is_not_wanted_any_more_is_not_imported() -> None:
    """It is on its way out."""
    url = (URL, GATEWAY.name)
    found = Found(item=GATEWAY, tags=OURS, imports={whole(GATEWAY): GATEWAY.name, url: "x"})
    assert decide(NAMES, [found], [], known(GATEWAY)) == Adoption()


def test_of_what_the_state_knows_only_missing_parts_are_imported() -> None:
    """A push may have died between the function and its URL."""
    url = (URL, GATEWAY.name)
    found = Found(
        item=GATEWAY, tags=OURS, imports={whole(GATEWAY): GATEWAY.name, url: GATEWAY.name}
    )
    imports = decide(NAMES, [found], [GATEWAY], known(GATEWAY)).imports
    assert imports == {url: GATEWAY.name}


def test_a_secret_that_waits_for_its_deletion_is_restored_and_imported() -> None:
    """Its name is taken for days (Secrets Manager API reference, CreateSecret and DeleteSecret)."""
    waiting = Found(item=SECRET, tags=OURS, imports={whole(SECRET): ARN}, restore=ARN)
    adopted = Adoption(imports={whole(SECRET): ARN}, restore=(ARN,))
    assert decide(NAMES, [waiting], [SECRET], {}) == adopted


def test_a_strangers_secret_is_not_restored() -> None:
    """They meant it to go."""
    waiting = Found(item=SECRET, tags={}, imports={whole(SECRET): ARN}, restore=ARN)
    with pytest.raises(Conflict, match=SECRET.name):
        decide(NAMES, [waiting], [SECRET], {})


def test_a_state_is_read_by_type_and_name() -> None:
    """As `pulumi stack export` writes it: the URN ends in the resource's name, after its parents."""
    urn = f"urn:pulumi:production::shop::al:aws:Identity$aws:iam/role:Role::{ROLE.name}"
    assert recorded([{"urn": urn, "type": "aws:iam/role:Role", "id": "x"}]) == {whole(ROLE): "x"}
