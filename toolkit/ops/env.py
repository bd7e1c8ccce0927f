"""Environments: make a file for one, list them, and bind a project to one."""

import re
from pathlib import Path

from toolkit.config.environment_name import check_environment_name
from toolkit.config.environments import BUILT_IN as RESERVED
from toolkit.core.errors import AlreadyExists, UsageError

BUILT_IN = {
    "local": "this machine",
    "sandbox": "the embedded AWS cloud",
    "sandbox-gcp": "the embedded Google cloud",
}
SKELETONS = {
    "ecs": """\
# An AWS account: agents up to 900 s run as Lambda functions, longer ones as Fargate tasks.
[cloud]
provider = "ecs"
awsRegion = "us-east-1"
accountId = "REPLACE_ME"        # twelve digits; `aws sts get-caller-identity` shows it
# subnets = ["subnet-..."]      # default: those of the default VPC
# assignPublicIp = true         # false behind a NAT gateway

[images]
base = "REPLACE_ME"             # an image made from the base Dockerfile of al-toolkit

# [pulumi]
# backend = "s3://..."          # default: a bucket that al creates
""",
    "cloud-run": """\
# A Google Cloud project: agents run as Cloud Run jobs.
[cloud]
provider = "cloud-run"
project = "REPLACE_ME"
region = "us-central1"
# artifactRegistry = "images"   # default: a repository that al makes
# serviceAccount = "..."        # default: one for each agent
# minInstances = 1              # of the gateway: no cold start, and its price all day

[images]
base = "REPLACE_ME"             # an image made from the base Dockerfile of al-toolkit

# [pulumi]
# backend = "gs://..."          # default: a bucket that al creates
""",
}


def init(home: Path, name: str, kind: str) -> Path:
    """Write the skeleton of an environment file.  Raises ConfigError, AlreadyExists."""
    check_environment_name(name)
    if name in RESERVED:
        raise UsageError(f"{name!r} is built in", hint="choose another name")
    path = home / "environments" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(SKELETONS[kind])
    except FileExistsError as error:
        raise AlreadyExists(f"the environment {name} exists", hint=f"edit {path}") from error
    return path


def listed(home: Path, project: Path) -> list[tuple[str, str]]:
    """(name, where it is written) of every environment that can be chosen here."""
    files = {
        p.stem: str(p)
        for folder in (home, project)
        for p in sorted((folder / "environments").glob("*.toml"))
    }
    return [*BUILT_IN.items(), *sorted(files.items())]


def bind(project: Path, name: str | None) -> Path:
    """Write `environment = NAME` into the project's .env.toml, or take it out; other lines stay as they are.

    Raises ConfigError for what cannot be an environment's name.
    """
    if name is not None:
        check_environment_name(name)
    path = project / ".env.toml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = _without_binding(lines)
    text = "\n".join([*([f'environment = "{name}"'] if name else []), *kept])
    path.write_text(text + "\n" if text else "", encoding="utf-8")
    return path


def _without_binding(lines: list[str]) -> list[str]:
    """Everything but the top-level `environment`, which can only stand before the first table."""
    tables = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    head = [line for line in lines[:tables] if not re.match(r"\s*environment\s*=", line)]
    return [*head, *lines[tables:]]
