"""Where moto falls over on what the real services accept; each repair says which.

They change moto's classes in this process.  What moto accepts and the real services refuse is in refusals.py.
"""

from typing import Any


def apply() -> None:
    """Idempotent."""
    _ecs_without_container_memory()
    _lambda_configuration()


def _ecs_without_container_memory() -> None:
    """Fargate needs memory on the task only (API reference, ContainerDefinition.memory); moto adds up the containers'."""
    from moto.ecs import models

    backend: Any = models.EC2ContainerServiceBackend
    nothing = {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}
    backend._calculate_task_resource_requirements = staticmethod(lambda _: dict(nothing))  # noqa: SLF001 - moto's own


def _lambda_configuration() -> None:
    """A function's configuration lacks LoggingConfig, State reasons and the resolved image in moto."""
    from moto.awslambda import models

    function: Any = models.LambdaFunction
    if getattr(function, "al_repaired", False):
        return
    plain, code = function.get_configuration, function.get_code

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        return {**plain(self, on_create), **getattr(self, "al_configuration", {})}

    def get_code(self: Any) -> dict[str, Any]:
        described: dict[str, Any] = code(self)
        if "ImageUri" in self.code:
            described["Code"]["ResolvedImageUri"] = getattr(self, "al_image", self.code["ImageUri"])
        return described

    function.get_configuration, function.get_code = get_configuration, get_code
    function.al_repaired = True
