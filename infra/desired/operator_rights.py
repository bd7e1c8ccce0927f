"""What the commands of `al` call on an environment's things, IAM apart.  Pure.

`running` is al run, logs and stop.  `deploying` is all other commands too: what push and doctor call, what Pulumi's AWS
provider calls for the resource types in infra/components, and what teardown calls.  There one statement holds what any
of our things may be asked, since IAM counts characters: an action of one service means nothing for another's resources.

What carries another environment's tags is looked at, to tell whose it is, and never more.  The services that know
aws:ResourceTag are those whose resources name it in
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from toolkit.core.plan import Grant

from .operator_names import Ours

ROLE = "operator"

_RECORDS = "BatchGetItem ConditionCheckItem DeleteItem GetItem PutItem Query UpdateItem"
_DEPLOYING: Mapping[str, tuple[str, ...]] = {
    "dynamodb": (
        _RECORDS,
        "DeleteTable DescribeTable DescribeTimeToLive ListTagsOfResource TagResource UpdateTimeToLive",
    ),
    "ecr": (
        # pushing: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
        "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload GetDownloadUrlForLayer",
        "InitiateLayerUpload PutImage UploadLayerPart",
        "BatchDeleteImage DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy DescribeImages",
        "GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource PutImageScanningConfiguration",
        "PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy TagResource UntagResource",
    ),
    "ecs": ("DeleteTaskDefinitions ListTagsForResource TagResource UntagResource",),
    # PutRule makes and changes alike, and when it changes it names no tags
    # (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)
    "events": (
        "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets",
        "TagResource UntagResource",
    ),
    "lambda": (
        "AddPermission CreateFunctionUrlConfig DeleteFunction DeleteFunctionUrlConfig",
        "GetFunctionCodeSigningConfig GetFunctionConfiguration GetFunctionEventInvokeConfig",
        "InvokeFunction ListVersionsByFunction",
        "PublishVersion PutFunctionEventInvokeConfig RemovePermission TagResource UntagResource",
        "UpdateFunctionCode UpdateFunctionConfiguration UpdateFunctionUrlConfig",
    ),
    "logs": (
        "DeleteLogGroup DeleteLogStream DescribeLogStreams FilterLogEvents GetLogEvents",
        "ListTagsForResource PutRetentionPolicy TagResource UntagResource",
    ),
    "secretsmanager": (
        "DeleteSecret DescribeSecret GetResourcePolicy GetSecretValue PutSecretValue RestoreSecret",
        "TagResource UntagResource UpdateSecret UpdateSecretVersionStage",
    ),
}
# whose a thing is, before anything else is asked of it
_LOOKING: Mapping[str, str] = {
    "ecr": "ListTagsForResource",
    "ecs": "DescribeTasks",
    "lambda": "GetFunction GetFunctionUrlConfig GetPolicy ListTags",
    "logs": "ListTagsForResource",
}
_CLUSTER = "DeleteCluster DescribeClusters PutClusterCapacityProviders UpdateCluster"
_ANYWHERE: Mapping[str, str] = {
    "ec2": "DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeVpcEndpoints "
    "DescribeVpcs",
    "ecr": "DescribeRepositories GetAuthorizationToken",
    "ecs": "DeregisterTaskDefinition DescribeTaskDefinition ListTaskDefinitionFamilies ListTaskDefinitions",
    "iam": "ListRoles",
    "lambda": "GetAccountSettings ListFunctions",
    "logs": "DescribeLogGroups",
    "secretsmanager": "ListSecrets",
    "servicequotas": "GetServiceQuota",
}


def running(ours: Ours) -> Iterator[Grant]:
    """Start runs, follow and stop them."""
    yield _grant("runs and their records", ours.table, *_of("dynamodb", _RECORDS))
    read = _of("secretsmanager", "DescribeSecret GetSecretValue")
    yield _grant("credentials of runs", ours.secrets, *read)
    write = _of("secretsmanager", "CreateSecret DeleteSecret TagResource")
    yield _grant("secrets of runs", ours.run_secrets, *write)
    own = ours.not_of_others
    yield _grant("runs on Lambda", ours.functions, "lambda:InvokeFunction", conditions=own)
    yield from _in_cluster(ours)
    yield _grant("tasks of runs", ours.tasks, "ecs:DescribeTasks")
    seen = _of("ec2", "DescribeSecurityGroups DescribeSubnets DescribeVpcs")
    yield _grant("networks of runs", ("*",), *seen)
    logs = _of("logs", "FilterLogEvents GetLogEvents")
    yield _grant("logs of runs", ours.log_groups, *logs, conditions=own)


def deploying(ours: Ours) -> Iterator[Grant]:
    """Everything on what is ours, what can only be listed, and making with our tags."""
    actions = chain.from_iterable(_of(service, *named) for service, named in _DEPLOYING.items())
    things = (
        *(*ours.table, *ours.repositories, *ours.functions, *ours.log_groups, *ours.secrets),
        *(*ours.task_definitions, *ours.event_rules),
    )
    yield _grant("our things", things, *actions, conditions=ours.not_of_others)
    looking = chain.from_iterable(_of(service, named) for service, named in _LOOKING.items())
    yield _grant("whose a thing is", (*ours.of_agents, *ours.tasks), *looking)
    anywhere = chain.from_iterable(_of(service, named) for service, named in _ANYWHERE.items())
    yield _grant("listing", ("*",), *anywhere)
    yield from _in_cluster(ours)
    yield from _making(ours)
    yield from _cluster(ours)
    pull = _of("ecr", "BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer")
    yield _grant("base images", ours.base_images, *pull)
    yield from _network(ours)
    yield from _builds(ours)
    yield from _state(ours)


def _builds(ours: Ours) -> Iterator[Grant]:
    """Only where CodeBuild builds images: its project is made with our tags, and is ours by its name."""
    if ours.environment.images.get("builder") == "codebuild":
        actions = "BatchGetBuilds BatchGetProjects CreateProject DeleteProject StartBuild StopBuild UpdateProject"
        yield _grant("builds", ours.build_project, *_of("codebuild", actions))


def _in_cluster(ours: Ours) -> Iterator[Grant]:
    """The cluster may be the user's own, with tasks of others: theirs are neither stopped nor tagged.  All are looked
    at, for a task that is stopped loses its tags
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
    here = {"ArnEquals": {"ecs:cluster": ours.cluster[0]}}
    run = {**here, **ours.not_of_others}
    yield _grant("runs on Fargate", ours.task_definitions, "ecs:RunTask", conditions=run)
    yield _grant("tasks", ("*",), "ecs:ListTasks", conditions=here)
    yield _grant("our tasks", ours.tasks, "ecs:StopTask", conditions=ours.resource_tags)
    started = {**ours.request_tags["StringEquals"], "ecs:CreateAction": "RunTask"}
    new = {"StringEquals": started}
    yield _grant("new tasks", ours.tasks, "ecs:TagResource", conditions=new)


def _making(ours: Ours) -> Iterator[Grant]:
    """Nothing without our tags (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""
    yield _grant(
        "making with our tags",
        (*ours.table, *ours.repositories, *ours.functions, *ours.log_groups, *ours.secrets),
        "dynamodb:CreateTable", "ecr:CreateRepository", "lambda:CreateFunction", "logs:CreateLogGroup",
        "secretsmanager:CreateSecret",
        conditions=ours.request_tags,
    )  # fmt: skip
    yield _grant(
        "new", ("*",), "ecs:CreateCluster", "ecs:RegisterTaskDefinition",
        conditions=ours.request_tags,
    )  # fmt: skip


def _cluster(ours: Ours) -> Iterator[Grant]:
    """The user's own is only looked at."""
    if ours.cloud.cluster:
        yield _grant("the cluster", ours.cluster, "ecs:DescribeClusters")
    else:
        tags = "ListTagsForResource TagResource UntagResource"
        yield _grant("the cluster", ours.cluster, *_of("ecs", _CLUSTER, tags))


def _network(ours: Ours) -> Iterator[Grant]:
    """The group that runs go out through; EC2 gives it its id."""
    groups, vpcs = ours.arn("ec2", "security-group/*"), ours.arn("ec2", "vpc/*")
    made = "ec2:CreateSecurityGroup"
    yield _grant("making groups", groups, made, conditions=ours.request_tags)
    # only while it is being made: who may tag any group makes any group ours, and may then open it
    # (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html)
    being_made = {**ours.request_tags["StringEquals"], "ec2:CreateAction": "CreateSecurityGroup"}
    tagged = {"StringEquals": being_made}
    yield _grant("new groups", groups, "ec2:CreateTags", conditions=tagged)
    yield _grant("in a VPC", vpcs, "ec2:CreateSecurityGroup")
    changed = _of(
        "ec2",
        "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateTags DeleteSecurityGroup",
        "DeleteTags RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
    )
    yield _grant("our groups", groups, *changed, conditions=ours.resource_tags)


def _state(ours: Ours) -> Iterator[Grant]:
    """Pulumi's (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#aws-s3); the user's own bucket is used,
    in the folder that the backend names, and ours made and removed."""
    actions = _of("s3", "DeleteObject GetBucketLocation GetObject PutObject")
    if ours.makes_bucket:
        actions += _of(
            "s3",
            "CreateBucket DeleteBucket DeleteObjectVersion GetBucketTagging ListBucketVersions",
            "PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning PutLifecycleConfiguration",
        )
    listed = {"StringLike": {"s3:prefix": f"{ours.folder}*"}} if ours.folder else {}
    whole = (*ours.bucket, *ours.objects)
    yield _grant("state", whole, *actions)
    yield _grant(
        "state",
        ours.bucket if listed else whole,
        "s3:ListBucket",
        conditions=listed,
    )
    named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ours.key_alias}}
    yield _grant(
        "key of the state",
        ours.keys,
        *_of("kms", "Decrypt Encrypt"),
        conditions=named if ours.key_alias else {},
    )


def _grant(
    reason: str,
    resources: tuple[str, ...],
    *actions: str,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> Grant:
    return Grant(
        role=ROLE,
        reason=reason,
        resources=resources,
        actions=actions,
        conditions=conditions or {},
    )


def _of(service: str, *operations: str) -> tuple[str, ...]:
    return tuple(f"{service}:{one}" for named in operations for one in named.split())
