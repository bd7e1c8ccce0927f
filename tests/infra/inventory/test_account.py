"""Which names an inventory looks at: every one that `Names` gives, and as few others as can be."""

from dataclasses import replace

import pytest

from infra.inventory.account import Account
from infra.inventory.pulumi_objects import is_ours, others_in
from tests.infra.scenes import CLOUD
from toolkit.clouds.aws import clients_for
from toolkit.core.environment import Scope
from toolkit.core.names import GATEWAY, Names

SCOPES = [Scope(project="p" * length, environment="e" * 12) for length in range(30, 41)]
SCOPES += [Scope(project="shop", environment="prod"), Scope(project="p" * 40, environment="e" * 50)]
AGENTS = ("a", "dev", "x" * 64, GATEWAY)


def account(scope: Scope) -> Account:
    return Account(clients=clients_for(CLOUD), names=Names(scope))


@pytest.mark.parametrize("scope", SCOPES, ids=lambda s: str(len(s.project + s.environment)))
@pytest.mark.parametrize("agent", AGENTS)
def test_every_name_begins_so_however_it_was_shortened(scope: Scope, agent: str) -> None:
    """Around the length where a name of a function or a role is cut within what all names have in common."""
    names, ours = Names(scope), account(scope)
    assert names.function(agent).startswith(ours.begins(64))
    assert names.role(agent, "execution").startswith(ours.begins(64))
    assert names.family(agent).startswith(ours.begins(255))
    assert names.security_group("tasks").startswith(ours.begins(255))


def test_a_name_that_only_continues_the_environment_s_does_not() -> None:
    """`production` is another environment than `prod`, and none of its things is asked for."""
    prod = Scope(project="shop", environment="prod")
    other = Names(replace(prod, environment="production"))
    assert not other.function("dev").startswith(account(prod).begins(64))


@pytest.mark.parametrize(
    "key",
    [
        ".pulumi/stacks/shop/prod.json",
        ".pulumi/stacks/shop/prod.json.bak",
        ".pulumi/history/shop/prod/prod-1.history.json",
        ".pulumi/backups/shop/prod/prod.1.json",
        ".pulumi/locks/organization/shop/prod/1.json",
    ],
)
def test_what_pulumi_keeps_of_our_stack_is_ours(key: str) -> None:
    """As its own page says where it keeps what (https://www.pulumi.com/docs/iac/concepts/state-and-backends/)."""
    assert is_ours(Names(Scope(project="shop", environment="prod")), key)


@pytest.mark.parametrize(
    "key", [".pulumi/stacks/shop/prod-eu.json", ".pulumi/stacks/shop-x/prod.json", "shop/prod.json"]
)
def test_another_stack_s_or_a_user_s_object_keeps_the_bucket(key: str) -> None:
    """Their names begin or end like ours."""
    names = Names(Scope(project="shop", environment="prod"))
    assert not is_ours(names, key)
    assert others_in(names, [key]) == [key]


def test_pulumi_s_own_files_keep_no_bucket() -> None:
    """They are of the whole backend, and of no stack."""
    names = Names(Scope(project="shop", environment="prod"))
    assert others_in(names, [".pulumi/meta.yaml", ".pulumi/stacks/shop/prod.json"]) == []
