"""Names in the desired state: within every service's limit, deterministic, and different where things differ."""

import re

import pytest

from infra.desired.network import Network
from tests.infra.scenes import (
    ON_FARGATE,
    ON_LAMBDA,
    environment,
    image,
    items,
    names,
)
from toolkit.core.environment import Scope
from toolkit.core.names import Names
from toolkit.core.plan import Item

LONG = "x" * 64
LIMITS = {
    "role": 64,
    "function": 64,
    "repository": 256,
    "cluster": 255,
    "log_group": 512,
    "security_group": 255,
}
SHOP = Names(Scope(project="shop", environment="production"))
# `al-shop-production-` has 19 characters, `-lambda-role` has 12
FULL_ROLE, FULL_FUNCTION, FULL_REPOSITORY = "a" * 33, "a" * 45, "a" * 237


def longest() -> tuple[Item, ...]:
    env = environment(name=LONG, project="p" * 64)
    agents = {f"{'a' * 62}-{n}": ON_LAMBDA for n in (1, 2)} | {f"{'b' * 62}-1": ON_FARGATE}
    networks = [Network(of=of, vpc="vpc-1", subnets=("subnet-1",)) for of in ("tasks", "functions")]
    return items(env, agents, gateway=image("g"), networks=networks)


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
def test_the_longest_names_are_short_enough_and_still_different(kind: str, limit: int) -> None:
    """Project, environment and agent of 64 characters each; limits from the services' API references."""
    found = names(longest(), kind)
    assert found
    assert max(map(len, found)) <= limit
    assert len({name.lower() for name in found}) == len(found)


def test_shortening_is_the_same_everywhere() -> None:
    """A name is computed by laptops, CI and the gateway, and must not depend on where."""
    assert names(longest(), "function") == names(longest(), "function")
    shortened = names(longest(), "function")[0]
    assert shortened == "al-" + "p" * 52 + "-" + shortened[-8:]


@pytest.mark.parametrize(
    ("whole", "cut", "limit"),
    [
        (SHOP.role(FULL_ROLE, "lambda"), SHOP.role(FULL_ROLE + "a", "lambda"), 64),
        (SHOP.function(FULL_FUNCTION), SHOP.function(FULL_FUNCTION + "a"), 64),
        (SHOP.repository(FULL_REPOSITORY), SHOP.repository(FULL_REPOSITORY + "a"), 256),
    ],
)
def test_a_name_at_its_limit_is_whole_and_one_more_is_cut(whole: str, cut: str, limit: int) -> None:
    """64 characters for roles (IAM) and functions (Lambda), 256 for repositories (ECR): the next one ends in a hash.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    """
    hashed = re.compile(r"-[0-9a-f]{8}$")
    assert (len(whole), len(cut)) == (limit, limit)
    assert (bool(hashed.search(whole)), bool(hashed.search(cut))) == (False, True)


def test_a_cut_name_is_always_the_same() -> None:
    """Eight digits of the SHA-256 of the whole name; written down here, because deployed names must never change."""
    assert SHOP.function("a" * 46) == "al-shop-production-" + "a" * 36 + "-b5e57292"
