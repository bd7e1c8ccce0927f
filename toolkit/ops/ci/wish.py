"""From what the user said about CI, and what is installed here, to the facts of a deployment.

Everything that goes into the workflow passes through here: nothing may end a string, begin an expression of GitHub's
(`${{`), or be a pattern where a name is meant.
"""

import json
import re
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from infra.desired.oidc import GITHUB, Repository
from infra.desired.policy import INLINE_SIZE, text
from toolkit.clouds.aws import cloud_of
from toolkit.core.environment import AwsCloud, Environment, GcpCloud
from toolkit.core.errors import UsageError
from toolkit.core.names import Names, shorten
from toolkit.ops import operator
from toolkit.ops.ci import checkout, google
from toolkit.ops.ci.github_actions import Deployment
from toolkit.wiring import Services

FILE = "al-deploy.yml"
NAME = "al-toolkit"
EXTRAS = {AwsCloud: "aws", GcpCloud: "gcp"}
_BRANCH = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._/@#-]*"
)  # without the characters of GitHub's patterns
_ROLE = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")  # of IAM's RoleName
_ARN = re.compile(
    r"arn:aws:iam::(?P<account>\d{12}):role/(?:[\x21-\x7e]+/)?(?P<name>[A-Za-z0-9_+=,.@-]{1,64})"
)
_IDS = re.compile(r"([0-9]+)/([0-9]+)")
_REQUIREMENT = re.compile(r"(-r )?[^\s-][\x20-\x7e]*")
_LOGIN = re.compile(r"://[^/\s]*:[^/\s]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user said; None where they said nothing."""

    env: str | None = None
    repo: str | None = None
    branch: str = "main"
    role: str | None = None
    ids: str | None = None
    project_number: str | None = None
    install: str | None = None
    file: str = FILE
    plan_on_pr: bool = False
    force: bool = False

    def check(self) -> None:
        """Raises UsageError for an option that is given and empty, as from a variable that is not set."""
        for name in ("repo", "role", "ids", "project_number", "install"):
            if getattr(self, name) == "":
                raise UsageError(
                    f"--{name.replace('_', '-')} is empty",
                    hint="leave it out, or say what `al ci init github --help` asks for",
                )


def deployment(services: Services, wish: Wish, *, directory: str) -> Deployment:
    """The facts; `directory` is the project's in its repository.  Raises UsageError, ConfigError, AlError."""
    wish.check()
    environment, scope = services.environment, services.environment.scope
    cloud, tool = environment.cloud, services.pulumi
    if cloud is None or tool is None:
        raise _elsewhere(environment)
    repository = _repository(services.context.project, wish)
    who = _on_google if isinstance(cloud, GcpCloud) else _on_aws
    return Deployment(
        project=scope.project,
        environment=environment.name,
        region=cloud.region,
        table=Names(scope).table,
        repository=repository,
        branch=_branch(wish.branch),
        directory=directory,
        install=_requirement(wish.install or installed(EXTRAS[type(cloud)])),
        pulumi=tool.wanted,
        **who(services, repository, wish),
    )


def _on_aws(services: Services, repository: Repository, wish: Wish) -> dict[str, Any]:
    cloud = cloud_of(services.environment)
    if wish.project_number:
        raise UsageError("--project-number is of Google Cloud", hint="leave it out")
    role = _role(wish.role, cloud.account, Names(services.environment.scope))
    plan_role = _plan_role(role, repository) if wish.plan_on_pr else None
    managed = _managed(services)
    return {"account": cloud.account, "role": role, "plan_role": plan_role, "managed": managed}


def _on_google(services: Services, _: Repository, wish: Wish) -> dict[str, Any]:
    if wish.plan_on_pr:
        raise UsageError(
            "--plan-on-pr is for AWS: on Google Cloud no account that only reads is set up",
            hint="leave it out",
        )
    cloud, scope = google.cloud_of(services.environment), services.environment.scope
    return {
        "account": cloud.project,
        "role": google.account(wish.role, cloud, scope),
        "plan_role": None,
        "provider": google.provider(cloud, scope, wish.project_number),
    }


def _managed(services: Services) -> tuple[str, ...]:
    """The names of the parts of `deploy`, where the whole is longer than a role's inline policies may be."""
    documents = operator.policies(services)
    if len(text(documents["deploy"])) <= INLINE_SIZE:
        return ()
    return tuple(name for name in documents if re.fullmatch(r"deploy-\d+", name))


def installed(cloud: str) -> str:
    """What pip would have to install to get this very al, with the extra of that cloud: the commit where it came from
    git, else the version."""
    package = f"{NAME}[{cloud},infra]"
    try:
        found = distribution(NAME)
    except PackageNotFoundError as error:
        raise UsageError(
            f"{NAME} runs from a directory and is not installed here, so CI cannot be told to install the same",
            hint="say with --install what pip is to install",
        ) from error
    source = json.loads(found.read_text("direct_url.json") or "{}")
    commit = (source.get("vcs_info") or {}).get("commit_id")
    return f"{package} @ git+{source['url']}@{commit}" if commit else f"{package}=={found.version}"


def _elsewhere(environment: Environment) -> UsageError:
    return UsageError(
        f"the environment {environment.name!r} is on this machine, where CI cannot deploy to",
        hint="name an environment in an account with -E (`al env init production` makes one)",
    )


def _repository(project: Path, wish: Wish) -> Repository:
    found = checkout.named(wish.repo) if wish.repo else checkout.origin(project)
    if wish.ids is None:
        return found
    if found.host != GITHUB:
        raise UsageError("--ids is for repositories on github.com", hint="leave it out")
    ids = _IDS.fullmatch(wish.ids)
    if ids is None:
        raise UsageError(
            f"--ids {wish.ids!r} is not two numbers",
            hint=f"write what `gh api repos/{found.path} --jq '\"\\(.owner.id)/\\(.id)\"'` prints",
        )
    return replace(found, ids=(ids[1], ids[2]))


def _branch(name: str) -> str:
    name = name.removeprefix("refs/heads/")
    if name.startswith("refs/"):
        raise UsageError(f"{name!r} is no branch", hint="name the branch alone, such as main")
    if not _BRANCH.fullmatch(name) or ".." in name or name.endswith(("/", ".", ".lock")):
        raise UsageError(
            f"{name!r} is not one branch",
            hint="name one branch without wildcards: letters, digits and . _ / @ # - may be in it",
        )
    return name


def _role(given: str | None, account: str, names: Names) -> str:
    """An ARN.  Not a name in the scope of the environment's own roles, which whoever deploys may rewrite."""
    scope = names.scope
    name = given or shorten(f"ci-al-{scope.project}-{scope.environment}", 64)
    arn = _ARN.fullmatch(name)
    if arn is None and not _ROLE.fullmatch(name):
        raise UsageError(
            f"--role {name!r} is neither a role's name nor its ARN",
            hint="write a name of 1-64 letters, digits and + = , . @ - _, or the ARN of a role",
        )
    if arn and arn["account"] != account:
        raise UsageError(
            f"the role is in account {arn['account']}, the environment in {account}",
            hint=f"name a role of account {account}",
        )
    if (arn["name"] if arn else name).startswith(names.scoped("")):
        raise UsageError(
            f"CI may change every role whose name begins with {names.scoped('')!r}, and so would change its own",
            hint="leave --role out, or give the role a name that begins otherwise",
        )
    return name if arn else f"arn:aws:iam::{account}:role/{name}"


def _plan_role(role: str, repository: Repository) -> str:
    if repository.host != GITHUB:
        raise UsageError(
            f"on {repository.host} no trust policy can name the pull requests of one repository",
            hint="leave --plan-on-pr out: their subjects have to name the ref, which is another for each",
        )
    place, _, name = role.rpartition("/")
    return f"{place}/{shorten(f'{name}-plan', 64)}"


def _requirement(text: str) -> str:
    if not _REQUIREMENT.fullmatch(text) or "${{" in text:
        raise UsageError(
            "--install takes one requirement of pip's, or '-r FILE'",
            hint=f"for example '{NAME}[aws,infra] @ git+https://HOST/OWNER/REPOSITORY@COMMIT'",
        )
    if _LOGIN.search(text):
        raise UsageError(
            "--install has a password in it, and the workflow is committed for all to read",
            hint="install from a place that needs none, such as a wheel in the repository",
        )
    return text
