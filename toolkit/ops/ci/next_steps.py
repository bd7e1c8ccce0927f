"""What a person does once so that CI may deploy: commands of the AWS and GitHub CLIs, as data; for Google Cloud what
google_steps.py says.

Pure.  `al` runs none of them: who may deploy is decided by somebody with the right to decide it, not by a tool.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from infra.desired import oidc
from toolkit.ops.ci import google_steps
from toolkit.ops.ci.github_actions import Deployment
from toolkit.ops.ci.step import Step

POLICY = "al"  # the name of the role's inline policy


def steps(d: Deployment) -> tuple[Step, ...]:
    """In the order in which they are done."""
    if d.provider:
        return (*_ids(d), *google_steps.steps(d), _rule(d), _credentials(d))
    return (*_ids(d), _provider(d), *_roles(d), _rule(d), *_template(d), _credentials(d))


def trusts(d: Deployment) -> dict[str, dict[str, Any]]:
    """Role -> its trust policy; on Google Cloud, account -> the provider's condition and who may become it."""
    if d.provider:
        return {d.role: google_steps.trust(d)}
    found = {
        d.role: oidc.deploy_trust(
            d.account, d.repository, environment=d.environment, branch=d.branch
        )
    }
    return found | ({d.plan_role: oidc.plan_trust(d.account, d.repository)} if d.plan_role else {})


def _provider(d: Deployment) -> Step:
    command = _shell(
        "aws iam create-open-id-connect-provider",
        f"--url https://{d.repository.issuer}",
        f"--client-id-list {oidc.AUDIENCE}",
    )
    return Step(
        why="Make GitHub known to AWS, once for the account; EntityAlreadyExists is fine.",
        commands=(command,),
    )


def _roles(d: Deployment) -> Iterator[Step]:
    for role, trust in trusts(d).items():
        what = "deploys" if role == d.role else "only reads, for pull requests"
        yield Step(
            why=f"Make the role that {what}.  Read who may become it before you do.",
            commands=(_create(role, trust), *_permit(d, role)),
        )


def _create(role: str, trust: Mapping[str, Any]) -> str:
    path, _, name = role.partition(":role/")[2].rpartition("/")
    return _shell(
        f"aws iam create-role --role-name {name}" + (f" --path /{path}/" if path else ""),
        f"--assume-role-policy-document {shlex.quote(json.dumps(trust, indent=2))}",
    )


def _permit(d: Deployment, role: str) -> Iterator[str]:
    """What the role may do: as much as whoever pushes by hand, or only what a dry run reads."""
    if role == d.role:
        yield from _managed(d) if d.managed else (_inline(d.role, _printed(d, "deploy")),)
        return
    plan = oidc.plan_policy(d.account, d.region, d.table)
    yield _inline(role, shlex.quote(json.dumps(plan, indent=2)))


def _inline(role: str, document: str) -> str:
    return _shell(
        f"aws iam put-role-policy --role-name {role.rpartition('/')[2]} --policy-name {POLICY}",
        f"--policy-document {document}",
    )


def _managed(d: Deployment) -> Iterator[str]:
    """Managed policies, where one inline policy would be too long."""
    role = d.role.rpartition("/")[2]
    for part in d.managed:
        name = f"{role}-{part}"
        yield _shell(
            f"aws iam create-policy --policy-name {name}",
            f"--policy-document {_printed(d, part)}",
        )
        yield _shell(
            f"aws iam attach-role-policy --role-name {role}",
            f"--policy-arn arn:aws:iam::{d.account}:policy/{name}",
        )


def _printed(d: Deployment, policy: str) -> str:
    return f'"$(al doctor -E {d.environment} --operator-policy {policy})"'


def _ids(d: Deployment) -> Iterator[Step]:
    if d.repository.host == oidc.GITHUB and d.repository.ids is None:
        yield Step(
            why=(
                "Was the repository made or renamed after 15 July 2026, or did it opt in?  Then its subject has "
                "numbers: repeat `al ci init github` with --ids and what this prints."
            ),
            commands=(f"gh api repos/{d.repository.path} --jq '\"\\(.owner.id)/\\(.id)\"'",),
        )


def _rule(d: Deployment) -> Step:
    place = f"repos/{d.repository.path}/environments/{d.environment}"
    return Step(
        why=f"Let GitHub's environment {d.environment} deploy from {d.branch} only; reviewers can be set there too.",
        commands=(
            _shell(
                f"{_gh(d)} --method PUT {place}",
                "-F 'deployment_branch_policy[protected_branches]=false'",
                "-F 'deployment_branch_policy[custom_branch_policies]=true'",
            ),
            f"{_gh(d)} --method POST {place}/deployment-branch-policies -f name={d.branch}",
        ),
    )


def _template(d: Deployment) -> Iterator[Step]:
    if d.repository.host != oidc.GITHUB:
        keys = [f"-f 'include_claim_keys[]={key}'" for key in oidc.TEMPLATE]
        yield Step(
            why="Let the subject of the repository's tokens name the branch: the trust policy asks for it.",
            commands=(
                _shell(
                    f"{_gh(d)} --method PUT repos/{d.repository.path}/actions/oidc/customization/sub",
                    " ".join(["-F use_default=false", *keys]),
                ),
            ),
        )


def _credentials(d: Deployment) -> Step:
    return Step(
        why=(
            "Push once from a machine that has the agents' credentials: CI deploys with --skip-creds and never "
            "holds one.  Do it again when one changes."
        ),
        commands=(f"al push -E {d.environment}",),
    )


def _gh(d: Deployment) -> str:
    host = d.repository.host
    return "gh api" if host == oidc.GITHUB else f"gh api --hostname {host}"


def _shell(*parts: str) -> str:
    return " \\\n  ".join(parts)
