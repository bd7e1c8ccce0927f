"""What EventBridge refuses of rules and their targets, and moto accepts.

Pages: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html.
"""

import re

from .calls import Call, Refusal
from .cloud import Cloud
from .refusal_table import Rules

MOST_TARGETS = 5  # of one rule
# of 1 the unit is singular, of more it is plural
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_CRON = re.compile(r"cron\((.+)\)")
_FIELDS = 6  # minutes, hours, day of the month, month, day of the week, year


def schedule(call: Call, _: Cloud) -> None:
    expression = call.parameters.get("ScheduleExpression")
    if expression and not (_RATE.fullmatch(expression) or _is_cron(expression)):
        raise Refusal("ValidationException", "Parameter ScheduleExpression is not valid.")


def _is_cron(expression: str) -> bool:
    """Of the two days one is `?`: which days are meant must not be said twice."""
    found = _CRON.fullmatch(expression)
    fields = found[1].split() if found else []
    return len(fields) == _FIELDS and (fields[2], fields[4]).count("?") == 1


def targets(call: Call, cloud: Cloud) -> None:
    """As many as are there already, and these."""
    asked = call.parameters
    with cloud.backend("events", call.region) as backend:
        bus = backend.event_buses.get(asked.get("EventBusName", "default"))
        rule = bus.rules.get(asked["Rule"]) if bus else None
        known = {target["Id"] for target in rule.targets} if rule else set()
    if len(known | {target["Id"] for target in asked["Targets"]}) > MOST_TARGETS:
        raise Refusal(
            "LimitExceededException",
            f"The requested resource exceeds the maximum number allowed: {MOST_TARGETS} targets of a rule.",
        )


RULES: Rules = {
    ("events", "PutRule"): (schedule,),
    ("events", "PutTargets"): (targets,),
}
