"""What wakes the gateway: a timer, and the ends of tasks, as rules of EventBridge.  Pure.

Rules, and not schedules of EventBridge Scheduler: a rule reaches the function by the function's own policy, which names
that one rule (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html), where a schedule
needs one role more, and whoever makes it the right to hand that on
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from toolkit.clouds.aws import arn
from toolkit.core.agent import Agent
from toolkit.core.environment import AwsCloud
from toolkit.core.names import ENDS, GATEWAY, TIMER, Names
from toolkit.core.plan import Item

KIND = "event_rule"
SERVICE = "events.amazonaws.com"
# the finest rate that there is (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html)
OFTEN = "rate(1 minute)"
# Seconds for which EventBridge, and then Lambda's own queue, may try to deliver an event; after more than that the timer
# has come again.  Their defaults are a day and six hours, after which an outage would end with all its ticks at once
# (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html,
# https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html).
OLDEST = 300
RETRIES = 185  # the most: the age decides
SELDOM = (
    "rate(15 minutes)"  # where nothing starts by itself: run secrets and runs that were left behind
)


def items(cloud: AwsCloud, names: Names, agents: Iterable[Agent]) -> Iterator[Item]:
    """The rules.  Their function must be there."""
    for name, when in _rules(cloud, names, agents).items():
        target = names.function(GATEWAY)
        yield Item(
            kind=KIND,
            name=name,
            attributes={
                "schedule": None,
                "pattern": None,
                **when,
                "function": target,
                "tried": {"oldest": OLDEST, "retries": RETRIES},
            },
            tags=names.tags(),
        )


def permissions(cloud: AwsCloud, names: Names) -> tuple[dict[str, Any], ...]:
    """Of the function: each rule may call it, and EventBridge for nobody else."""
    return tuple(
        {
            "id": f"al-{of}",
            "action": "lambda:InvokeFunction",
            "principal": SERVICE,
            "source": arn(cloud, "events", f"rule/{names.event_rule(of)}"),
        }
        for of in (TIMER, ENDS)
    )


def rate(agents: Iterable[Agent]) -> str:
    """Every minute where something may be waiting: a schedule, a loop, a webhook's work that found no room, a call of one agent
    by another."""
    there = [agent for agent in agents if agent.scale > 0]
    starts = any(agent.schedule or agent.webhooks or agent.hired for agent in there)
    return OFTEN if starts or len(there) > 1 else SELDOM


def _rules(
    cloud: AwsCloud, names: Names, agents: Iterable[Agent]
) -> Mapping[str, Mapping[str, Any]]:
    return {
        names.event_rule(TIMER): {"schedule": rate(agents)},
        names.event_rule(ENDS): {"pattern": _ended(cloud, names)},
    }


def _ended(cloud: AwsCloud, names: Names) -> dict[str, Any]:
    """Tasks of our families in our cluster that have stopped.  The cluster may be the user's own, with tasks of others.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    cluster = arn(cloud, "ecs", f"cluster/{cloud.cluster or names.base}")
    return {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {
            "clusterArn": [cluster],
            "lastStatus": ["STOPPED"],
            "group": [{"prefix": f"family:{names.beginning(255)}"}],
        },
    }
