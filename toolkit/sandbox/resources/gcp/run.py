"""Services on Cloud Run, and who may call them."""

from collections.abc import Iterable
from typing import Any

from toolkit.clouds.gcp import translated
from toolkit.sandbox.resources import Inputs, Made

from . import Google, found, made, short
from .own_policies import PolicyMember

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


class Caller(PolicyMember):
    """A member of the service's policy."""

    whole, named, may = SERVICE, "name", "call"

    def client(self) -> Any:
        return _client(self._google)

    def resource(self, name: str) -> str:
        return f"{self._google.clients.location}/services/{name}"


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
