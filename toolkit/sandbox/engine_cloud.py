"""The engine's cloud: which program it runs, and who makes the program's resources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import GcpNames
from toolkit.core.plan import Item
from toolkit.core.ports import Context

from .resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One side of the sandbox, for one environment."""

    program: Callable[[Sequence[Item]], Callable[[], None]]
    resources: Resources


def cloud_for(context: Context) -> Cloud:
    """Of the environment's provider.  Raises ConfigError where there is none."""
    return _google(context) if isinstance(context.environment.cloud, GcpCloud) else _aws(context)


def _aws(context: Context) -> Cloud:
    from infra.programs.aws import program
    from toolkit.clouds.aws import clients_for, cloud_of

    resources = Resources(clients_for(cloud_of(context.environment)).client)
    return Cloud(program=program, resources=resources)


def _google(context: Context) -> Cloud:
    from infra.programs.gcp import program
    from toolkit.clouds.gcp import cloud_of, gcp_clients_for

    from .resources import gcp

    cloud, names = cloud_of(context.environment), GcpNames(context.environment.scope)
    given = gcp.Google(clients=gcp_clients_for(cloud), names=names)
    return Cloud(
        program=lambda items: program(cloud.project, items),
        resources=Resources(given, place=gcp.__name__, files=gcp.FILES),
    )
