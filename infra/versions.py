"""Which versions of Pulumi fit together: the CLI, the SDK that talks to it, and the cloud's provider.  Pure.

The SDK and the provider are Python packages, pinned in constraints.txt.  The provider's plug-in is the one of
the package's own version: the SDK names it with every resource, and Pulumi downloads exactly that one.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from toolkit.core.errors import Conflict

# Since 3.174.0 a resource that is imported may differ from the program: it is imported, then updated; 3.175.0
# mends a crash of that (https://github.com/pulumi/pulumi/blob/master/CHANGELOG.md).
OLDEST = "3.175.0"
AWS = "aws"  # what Pulumi calls the provider
PROVIDER = f"pulumi:providers:{AWS}"


def sdk() -> str:
    """The version of Pulumi's Python SDK, and the best one of the CLI."""
    return version("pulumi")


def provider(package: str = AWS) -> str:
    """The version of the provider that the program asks for."""
    return version(f"pulumi-{package}")


def note(cli: str) -> str | None:
    """What to say of a CLI that can be used, if anything: a newer one has met fewer of our tests."""
    if _numbers(cli) <= _numbers(sdk()):
        return None
    return f"the Pulumi CLI {cli} is newer than the SDK {sdk()}: should it fail, install {sdk()}"


def check_state(resources: Iterable[Mapping[str, Any]], package: str = AWS) -> str | None:
    """What to say of the provider that last wrote this state, if anything.

    Raises Conflict when it was of a newer major version: an older provider cannot read what it wrote.
    """
    here = provider(package)
    ours = _numbers(here)
    theirs = max((_numbers(found) for found in _providers(resources, package)), default=ours)
    last = ".".join(map(str, theirs))
    if theirs[:1] > ours[:1]:
        raise Conflict(
            f"the infrastructure was last changed with pulumi-{package} {last}, and this machine has {here}",
            hint=f'install the newer one: pip install "pulumi-{package}>={last}", or the `al` that others use',
        )
    if theirs > ours:
        return f"the infrastructure was last changed with pulumi-{package} {last}, newer than {here} here"
    return None


def _providers(resources: Iterable[Mapping[str, Any]], package: str) -> Iterable[str]:
    for resource in resources:
        if resource.get("type") == f"pulumi:providers:{package}":
            yield str((resource.get("inputs") or {}).get("version") or "0")


def _numbers(text: str) -> tuple[int, ...]:
    """`(3, 272, 0)` of `v3.272.0-alpha.1`: what comes before the first hyphen or plus."""
    plain = text.removeprefix("v").partition("-")[0].partition("+")[0]
    return tuple(int(part) for part in plain.split(".") if part.isdigit())
