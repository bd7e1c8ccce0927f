"""What agents are built upon in a Docker of one's own when the environment names nothing: made once per version.  Pure.

From a registry's Python and this version's own requirements, with a name for who runs: ssh goes nowhere without one.  It ends as
that user, as the base of a cloud does: a Dockerfile that builds upon it builds there too.  The toolkit itself is not in it: it
comes with every agent's layer, so an edited checkout needs no new base.
"""

import hashlib
import sys

from .requirements import of_agents

REPOSITORY = "al-agent-base"
_TOOLS = "ca-certificates curl git jq openssh-client"


def dockerfile() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"""\
FROM python:{version}-slim
RUN apt-get update && apt-get install --yes --no-install-recommends {_TOOLS} && rm -rf /var/lib/apt/lists/* \\
    && useradd --uid 1000 --user-group --create-home al-agent
RUN python3 -m compileall -q -j 0 -x '/(site-packages|dist-packages|test|tests)/' \\
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
RUN pip install --no-cache-dir {" ".join(f"'{one}'" for one in of_agents())}
USER 1000:1000
"""


def tag() -> str:
    return hashlib.sha256(dockerfile().encode()).hexdigest()[:20]
