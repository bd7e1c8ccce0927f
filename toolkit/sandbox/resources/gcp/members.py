"""Members of the project's policy: one role of one account, under one condition."""

import json

from toolkit.clouds.gcp_policy import ProjectPolicy, condition_of, grant, revoke
from toolkit.sandbox.resources import Inputs, Made

from . import Google
from .accounts import ACCOUNT


class Member:
    whole = ACCOUNT

    def __init__(self, google: Google) -> None:
        self._google = google

    def create(self, inputs: Inputs) -> Made:
        """Adding what is there already changes nothing."""
        condition = inputs.get("condition") or {}
        title, expression = condition.get("title", ""), condition.get("expression", "")
        member, role = inputs["member"], inputs["role"]
        self._policy.change(
            lambda policy: grant(policy, member, role, title=title, expression=expression)
        )
        return json.dumps([member, role, title, expression]), {}

    def update(self, inputs: Inputs) -> Made:
        """What has the title is replaced: Pulumi would make a new one, and then delete the old one."""
        member, title = inputs["member"], (inputs.get("condition") or {}).get("title", "")
        self._policy.change(
            lambda policy: revoke(
                policy,
                lambda binding, who: (
                    bool(title) and (who, condition_of(binding)[0]) == (member, title)
                ),
            )
        )
        return self.create(inputs)

    def delete(self, ref: str) -> None:
        member, role, *condition = json.loads(ref)
        self._policy.change(
            lambda policy: revoke(
                policy,
                lambda binding, who: (
                    (who, binding.role, condition_of(binding)) == (member, role, tuple(condition))
                ),
            )
        )

    def of(self, ref: str) -> str:
        """The account's id, from `serviceAccount:<id>@...`."""
        member: str = json.loads(ref)[0]
        return member.partition(":")[2].partition("@")[0]

    @property
    def _policy(self) -> ProjectPolicy:
        return ProjectPolicy(self._google.clients)


WHOLES: dict[str, type] = {}
PARTS = {"gcp:projects/iAMMember:IAMMember": Member}
