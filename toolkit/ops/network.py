"""Which network runs are in: the environment's own, or the default VPC that is found; asked once, then a fact.

Decides and reads; what is made of it is in infra/desired/network.py.  An unchanged push makes no call.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.desired.network import Network
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.clouds.aws_network import check_groups, default_place, place_of
from toolkit.core.agent import Project
from toolkit.core.environment import AwsCloud
from toolkit.core.names import FUNCTIONS, TASKS
from toolkit.core.placement import runtime_name
from toolkit.core.plan import Item
from toolkit.wiring import Services

FACT = "network"  # {"asked": what the environment said, "found": networks}

Asked = dict[str, dict[str, Any]]  # of -> the settings that its network follows from


def networks(services: Services, project: Project, facts: Mapping[str, Any]) -> tuple[Network, ...]:
    """Those that the project's runs need: tasks always, functions where the environment puts them into a VPC.

    Raises ConfigError where there is no such network, before anything is made.
    """
    asked = _asked(services, project)
    known = facts.get(FACT) or {}
    if known.get("asked") == asked:
        return tuple(Network.from_dict(found) for found in known["found"])
    return tuple(_found(cloud_of(services.environment), of, its) for of, its in asked.items())


def fact(services: Services, project: Project, wanted: Iterable[Item]) -> dict[str, Any]:
    """What to record once `wanted` is there: no question is asked twice."""
    asked = _asked(services, project)
    found = [dict(item.attributes) for item in wanted if item.kind == "network"]
    return {"asked": asked, "found": [one for one in found if one["of"] in asked]}


def _asked(services: Services, project: Project) -> Asked:
    cloud = services.environment.cloud
    if not isinstance(cloud, AwsCloud):
        return {}
    runtimes = {runtime_name(agent, services.environment) for agent in project.agents}
    asked: Asked = {}
    if "ecs_fargate" in runtimes:
        asked[TASKS] = _settings(cloud.subnets, cloud.security_groups, cloud.assign_public_ip)
    if "aws_lambda" in runtimes and cloud.lambda_subnets:
        asked[FUNCTIONS] = _settings(
            cloud.lambda_subnets, cloud.lambda_security_groups, public=False
        )
    return asked


def _settings(subnets: Sequence[str], groups: Sequence[str], public: bool) -> dict[str, Any]:
    return {"subnets": list(subnets), "groups": list(groups), "public": public}


def _found(cloud: AwsCloud, of: str, asked: Mapping[str, Any]) -> Network:
    """Looked up; subnets and groups of several VPCs are refused."""
    clients, keys = clients_for(cloud), _KEYS[of]
    place = (
        place_of(clients, asked["subnets"], keys[0]) if asked["subnets"] else default_place(clients)
    )
    if asked["groups"]:
        check_groups(clients, asked["groups"], place.vpc, keys[1])
    return Network(
        of=of,
        vpc=place.vpc,
        subnets=place.subnets,
        groups=tuple(asked["groups"]),
        default=not asked["subnets"],
        public=asked["public"],
    )


# the settings that a mistake is in
_KEYS: Mapping[str, tuple[str, str]] = {
    TASKS: ("subnets", "securityGroups"),
    FUNCTIONS: ("lambdaSubnets", "lambdaSecurityGroups"),
}
