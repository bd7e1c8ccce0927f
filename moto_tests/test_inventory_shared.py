"""Several projects and environments in one account, under names of which some begin as others do."""

from collections.abc import Iterable
from typing import Any

import pytest

from infra.inventory.aws import AwsInventory
from moto_tests.answers import answer, refusal
from moto_tests.holding import KINDS, Client, make, name_of, of, write_line
from moto_tests.picture import Picture, picture
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Item
from toolkit.core.ports import Context

# the names of all of these begin with `al-shop`, and those of the last three with `al-shop-prod`
NEIGHBOURS = (
    ("shop", "pro"),
    ("shop-x", "prod"),
    ("shop", "prod-eu"),
    ("shop", "production"),
    ("shop-prod", "x"),
)
WITHOUT_A_CLUSTER_OF_ITS_OWN = tuple(kind for kind in KINDS if kind not in ("task", "cluster"))


@pytest.fixture
def context(aws_context: Context) -> Context:
    """Project `shop` in environment `prod`."""
    return of(aws_context, "shop", "prod")


@pytest.fixture
def client(context: Context) -> Client:
    return clients_for(cloud_of(context.environment)).client


def inventory(context: Context) -> AwsInventory:
    return AwsInventory(context, sleep=lambda _: None)


def fill(client: Client, names: Names, agent: str = "dev") -> None:
    """Everything that an environment has; the task brings its cluster along."""
    for kind in (*WITHOUT_A_CLUSTER_OF_ITS_OWN, "task"):
        make(client, kind, name_of(kind, names, agent), names.tags(agent=agent))


def torn_down(context: Context, known: Iterable[str] = ()) -> list[Item]:
    ours = list(inventory(context).found(known=tuple(known)).ours)
    for item in ours:
        inventory(context).remove(item)
    return ours


def only(seen: Picture, *marks: str) -> dict[Any, Any]:
    return {key: what for key, what in seen.items() if any(mark in str(key) for mark in marks)}


def test_one_environment_goes_and_every_byte_of_the_others_stays(
    context: Context, client: Client
) -> None:
    """Projects and environments whose names begin alike, in one account and region."""
    for project, environment in NEIGHBOURS:
        fill(client, of(context, project, environment).names, agent="eu-dev")
    before = picture(client)
    fill(client, context.names)
    torn_down(context)
    after = picture(client)
    assert {k: v for k, v in after.items() if "lender" not in str(k)} == {
        k: v for k, v in before.items() if "lender" not in str(k)
    }
    assert inventory(context).found().ours == ()


def test_a_neighbour_is_neither_ours_nor_left_over(context: Context, client: Client) -> None:
    """What carries another environment's tags is its own business, and is not even spoken of."""
    fill(client, of(context, "shop", "prod-eu").names)
    found = inventory(context).found()
    assert (found.ours, [left for left in found.left if "lender" not in left.item.name]) == ((), [])


def group(client: Client, name: str) -> str:
    """A log group as Lambda makes it: without tags."""
    client("logs").create_log_group(logGroupName=name)
    write_line(client, name, "2026/11/20/[1]0")
    return name


def test_a_group_that_lambda_made_goes_with_its_function(context: Context, client: Client) -> None:
    """It has no tags; the function of that very name is ours."""
    make(client, "function", context.names.function("dev"), context.names.tags(agent="dev"))
    name = group(client, context.names.lambda_log_group("dev"))
    torn_down(context)
    assert only(picture(client), name) == {}


@pytest.mark.parametrize("kind", ["role", "repository", "task_definition"])
def test_a_group_that_lambda_made_goes_with_the_last_trace_of_its_agent(
    context: Context, client: Client, kind: str
) -> None:
    """The function is gone already: any thing of ours that names the agent proves it, too."""
    names = context.names
    make(client, kind, name_of(kind, names), names.tags(agent="dev"))
    name = group(client, names.lambda_log_group("dev"))
    torn_down(context)
    assert only(picture(client), name) == {}


def test_a_group_that_lambda_made_goes_by_what_was_recorded(
    context: Context, client: Client
) -> None:
    """Nothing of the agent is there any more, and the ledger knows that there was one."""
    name = group(client, context.names.lambda_log_group("dev"))
    assert [item.name for item in torn_down(context, known=["dev"])] == [name]


def test_the_gateway_s_group_goes_with_its_role(context: Context, client: Client) -> None:
    """The gateway is no agent, and carries no agent's tag."""
    names = context.names
    make(client, "role", names.role(GATEWAY, "lambda"), names.tags())
    name = group(client, names.lambda_log_group(GATEWAY))
    torn_down(context)
    assert only(picture(client), name) == {}


def test_a_group_without_tags_is_not_ours_because_its_name_begins_so(
    context: Context, client: Client
) -> None:
    """`al-shop-prod-` is also how the functions of `shop` in `prod-eu` begin: without proof it is left, and said."""
    fill(client, context.names)
    name = group(client, of(context, "shop", "prod-eu").names.lambda_log_group("x"))
    before = only(picture(client), name)
    torn_down(context)
    assert only(picture(client), name) == before
    assert [left.item.name for left in inventory(context).found().left] == [name]


def test_a_group_is_its_function_s_whoever_else_could_have_that_name(
    context: Context, client: Client
) -> None:
    """Agent `eu-x` of `prod` and agent `x` of `prod-eu` would have one function's name: it is whose the function is."""
    theirs = of(context, "shop", "prod-eu").names
    make(client, "function", theirs.function("x"), theirs.tags(agent="x"))
    make(client, "role", context.names.role("eu-x", "lambda"), context.names.tags(agent="eu-x"))
    name = group(client, theirs.lambda_log_group("x"))
    assert context.names.lambda_log_group("eu-x") == name
    torn_down(context, known=["eu-x"])
    assert len(only(picture(client), name)) == 1


def test_names_that_were_shortened_are_found(aws_context: Context, client: Client) -> None:
    """Where project and environment alone fill what a service takes, a name keeps less than they are long."""
    context = of(aws_context, "a" * 40, "e" * 50)
    agent = "x" * 64
    for kind in WITHOUT_A_CLUSTER_OF_ITS_OWN:
        name = name_of(kind, context.names, agent)
        make(client, kind, name, context.names.tags(agent=agent))
    assert len(context.names.function(agent)) == 64
    assert {item.kind for item in torn_down(context)} == set(WITHOUT_A_CLUSTER_OF_ITS_OWN)
    assert inventory(context).found().ours == ()


def test_a_role_in_other_letters_is_seen(context: Context, client: Client) -> None:
    """IAM compares names without case, so a stranger's in capitals stands in the way of ours."""
    make(client, "role", context.names.role("dev", "task").upper(), {})
    (left,) = inventory(context).found().left
    assert left.item.name == context.names.role("dev", "task").upper()


def test_secrets_are_found_by_their_tags_whatever_prefix_they_were_made_with(
    context: Context, client: Client
) -> None:
    """`secretPrefix` may have been changed since; the names then begin otherwise."""
    make(client, "secret", "elsewhere/shop/prod/github_token/default/token", context.names.tags())
    assert [item.name for item in torn_down(context)] == [
        "elsewhere/shop/prod/github_token/default/token"
    ]


def test_one_agent_s_streams_are_found_in_the_group_that_all_tasks_share(
    context: Context, client: Client
) -> None:
    """Only that agent's, and only when it is named: with the environment the group goes as a whole."""
    names = context.names
    make(client, "log_group", names.ecs_log_group, names.tags())
    write_line(client, names.ecs_log_group, "dev-ops/agent/2")
    (streams,) = [i for i in inventory(context).found("dev").ours if i.kind == "log_streams"]
    inventory(context).remove(streams)
    (_, lines) = only(picture(client), names.ecs_log_group).popitem()[1]
    assert [stream for stream, _ in lines] == ["dev-ops/agent/2"]


def test_what_no_name_of_ours_begins_like_is_not_looked_at(
    context: Context, client: Client
) -> None:
    """An operator's policy allows reading what is named as ours; `production` does not begin with `prod-`."""
    fill(client, of(context, "shop", "production").names)
    denied = refusal("AccessDeniedException", "not authorized")
    looks = [
        answer(client(service), operation, denied)
        for service, operation in (
            ("lambda", "GetFunction"), ("ecr", "ListTagsForResource"), ("logs", "ListTagsForResource"),
            ("ecs", "DescribeTaskDefinition"), ("iam", "ListRoleTags"),
        )
    ]  # fmt: skip
    assert inventory(context).found().ours == ()
    assert looks == [[], [], [], [], []]


def test_a_stranger_s_role_whose_tags_may_not_be_read_is_left(
    context: Context, client: Client
) -> None:
    """Ours may be read, so one that may not is none of ours."""
    name = context.names.role("dev", "task").upper()
    make(client, "role", name, {})
    answer(client("iam"), "ListRoleTags", refusal("AccessDenied", "not authorized"))
    assert [left.item.name for left in inventory(context).found().left] == [name]
