"""The short list of actions that may name every resource, each with its reason and with where AWS says so.

A policy of ours that names `*` for any other action is refused before it is rendered (policy.py).  Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_"
_EC2, _ECS = f"{_REFERENCE}amazonec2.html", f"{_REFERENCE}amazonelasticcontainerservice.html"
_ECR = f"{_REFERENCE}amazonelasticcontainerregistry.html"
_IAM = f"{_REFERENCE}awsidentityandaccessmanagementiam.html"
_KMS = "https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html"
_VPC = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """Why an action may name every resource, and AWS's page that says that it cannot be narrower."""

    why: str
    source: str


_SECRETS = f"{_REFERENCE}awssecretsmanager.html"
_NO_RESOURCE = "EC2's describing actions know no resource"


def _interface(what: str) -> Wide:
    return Wide(
        why=f"Lambda {what} a function's network interface, whose id is not known before",
        source=_VPC,
    )


# of roles that agents and the gateway have
IN_ROLES: Mapping[str, Wide] = {
    "ecr:GetAuthorizationToken": Wide(
        why="logging in to the registry: the action knows no resource", source=_ECR
    ),
    "ec2:AssignPrivateIpAddresses": _interface("gives addresses to"),
    "ec2:CreateNetworkInterface": _interface("makes"),
    "ec2:DeleteNetworkInterface": _interface("removes"),
    "ec2:DescribeNetworkInterfaces": _interface("looks for"),
    "ec2:DescribeSubnets": Wide(
        why="Lambda looks where it may put a function, and the gateway where a task may be",
        source=_VPC,
    ),
    "ec2:UnassignPrivateIpAddresses": _interface("takes addresses from"),
    "ec2:DescribeSecurityGroups": Wide(
        why=f"the gateway finds the security group of the tasks that it starts: {_NO_RESOURCE}",
        source=_EC2,
    ),
    "ec2:DescribeVpcs": Wide(
        why=f"the gateway finds the default VPC for the tasks that it starts: {_NO_RESOURCE}",
        source=_EC2,
    ),
    "ecs:ListTasks": Wide(
        why="the gateway finds tasks again whose start was not recorded: Fargate's are on no container instance, the only "
        "resource that the action knows; the condition names the cluster",
        source=_ECS,
    ),
    "secretsmanager:ListSecrets": Wide(
        why="the gateway looks for run secrets that were left behind, without values: the action knows no resource",
        source=_SECRETS,
    ),
}


def _lists(what: str, service: str) -> Wide:
    return Wide(
        why=f"what is left of an environment is found by listing {what}: the action knows no resource",
        source=f"{_REFERENCE}{service}.html",
    )


def _describes(what: str) -> Wide:
    return Wide(why=f"finding {what}: EC2's describing actions know no resource", source=_EC2)


def _group(what: str) -> Wide:
    return Wide(
        why=f"{what}: its id is not known before, so the condition on our tags narrows it",
        source=_EC2,
    )


def _policy(what: str) -> Wide:
    return Wide(
        why=f"{what} of a role that you bring, and of its boundary: which they are is known when the role has been read",
        source=_IAM,
    )


def _key(what: str) -> Wide:
    return Wide(
        why=f"{what} in Pulumi's state with a key that is named by its alias, which is no resource: the condition "
        "names it",
        source=_KMS,
    )


# of the person or job that runs al, beside the one above for logging in
OF_OPERATORS: Mapping[str, Wide] = {
    "ecr:GetAuthorizationToken": IN_ROLES["ecr:GetAuthorizationToken"],
    "ecr:DescribeRepositories": Wide(
        why="what is left of an environment is found by listing the repositories", source=_ECR
    ),
    "ec2:AuthorizeSecurityGroupEgress": _group("opening the runs' security group"),
    "ec2:AuthorizeSecurityGroupIngress": _group("putting back a rule of the runs' security group"),
    "ec2:CreateSecurityGroup": _group("making the runs' security group"),
    "ec2:CreateTags": _group("tagging the runs' security group"),
    "ec2:DeleteSecurityGroup": _group("removing the runs' security group"),
    "ec2:DeleteTags": _group("taking foreign tags from the runs' security group"),
    "ec2:RevokeSecurityGroupEgress": _group("closing the runs' security group"),
    "ec2:RevokeSecurityGroupIngress": _group("closing the runs' security group"),
    "ec2:DescribeNetworkInterfaces": _describes("what still uses a security group"),
    "ec2:DescribeRouteTables": _describes("where the routes of the environment's subnets lead"),
    "ec2:DescribeSecurityGroups": _describes("the runs' security group"),
    "ec2:DescribeSubnets": _describes("the subnets that runs are in"),
    "ec2:DescribeVpcEndpoints": _describes("the endpoints that do for a way out"),
    "ec2:DescribeVpcs": _describes("the default VPC, and for Lambda that of a function's subnets"),
    "ecs:CreateCluster": Wide(
        why="the action knows no resource; our tags are required", source=_ECS
    ),
    "ecs:DeregisterTaskDefinition": Wide(why="the action knows no resource", source=_ECS),
    "ecs:DescribeTaskDefinition": Wide(why="the action knows no resource", source=_ECS),
    "ecs:ListTaskDefinitionFamilies": _lists(
        "the task definitions", "amazonelasticcontainerservice"
    ),
    "ecs:ListTaskDefinitions": _lists("the task definitions", "amazonelasticcontainerservice"),
    "ecs:ListTasks": Wide(
        why="Fargate's tasks are on no container instance, the only resource that the action knows; the "
        "condition names the cluster",
        source=_ECS,
    ),
    "ecs:RegisterTaskDefinition": Wide(
        why="the action knows no resource; our tags are required", source=_ECS
    ),
    "iam:GetAccountAuthorizationDetails": Wide(
        why="reading all roles in one call, in a document of its own: the action knows no resource",
        source=_IAM,
    ),
    "iam:GetPolicy": _policy("looking which version is in force of a managed policy"),
    "iam:GetPolicyVersion": _policy("reading a managed policy"),
    "iam:ListRoles": _lists("the roles", "awsidentityandaccessmanagementiam"),
    "kms:Decrypt": _key("reading secrets"),
    "kms:Encrypt": _key("writing secrets"),
    "lambda:GetAccountSettings": Wide(
        why="reading the account's own limit of runs at once: the action knows no resource",
        source=f"{_REFERENCE}awslambda.html",
    ),
    "lambda:ListFunctions": _lists("the functions", "awslambda"),
    "logs:DescribeLogGroups": Wide(
        why="a log group is found by the beginning of its name, and the request names no group",
        source=f"{_REFERENCE}amazoncloudwatchlogs.html",
    ),
    "secretsmanager:ListSecrets": _lists("the secrets, without values", "awssecretsmanager"),
    "servicequotas:GetServiceQuota": Wide(
        why="reading the account's own quotas, to compare them with the schedules",
        source=f"{_REFERENCE}servicequotas.html",
    ),
}
