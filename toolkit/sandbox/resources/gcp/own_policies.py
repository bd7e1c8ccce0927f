"""Members of a thing's own policy: one role of one account on one service, or on one account."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from google.iam.v1 import iam_policy_pb2

from toolkit.clouds.gcp import translated
from toolkit.clouds.gcp_policy import grant, revoke
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found


class PolicyMember(ABC):
    """`named` is the input that names the thing, `may` what its members may do, in words."""

    whole: ClassVar[str]
    named: ClassVar[str]
    may: ClassVar[str]

    def __init__(self, google: Google) -> None:
        self._google = google

    def create(self, inputs: Inputs) -> Made:
        name, member, role = inputs[self.named], inputs["member"], inputs["role"]
        self._change(name, lambda policy: grant(policy, member, role))
        return json.dumps([name, member, role]), {}

    update = create

    def delete(self, ref: str) -> None:
        """Of a thing that is gone nothing is left."""
        name, member, role = json.loads(ref)
        found(
            f"saying who may {self.may} {name}",
            lambda: self._change(
                name, lambda p: revoke(p, lambda b, who: (who, b.role) == (member, role))
            ),
        )

    def of(self, ref: str) -> str:
        """The thing's id."""
        return str(json.loads(ref)[0]).rpartition("/")[2].partition("@")[0]

    @abstractmethod
    def client(self) -> Any:
        """Whose policies these are."""

    @abstractmethod
    def resource(self, name: str) -> str:
        """The thing's full name."""

    def _change(self, name: str, edit: Callable[[Any], None]) -> None:
        client, resource = self.client(), self.resource(name)
        with translated(f"saying who may {self.may} {name}"):
            asked = iam_policy_pb2.GetIamPolicyRequest(resource=resource)
            policy = client.get_iam_policy(request=asked)
            edit(policy)
            wanted = iam_policy_pb2.SetIamPolicyRequest(resource=resource, policy=policy)
            client.set_iam_policy(request=wanted)
