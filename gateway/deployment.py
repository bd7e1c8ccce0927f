"""What a deployed gateway knows of its environment: one JSON file that push bakes into its image.

It holds nothing of the machine that pushed: no endpoints (AWS_ENDPOINT_URL or AL_GCP_ENDPOINT say them where it runs), no
profile, no state of Pulumi.  And nothing secret: the key is read from the environment's store.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.core.environment import AwsCloud, Cloud, Environment, GcpCloud, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.ports import Context
from toolkit.wiring import Services

VERSION = 1
PLACE = Path("/app/static/deployment.json")
KINDS: Mapping[str, type[Cloud]] = {"aws": AwsCloud, "gcp": GcpCloud}
# of this machine, or of the service that the gateway runs as; the gateway itself does not need them
NOT_BAKED = ("endpoint", "http_endpoint", "registry", "profile", "min_instances")


def place() -> Path:
    """Where the file is: AL_DEPLOYMENT, or where push bakes it."""
    return Path(os.environ.get("AL_DEPLOYMENT") or PLACE)


def dump(environment: Environment) -> dict[str, Any]:
    """The file's content, the same for the same environment.  Agents are not in it: the ledger knows them, and so
    a new agent does not rebuild the gateway."""
    fields = asdict(environment)
    cloud = {k: v for k, v in (fields.pop("cloud") or {}).items() if k not in NOT_BAKED}
    kind = next((k for k, type_ in KINDS.items() if isinstance(environment.cloud, type_)), None)
    for machines_own in ("pulumi", "images", "gateway_url", "local_process"):
        fields.pop(machines_own)
    return {
        "version": VERSION,
        "environment": fields,
        "cloud": {"kind": kind, **cloud} if kind else None,
    }


def load(path: Path = PLACE) -> Services:
    """Services for the environment in the file.  Raises ConfigError when it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']}")
        environment = _environment(data["environment"], data["cloud"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not a deployment that this gateway understands ({error})",
            hint="run `al push`, which builds the gateway anew",
        ) from error
    # a deployed gateway has no home and no project: only the cloud, and a scratch directory
    nowhere = Path("/tmp")  # noqa: S108 - writable everywhere; nothing is written
    return Services(Context(environment=environment, home=nowhere, project=nowhere))


def _environment(fields: dict[str, Any], cloud: dict[str, Any] | None) -> Environment:
    scope = Scope(**fields.pop("scope"))
    known = {name: _frozen(value) for name, value in fields.items()}
    return Environment(scope=scope, cloud=_cloud(cloud) if cloud else None, **known)


def _cloud(fields: dict[str, Any]) -> Cloud:
    kind: Callable[..., Cloud] = KINDS[fields.pop("kind")]
    return kind(**{name: _frozen(value) for name, value in fields.items()})


def _frozen(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
