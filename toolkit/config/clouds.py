"""`[cloud]` as a whole: the section checked for its provider, and turned into the core's AwsCloud or GcpCloud."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.aws_limits import (
    MOST_SECURITY_GROUPS,
    MOST_SUBNETS,
    RETENTION_DAYS,
    retention,
    secret_name_problem,
)
from toolkit.core.environment import AwsCloud, GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.core.gcp_regions import REGIONS

from .cloud_schema import AWS, GOOGLE, AgentRoles, Cloud
from .origin import DEFAULT, Merged
from .problems import Findings, nearest

_REPOSITORY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/.+"
)
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html; `aws` stands for AWS's own policies
_BOUNDARY = re.compile(
    r"arn:aws[a-z-]*:iam::(?P<account>\d{12}|aws):policy/[\w+=,.@/-]{1,512}", re.ASCII
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ROLE = re.compile(
    r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:[\x21-\x7e]{1,510}/)?[\w+=,.@-]{1,64}",
    re.ASCII,
)
# https://cloud.google.com/artifact-registry/docs/repositories/create-repos
_ARTIFACTS = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# https://cloud.google.com/iam/docs/service-account-types
_ACCOUNT = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
# https://cloud.google.com/resource-manager/docs/creating-managing-projects; with an organization's domain those of old
_PROJECT = re.compile(r"([a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
# https://cloud.google.com/run/docs/locations: regions alone, no zones and no multi-regions
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}")
PLACEHOLDER = "REPLACE_ME"  # in the environment files that `al env init` writes
# provider -> the other cloud's build service, whose it is, and its own one
_BUILDERS = {
    "ecs": ("cloudbuild", "Google's", "codebuild"),
    "cloud-run": ("codebuild", "AWS's", "cloudbuild"),
}
_LISTS = {
    "subnets": MOST_SUBNETS,
    "securityGroups": MOST_SECURITY_GROUPS,
    "lambdaSubnets": MOST_SUBNETS,
    "lambdaSecurityGroups": MOST_SECURITY_GROUPS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudReader:
    """Makes the core's cloud of a section.  `merged` says which file each value is from."""

    merged: Merged
    findings: Findings

    def error(self, key: str, message: str, remedy: str) -> None:
        self.findings.error(self._file(key), f"cloud.{key}", message, remedy)

    def _file(self, key: str) -> str:
        own = self.merged.origin_of(f"cloud.{key}")
        return own if own != DEFAULT else self.merged.origin_of("cloud.provider")

    def read(self, cloud: Cloud, scope: Scope) -> AwsCloud | GcpCloud | None:
        """The cloud, or None and findings.  `scope` names what the environment does not."""
        foreign, other = (GOOGLE, "cloud-run") if cloud.provider == "ecs" else (AWS, "ecs")
        given: Mapping[str, Any] = self.merged.values.get("cloud", {})
        for key in sorted(foreign & given.keys()):
            self.error(key, f"is a key of provider {other!r}", "remove it, or change the provider")
        self._check_builder(cloud.provider)
        return self._aws(cloud) if cloud.provider == "ecs" else self._google(cloud, scope)

    def _check_builder(self, provider: str) -> None:
        """A build service logs in to its own cloud's registry, as one of that cloud's identities."""
        foreign, where, own = _BUILDERS[provider]
        if self.merged.values.get("images", {}).get("builder") == foreign:
            file = self.merged.origin_of("images.builder")
            words = f"{foreign!r} is {where}, and pushes to no other cloud's registry"
            self.findings.error(file, "images.builder", words, f"use {own!r}, or 'docker'")

    def retention(self, days: int) -> int:
        """`days`, or the next longer time that CloudWatch Logs can keep, with a warning."""
        allowed = retention(days)
        if allowed != days:
            words = f"CloudWatch Logs cannot keep logs for {days} days, so it will be {allowed}"
            file, choices = self._file("logRetentionDays"), ", ".join(map(str, RETENTION_DAYS))
            self.findings.warn(file, "cloud.logRetentionDays", words, f"use one of: {choices}")
        return allowed

    def _aws(self, cloud: Cloud) -> AwsCloud | None:
        account, region = self._account(cloud), self._require("region", "awsRegion", cloud.region)
        for key, most in _LISTS.items():
            if len(self.merged.values["cloud"].get(key, ())) > most:
                self.error(key, f"has more than {most} entries", f"name at most {most}")
        self._check_boundary(cloud.permission_boundary or "", account)
        self._check_roles(cloud, account)
        if said := secret_name_problem(f"{cloud.secret_prefix}/"):
            self.error("secretPrefix", f"{cloud.secret_prefix!r} {said}", "change the prefix")
        if not account or not region:
            return None
        return AwsCloud(
            region=region,
            account=account,
            profile=cloud.profile,
            cluster=cloud.ecs_cluster,
            execution_role=cloud.execution_role_arn,
            task_role=cloud.task_role_arn,
            lambda_role=cloud.lambda_role_arn,
            agent_roles=_agent_roles(cloud.agent_roles),
            permission_boundary=cloud.permission_boundary,
            subnets=cloud.subnets,
            security_groups=cloud.security_groups,
            lambda_subnets=cloud.lambda_subnets,
            lambda_security_groups=cloud.lambda_security_groups,
            assign_public_ip=cloud.assign_public_ip,
            use_lambda=cloud.lambda_ == "auto",
        )

    def _check_boundary(self, boundary: str, account: str) -> None:
        """A managed policy of the account, or of AWS; IAM would refuse a role with any other."""
        if not boundary or PLACEHOLDER in boundary + account:
            return
        match = _BOUNDARY.fullmatch(boundary)
        if match is None:
            form = "write it like 'arn:aws:iam::123456789012:policy/NAME'"
            self.error("permissionBoundary", "is not the ARN of a managed policy", form)
        elif account and match["account"] not in (account, "aws"):
            words = f"is a policy of account {match['account']}, the environment is in {account}"
            self.error("permissionBoundary", words, "name a policy of the environment's account")

    def _check_roles(self, cloud: Cloud, account: str) -> None:
        """The user's own roles, by name or by an ARN of the account."""
        given = {
            "executionRoleArn": cloud.execution_role_arn,
            "taskRoleArn": cloud.task_role_arn,
            "lambdaRoleArn": cloud.lambda_role_arn,
        }
        for agent, purpose, role in _agent_roles(cloud.agent_roles):
            given[f"agentRoles.{agent}.{purpose}"] = role
        for key, named in given.items():
            self._check_role(key, named or "", account)

    def _check_role(self, key: str, role: str, account: str) -> None:
        if not role or PLACEHOLDER in role + account or _ROLE_NAME.fullmatch(role):
            return
        match = _ROLE.fullmatch(role)
        if match is None:
            form = "write its name, or its ARN like 'arn:aws:iam::123456789012:role/NAME'"
            self.error(key, "is neither a role's name nor its ARN", form)
        elif account and match["account"] != account:
            words = f"is a role of account {match['account']}, the environment is in {account}"
            self.error(key, words, "name a role of the environment's account")

    def _account(self, cloud: Cloud) -> str:
        """Twelve digits, from `accountId` or from `ecrRepository`."""
        repository = _REPOSITORY.fullmatch(cloud.ecr_repository or "")
        self._check_repository(cloud, repository)
        account = cloud.account_id or (repository["account"] if repository else "")
        if not account and not cloud.ecr_repository:
            self.error(
                "accountId",
                "is required: it says whose account this is",
                "write accountId = '123456789012', or ecrRepository = "
                "'123456789012.dkr.ecr.REGION.amazonaws.com/NAME', which has it too",
            )
        elif account and not re.fullmatch(r"\d{12}|.*REPLACE_ME.*", account):
            self.error("accountId", f"{account!r} is not an account id", "write its twelve digits")
        return account

    def _check_repository(self, cloud: Cloud, repository: re.Match[str] | None) -> None:
        if not repository and cloud.ecr_repository and PLACEHOLDER not in cloud.ecr_repository:
            form = "write it like '123456789012.dkr.ecr.us-east-1.amazonaws.com/al-images'"
            self.error("ecrRepository", "is not an ECR repository", form)
        elif repository and cloud.region and repository["region"] != cloud.region:
            # Lambda takes images of its own Region only:
            # https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
            words = f"is in {repository['region']}, the environment in {cloud.region}"
            self.error("ecrRepository", words, "use a repository of the environment's region")
        if repository and cloud.account_id and repository["account"] != cloud.account_id:
            words = f"{cloud.account_id!r} is not the account of ecrRepository"
            self.error("accountId", words, "correct one of the two")

    def _google(self, cloud: Cloud, scope: Scope) -> GcpCloud | None:
        project = self._require("project", "gcpProject", cloud.project)
        region = self._require("region", "region", cloud.region)
        self._check_place(project, region)
        self._check_account(cloud.service_account or "")
        if not project or not region:
            return None
        return GcpCloud(
            project=project,
            region=region,
            repository=self._repository(cloud, project, region) or GcpNames(scope).repository,
            service_account=cloud.service_account,
            mount_secrets=cloud.secrets == "mount",
            min_instances=cloud.min_instances,
        )

    def _check_place(self, project: str, region: str) -> None:
        if project and PLACEHOLDER not in project and not _PROJECT.fullmatch(project):
            form = "write its id, not its name or number: 6-30 lower-case letters, digits and inner hyphens"
            self.error("project", f"{project!r} is no project's id", form)
        if region and PLACEHOLDER not in region and not _REGION.fullmatch(region):
            form = "write one of https://cloud.google.com/run/docs/locations, such as 'us-central1'"
            self.error("region", f"{region!r} is no region of Google's", form)
        elif region and PLACEHOLDER not in region and region not in REGIONS:
            meant = nearest(
                region, REGIONS, otherwise="see https://cloud.google.com/run/docs/locations"
            )
            self.findings.warn(
                self._file("region"),
                "cloud.region",
                f"{region!r} is no region that al knows",
                meant,
            )

    def _repository(self, cloud: Cloud, project: str, region: str) -> str:
        """Its id; "" where none is named."""
        given = (cloud.artifact_registry or "").rstrip("/")
        place, _, name = given.rpartition("/")
        own = f"{region}-docker.pkg.dev/{project.replace(':', '/')}"
        if place not in ("", own):
            words = f"is not in {own}, where the environment's images are"
            self.error("artifactRegistry", words, "name a repository of that project and region")
        elif given and not _ARTIFACTS.fullmatch(name):
            form = "write its id: at most 63 lower-case letters, digits and inner hyphens"
            self.error("artifactRegistry", f"{name!r} is no repository's id", form)
        return name

    def _check_account(self, account: str) -> None:
        if account and PLACEHOLDER not in account and not _ACCOUNT.fullmatch(account):
            form = "write it like 'runner@my-project.iam.gserviceaccount.com'"
            self.error("serviceAccount", "is not the e-mail of a service account", form)

    def _require(self, key: str, older: str, value: str | None) -> str:
        if not value:
            also = f" (or {older})" if older != key else ""
            self.error(key, "is required", f"add {key} = '...'{also} to [cloud]")
        return value or ""


def _agent_roles(given: Mapping[str, AgentRoles]) -> tuple[tuple[str, str, str], ...]:
    """(agent, purpose, role), in the order of the file."""
    return tuple(
        (agent, purpose, role)
        for agent, roles in given.items()
        for purpose, role in (
            ("task", roles.task),
            ("execution", roles.execution),
            ("lambda", roles.lambda_),
        )
        if role
    )
