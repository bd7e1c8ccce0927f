"""What is there already is taken over when it is ours, and refused by name when it is not."""

import pytest

from infra.adoption import (
    PERMISSION,
    URL,
    WHOLES,
    Adoption,
    Found,
    decide,
    lacking,
    parts,
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


def test_on_an_empty_state_everything_is_looked_for() -> None:
    """A first push, or a state that is lost."""
    looked_for = {item.key for item in lacking(items(), ())}
    assert looked_for == {item.key for item in items() if item.kind != "network"}


def test_what_the_state_knows_is_not_looked_for() -> None:
    """A later push costs no call for it."""
    adoptable = [item for item in items() if item.kind != "network"]
    state = {key for item in adoptable for key in (whole(item), *parts(item))}
    assert lacking(items(), state) == ()


def test_a_function_is_looked_for_while_a_part_of_it_is_missing() -> None:
    """A push may have died between the function and its URL."""
    state = {whole(GATEWAY), (PERMISSION, f"{GATEWAY.name}-al-url")}
    assert GATEWAY in lacking([GATEWAY], state)


def test_what_is_ours_is_imported() -> None:
    """All three tags are its owner's."""
    found = decide(NAMES, [there(ROLE)], ())
    assert found == Adoption(imports={(WHOLES["role"], ROLE.name): ROLE.name})


@pytest.mark.parametrize(
    "tags", [{}, {**OURS, "al:environment": "staging"}, {"al:managed": "true"}]
)
def test_what_is_not_ours_is_refused_by_name(tags: dict[str, str]) -> None:
    """Also another environment's of the same project: tearing one down must not touch the other."""
    with pytest.raises(Conflict, match=f"role {ROLE.name}") as error:
        decide(NAMES, [there(ROLE, tags)], ())
    assert "al:environment=production" in error.value.hint


def test_everything_foreign_is_named_at_once() -> None:
    """Not one after the other, push by push."""
    with pytest.raises(Conflict) as error:
        decide(NAMES, [there(ROLE, {}), there(SECRET, {})], ())
    assert ROLE.name in error.value.message
    assert SECRET.name in error.value.message


def test_of_what_the_state_knows_only_missing_parts_are_imported() -> None:
    """And its tags are not asked for: Pulumi puts them right."""
    url = (URL, GATEWAY.name)
    found = Found(item=GATEWAY, tags={}, imports={whole(GATEWAY): GATEWAY.name, url: GATEWAY.name})
    assert decide(NAMES, [found], {whole(GATEWAY)}).imports == {url: GATEWAY.name}


def test_a_secret_that_waits_for_its_deletion_is_restored_and_imported() -> None:
    """Its name is taken for days (Secrets Manager API reference, CreateSecret and DeleteSecret)."""
    waiting = Found(item=SECRET, tags=OURS, imports={whole(SECRET): ARN}, restore=ARN)
    assert decide(NAMES, [waiting], ()) == Adoption(imports={whole(SECRET): ARN}, restore=(ARN,))


def test_a_strangers_secret_is_not_restored() -> None:
    """They meant it to go."""
    waiting = Found(item=SECRET, tags={}, imports={whole(SECRET): ARN}, restore=ARN)
    with pytest.raises(Conflict, match=SECRET.name):
        decide(NAMES, [waiting], ())


def test_a_state_is_read_by_type_and_name() -> None:
    """As `pulumi stack export` writes it: the URN ends in the resource's name, after its parents."""
    urn = f"urn:pulumi:production::shop::al:aws:Identity$aws:iam/role:Role::{ROLE.name}"
    assert recorded([{"urn": urn, "type": "aws:iam/role:Role", "id": "x"}]) == {whole(ROLE)}
