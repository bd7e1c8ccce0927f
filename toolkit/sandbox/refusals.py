"""What the real services refuse by rules that stand in prose, and moto accepts.  One table for all services."""

from collections.abc import Mapping

from . import (
    refusals_data,
    refusals_dynamodb,
    refusals_ecs,
    refusals_events,
    refusals_iam,
    refusals_lambda,
)
from .calls import Call
from .cloud import Cloud
from .refusal_table import Rule

_PARTS = (
    refusals_ecs,
    refusals_lambda,
    refusals_iam,
    refusals_data,
    refusals_dynamodb,
    refusals_events,
)
RULES: Mapping[tuple[str, str], tuple[Rule, ...]] = {
    key: rules for part in _PARTS for key, rules in part.RULES.items()
}


class Refusals:
    """The check of one cloud: some rules look at what is there already."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def check(self, call: Call) -> None:
        """Raises Refusal with the code and sentence of the service."""
        for rule in RULES.get((call.service, call.operation), ()):
            rule(call, self._cloud)
