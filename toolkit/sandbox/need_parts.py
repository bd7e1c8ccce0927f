"""The parts of a need that services share: ARNs, the tags of a request and of what is there, and what tagging needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.reconcile.policy import Need

from .calls import Call
from .cloud import Cloud

Keys = dict[str, Sequence[str]]
_WITHOUT_REGION = frozenset({"iam", "sts", "s3"})

# Making something with tags needs the permission to tag it, too; each is on the service's page of
# https://docs.aws.amazon.com/service-authorization/latest/reference/ or in the API reference of the operation.
TAGGING: Mapping[tuple[str, str], str] = {
    ("dynamodb", "CreateTable"): "dynamodb:TagResource",
    ("ec2", "CreateSecurityGroup"): "ec2:CreateTags",
    ("ecr", "CreateRepository"): "ecr:TagResource",
    ("ecs", "CreateCluster"): "ecs:TagResource",
    ("ecs", "RegisterTaskDefinition"): "ecs:TagResource",
    ("ecs", "RunTask"): "ecs:TagResource",
    ("events", "PutRule"): "events:TagResource",
    ("iam", "CreateRole"): "iam:TagRole",
    ("lambda", "CreateFunction"): "lambda:TagResource",
    ("logs", "CreateLogGroup"): "logs:TagResource",
    ("secretsmanager", "CreateSecret"): "secretsmanager:TagResource",
}


def arn(call: Call, cloud: Cloud, rest: str) -> str:
    """Of something of the call's service, in its region."""
    region = "" if call.service in _WITHOUT_REGION else call.region
    account = "" if call.service == "s3" else cloud.account
    return f"arn:aws:{call.service}:{region}:{account}:{rest}"


def one(call: Call, resource: str, keys: Keys) -> Need:
    """The call's own action on a resource."""
    return Need(action=f"{call.service}:{call.operation}", resource=resource, keys=keys)


def passing(role: str, service: str) -> Need:
    """Handing a role to a service (IAM user guide, id_roles_use_passrole)."""
    return Need(action="iam:PassRole", resource=role, keys={"iam:passedtoservice": [service]})


def request_tags(parameters: Mapping[str, Any]) -> Keys:
    """aws:RequestTag/... and aws:TagKeys."""
    given = parameters.get("Tags") or parameters.get("tags") or ()
    for specification in parameters.get("TagSpecifications") or ():
        given = specification.get("Tags") or given
    tags = pairs(given)
    found: Keys = {f"aws:requesttag/{name.lower()}": [value] for name, value in tags.items()}
    return found | ({"aws:tagkeys": list(tags)} if tags else {})


def resource_tags(tags: Mapping[str, str], *more: str) -> Keys:
    """aws:ResourceTag/..., and the same under a service's own prefixes."""
    return {
        f"{prefix}:resourcetag/{name.lower()}": [value]
        for prefix in ("aws", *more)
        for name, value in tags.items()
    }


def pairs(given: Any) -> dict[str, str]:
    """Tags as a mapping, however a service writes them: a mapping, or a list of pairs."""
    if isinstance(given, Mapping):
        return {str(name): str(value) for name, value in given.items()}
    return {str(t.get("Key", t.get("key"))): str(t.get("Value", t.get("value", ""))) for t in given}


def with_tagging(call: Call, found: Iterable[Need]) -> Iterator[Need]:
    """The needs, and that of tagging what is made."""
    action = TAGGING.get((call.service, call.operation))
    for need in found:
        yield need
        if (
            action
            and need.action == f"{call.service}:{call.operation}"
            and "aws:tagkeys" in need.keys
        ):
            made = {f"{call.service}:createaction": [call.operation]}
            resource = _tagged(call, need.resource)
            yield Need(action=action, resource=resource, keys={**need.keys, **made})


def _tagged(call: Call, resource: str) -> str:
    """RunTask names a definition and tags a task, whose id is not known yet."""
    if call.operation != "RunTask":
        return resource
    cluster = str(call.parameters.get("cluster") or "default").rpartition("/")[2]
    return f"{resource.partition(':task-definition/')[0]}:task/{cluster}/*"
