"""Services on Cloud Run, and who may call them."""

import json
from collections.abc import Iterable
from typing import Any

from google.iam.v1 import iam_policy_pb2

from toolkit.clouds.gcp import translated
from toolkit.clouds.gcp_policy import grant, revoke
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made, short

SERVICE = "gcp:cloudrunv2/service:Service"


def _client(google: Google) -> Any:
    from google.cloud import run_v2

    return google.clients.client(run_v2.ServicesClient)


class Service:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, inputs: Inputs) -> Made | None:
        name = self.ref(inputs)
        request = {
            "parent": self._google.clients.location,
            "service_id": name,
            "service": _service(inputs),
        }
        answer = made(
            f"making the service {name}",
            lambda: _client(self._google).create_service(request=request).result(),
        )
        return (name, self._outputs(answer)) if answer else None

    def update(self, inputs: Inputs) -> Made:
        name = self.ref(inputs)
        with translated(f"changing the service {name}"):
            service = {"name": self._name(name), **_service(inputs)}
            operation = _client(self._google).update_service(request={"service": service})
            return name, self._outputs(operation.result())

    def delete(self, ref: str) -> None:
        request = {"name": self._name(ref)}
        found(
            f"deleting the service {ref}",
            lambda: _client(self._google).delete_service(request=request).result(),
        )

    def present(self, ids: Iterable[str]) -> set[str]:
        with translated("listing the services"):
            request = {"parent": self._google.clients.location}
            return set(ids) & {
                short(s.name) for s in _client(self._google).list_services(request=request)
            }

    def tags(self, ref: str) -> dict[str, str] | None:
        service = found(
            f"looking at the service {ref}",
            lambda: _client(self._google).get_service(request={"name": self._name(ref)}),
        )
        return self._google.names.tags(dict(service.labels)) if service else None

    def _name(self, name: str) -> str:
        return f"{self._google.clients.location}/services/{name}"

    def _outputs(self, service: Any) -> dict[str, Any]:
        return {"uri": service.uri}


class Caller:
    """A member of the service's policy."""

    whole = SERVICE

    def __init__(self, google: Google) -> None:
        self._google = google

    def create(self, inputs: Inputs) -> Made:
        name, member, role = inputs["name"], inputs["member"], inputs["role"]
        self._change(name, lambda policy: grant(policy, member, role))
        return json.dumps([name, member, role]), {}

    update = create

    def delete(self, ref: str) -> None:
        """Of a service that is gone nothing is left."""
        name, member, role = json.loads(ref)
        found(
            f"closing the service {name}",
            lambda: self._change(
                name, lambda p: revoke(p, lambda b, who: (who, b.role) == (member, role))
            ),
        )

    def of(self, ref: str) -> str:
        return str(json.loads(ref)[0])

    def _change(self, name: str, edit: Any) -> None:
        client = _client(self._google)
        resource = f"{self._google.clients.location}/services/{name}"
        with translated(f"saying who may call {name}"):
            asked = iam_policy_pb2.GetIamPolicyRequest(resource=resource)
            policy = client.get_iam_policy(request=asked)
            edit(policy)
            wanted = iam_policy_pb2.SetIamPolicyRequest(resource=resource, policy=policy)
            client.set_iam_policy(request=wanted)


def _service(inputs: Inputs) -> dict[str, Any]:
    template = inputs["template"]
    return {
        "labels": dict(inputs["labels"]),
        "ingress": inputs["ingress"],
        "template": {
            "service_account": template["serviceAccount"],
            "timeout": {"seconds": int(template["timeout"].removesuffix("s"))},
            "scaling": {"min_instance_count": template["scaling"]["minInstanceCount"]},
            "containers": [_container(container) for container in template["containers"]],
        },
    }


def _container(inputs: Inputs) -> dict[str, Any]:
    return {
        "image": inputs["image"],
        "command": list(inputs["commands"]),
        "env": [{"name": env["name"], "value": env["value"]} for env in inputs["envs"]],
        "resources": {
            "limits": dict(inputs["resources"]["limits"]),
            "cpu_idle": inputs["resources"]["cpuIdle"],
        },
    }


WHOLES = {SERVICE: Service}
PARTS = {"gcp:cloudrunv2/serviceIamMember:ServiceIamMember": Caller}
