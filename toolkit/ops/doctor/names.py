"""Environments of which one's names begin as another's: `prod` and `prod-eu` in one account.

Tags tell their things apart, and every policy of ours asks for them, but IAM lets nobody say by tag which roles may be
handed on (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).  Only names can, and they begin
alike.  Offline: by the files of environments that this machine has.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.core.agent import Project
from toolkit.core.environment import AwsCloud
from toolkit.ops import env
from toolkit.ops.doctor.findings import Finding, failing, warning
from toolkit.wiring import Services


def found(services: Services, project: Project) -> Iterator[Finding]:
    """One finding for each such environment; an error where two things would have one name."""
    own, cloud = services.environment, services.environment.cloud
    if not isinstance(cloud, AwsCloud) or own.scope.legacy_names:
        return
    for name, file in env.listed(services.context.home, project.directory):
        if _begins(own.name, name) and _account(Path(file)) == cloud.account:
            yield _told(min(own.name, name, key=len), max(own.name, name, key=len), project)


def _begins(one: str, other: str) -> bool:
    return one.startswith(f"{other}-") or other.startswith(f"{one}-")


def _account(file: Path) -> Any:
    """The account of an environment; None of one that is built in, or whose file nobody can read."""
    try:
        cloud = tomllib.loads(file.read_text(encoding="utf-8")).get("cloud")
    except (OSError, ValueError):
        return None
    return cloud.get("accountId") if isinstance(cloud, dict) else None


def _told(short: str, long: str, project: Project) -> Finding:
    remedy = f"rename one of them, or give {long} an account of its own"
    rest, agents = long.removeprefix(f"{short}-"), {str(agent.name) for agent in project.agents}
    if twice := sorted(agent for agent in agents if f"{rest}-{agent}" in agents):
        message = (
            f"{rest}-{twice[0]} in {short} and {twice[0]} in {long} have the same names in this account: "
            "the second one cannot be pushed"
        )
        return failing(short, message, remedy)
    message = (
        f"its names begin as those of {long}, in the same account: who may deploy {short} may hand on the roles "
        f"of {long}"
    )
    return warning(short, message, remedy)
