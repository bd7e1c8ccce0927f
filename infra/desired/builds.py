"""Who builds images of Dockerfiles in a cloud: one role on AWS, one account on Google, which may push to one repository.

Pure.  Only for an environment that names such a builder; the project in CodeBuild is made by the builder itself.
"""

from collections.abc import Iterator

from toolkit.clouds.aws import arn, cloud_of
from toolkit.core.environment import Environment, GcpCloud
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import BASE, BUILD, Names, shorten
from toolkit.core.plan import Grant, Item

from .gcp_grants import granted
from .operator_names import Ours
from .policy import policy, trust

PURPOSE = "build"
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")  # fmt: skip


def aws_items(environment: Environment) -> Iterator[Item]:
    """The role of CodeBuild."""
    if environment.images.get("builder") != "codebuild":
        return
    cloud, names = cloud_of(environment), Names(environment.scope)
    yield Item(
        kind="role",
        name=names.role(BUILD, PURPOSE),
        attributes={
            "trust": trust(PURPOSE, cloud.account),
            "policy": policy(_grants(environment)),
            "boundary": cloud.permission_boundary,
        },
        tags=names.tags(),
    )


def _grants(environment: Environment) -> Iterator[Grant]:
    """No secret, no other repository: what a Dockerfile says is done with these rights."""
    cloud, names = cloud_of(environment), Names(environment.scope)
    own = arn(cloud, "ecr", f"repository/{names.repository(BASE)}")
    log = arn(cloud, "logs", f"log-group:{names.ecs_log_group}:log-stream:{BUILD}/*")
    yield _grant("log in to the registry", "*", "ecr:GetAuthorizationToken")
    yield _grant("keep what was built", own, *_PULL, *_PUSH)
    yield _grant("write its log", log, "logs:CreateLogStream", "logs:PutLogEvents")
    if bases := Ours(environment=environment, cloud=cloud).base_images:
        yield Grant(role=PURPOSE, actions=_PULL, resources=bases, reason="build upon the base")


def _grant(reason: str, resource: str, *actions: str) -> Grant:
    return Grant(role=PURPOSE, actions=actions, resources=(resource,), reason=reason)


def gcp_items(environment: Environment, cloud: GcpCloud) -> Iterator[Item]:
    """The account of Cloud Build.  Without one it would run as the project's default account, which is often an editor
    (https://cloud.google.com/build/docs/cloud-build-service-account)."""
    if environment.images.get("builder") != "cloudbuild":
        return
    scope = environment.scope
    place = f"projects/{cloud.project}/locations/{cloud.region}/repositories/{cloud.repository}"
    yield Item(
        kind="service_account",
        name=GcpNames(scope).service_account(BUILD),
        attributes={
            "display_name": shorten(f"builds of {scope.project}/{scope.environment}", 100),
            "grants": granted(
                "roles/artifactregistry.writer",
                title="images of this environment",
                expression=f'resource.name.startsWith("{place}")',
            )
            | granted("roles/logging.logWriter"),
        },
        tags=Names(scope).tags(),
    )
