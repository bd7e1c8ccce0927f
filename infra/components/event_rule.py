"""A rule of EventBridge, and the function that it calls."""

import json

import pulumi
from pulumi_aws.cloudwatch import EventRule as Rule
from pulumi_aws.cloudwatch import EventTarget

from toolkit.core.plan import Item

TARGET = "gateway"


class EventRule(pulumi.ComponentResource):
    """The rule of an `event_rule` item.  It may call `function`, an ARN, by the function's own policy."""

    def __init__(self, item: Item, *, function: pulumi.Input[str]) -> None:
        super().__init__("al:aws:EventRule", item.name)
        wanted = item.attributes
        pattern = wanted["pattern"]
        self.rule = Rule(
            item.name,
            name=item.name,
            schedule_expression=wanted["schedule"],
            event_pattern=json.dumps(pattern, sort_keys=True) if pattern else None,
            tags=dict(item.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        EventTarget(
            item.name,
            rule=self.rule.name,
            target_id=TARGET,
            arn=function,
            retry_policy={
                "maximum_event_age_in_seconds": wanted["tried"]["oldest"],
                "maximum_retry_attempts": wanted["tried"]["retries"],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
