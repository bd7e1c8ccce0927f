"""Rules of EventBridge, and what they call."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.aws import tag_list

from . import Clients, Inputs, Made, by_name, mapping

RULE = "aws:cloudwatch/eventRule:EventRule"


class EventRule:
    """PutRule writes over a rule that is there, and gives it no tags then
    (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""

    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        name = inputs["name"]
        if self.tags(name) is not None:
            return None
        self._put(inputs, Tags=tag_list(inputs["tags"], "Key", "Value"))
        return name, {}

    def update(self, inputs: Inputs) -> Made:
        arn = self._put(inputs)
        tags = tag_list(inputs["tags"], "Key", "Value")
        self._clients("events").tag_resource(ResourceARN=arn, Tags=tags)
        return inputs["name"], {}

    def delete(self, ref: str) -> None:
        events = self._clients("events")
        try:
            events.delete_rule(Name=ref)
        except events.exceptions.ResourceNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        return {name for name in ids if self._arn(name)}

    def tags(self, ref: str) -> dict[str, str] | None:
        arn = self._arn(ref)
        if arn is None:
            return None
        return mapping(self._clients("events").list_tags_for_resource(ResourceARN=arn)["Tags"])

    def _put(self, inputs: Inputs, **more: Any) -> str:
        wanted = {"ScheduleExpression": "scheduleExpression", "EventPattern": "eventPattern"}
        when = {ours: inputs[theirs] for ours, theirs in wanted.items() if inputs.get(theirs)}
        answer = self._clients("events").put_rule(Name=inputs["name"], **when, **more)
        return str(answer["RuleArn"])

    def _arn(self, name: str) -> str | None:
        events = self._clients("events")
        try:
            return str(events.describe_rule(Name=name)["Arn"])
        except events.exceptions.ResourceNotFoundException:
            return None


class EventTarget:
    """Its id is `rule/target`."""

    whole = RULE

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        rule, tried = inputs["rule"], inputs["retryPolicy"]
        target = {
            "Id": inputs["targetId"],
            "Arn": inputs["arn"],
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": tried["maximumEventAgeInSeconds"],
                "MaximumRetryAttempts": tried["maximumRetryAttempts"],
            },
        }
        self._clients("events").put_targets(Rule=rule, Targets=[target])
        return f"{rule}/{inputs['targetId']}", {}

    update = create

    def delete(self, ref: str) -> None:
        events = self._clients("events")
        rule, _, target = ref.partition("/")
        try:
            events.remove_targets(Rule=rule, Ids=[target])
        except events.exceptions.ResourceNotFoundException:
            return

    def of(self, ref: str) -> str:
        return ref.partition("/")[0]


WHOLES = {RULE: EventRule}
PARTS = {"aws:cloudwatch/eventTarget:EventTarget": EventTarget}
