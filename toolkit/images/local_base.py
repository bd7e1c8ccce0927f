"""What agents are built upon in a Docker of one's own when the environment names nothing: made once per version.  Pure.

From a registry's Python and this version's own requirements.  The toolkit itself is not in it: it comes with every agent's
layer, so an edited checkout needs no new base.
"""

import hashlib
import re
import sys
from collections.abc import Iterable
from importlib import metadata

REPOSITORY = "al-agent-base"
_TOOLS = "ca-certificates curl git jq openssh-client"
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<name>[^'"]+)['"]""")


def dockerfile() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"""\
FROM python:{version}-slim
RUN apt-get update && apt-get install --yes --no-install-recommends {_TOOLS} && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir {" ".join(f"'{one}'" for one in _requirements())}
"""


def tag() -> str:
    return hashlib.sha256(dockerfile().encode()).hexdigest()[:20]


def _requirements() -> Iterable[str]:
    """What a model's session needs: of each the version that is installed here, else what we ask for."""
    for line in metadata.requires("al-toolkit") or ():
        wanted, _, marker = line.partition(";")
        found = _EXTRA.search(marker)
        if found and found["name"] == "agent":
            yield _pinned(wanted.strip())


def _pinned(wanted: str) -> str:
    name = re.split(r"[\s<>=!~(]", wanted, maxsplit=1)[0]
    try:
        return f"{name}=={metadata.version(name.partition('[')[0])}"
    except metadata.PackageNotFoundError:
        return wanted
