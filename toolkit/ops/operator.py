"""The smallest policies for whoever runs `al`, by name.  It only says what they are: nobody is given anything here."""

from collections.abc import Mapping
from typing import Any

from infra.desired import operator as wanted
from toolkit.core.environment import GcpCloud
from toolkit.core.errors import ConfigError
from toolkit.wiring import Services


def policies(services: Services) -> Mapping[str, Mapping[str, Any]]:
    """`deploy`, `deploy-without-iam` and `run`.

    One that is longer than a managed policy may be (and fits into a role's inline ones) is there in parts, too:
    `deploy-1` and `deploy-2`, which are needed together.  Raises ConfigError where the environment is not on AWS,
    LimitExceeded where its names are longer than a policy can hold.
    """
    if isinstance(services.environment.cloud, GcpCloud):
        raise ConfigError(
            "Google Cloud has no policy documents that could be printed: whoever runs al has roles there",
            hint="docs/gcp.md lists the roles; `al doctor -c` says which of them this identity lacks",
        )
    found: dict[str, Mapping[str, Any]] = {}
    for name, document in wanted.policies(services.environment).items():
        found[name] = document
        if len(parts := wanted.split(document)) > 1:
            found |= {f"{name}-{number}": part for number, part in enumerate(parts, 1)}
    return found
