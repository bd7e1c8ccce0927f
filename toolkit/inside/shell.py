"""Where an agent's own commands run: one environment, one working directory, one family of processes."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import setenv
from .processes import Family

# the platform's own, which are none of the agent's business: its role's credentials and where it runs
_HIDDEN = (
    "AWS_",
    "ECS_",
    "LAMBDA_",
    "_X_AMZN_",
    "_HANDLER",
    "CLOUD_RUN_",
    "GCE_METADATA_",
    "AL_",
    "SUDO_",
)
_SHOWN = ("AL_AGENT", "AL_ENVIRONMENT", "AL_PROJECT", "AL_RUN_ID", "AL_RUNTIME")
_OURS = ("PYTHONPATH", "PYTHONSAFEPATH")
_SDKS = ("ANTHROPIC_", "OPENAI_")  # variables by which SDKs would mix their own key or address in
LIBRARY = Path(__file__).parents[2]  # what PYTHONPATH needs to find this very code


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs an agent's commands; what they print goes to the log."""

    family: Family
    cwd: Path
    env: Mapping[str, str]

    def run(self, command: Sequence[str], *, timeout: float | None = None) -> int:
        """The exit code; 124 when the command was still going after `timeout` seconds, and 127 when there is none."""
        try:
            child = self.family.start(command, cwd=self.cwd, env=self.env)
            return self.family.finish(child, timeout=timeout)
        except subprocess.TimeoutExpired:
            return 124
        except OSError:
            return 127

    def module(self, name: str, feed: bytes, keep: Sequence[int]) -> subprocess.Popen[bytes]:
        """Starts a module of ours as a process of the run, with the agent's variables.

        It gets `feed` on stdin and inherits the descriptors `keep`.
        """
        env = {n: v for n, v in self.env.items() if not n.startswith(_SDKS)}
        # -P: the agent's working directory must not stand in for a module
        command = (sys.executable, "-P", "-m", name)
        env |= {"PYTHONPATH": str(LIBRARY)}
        return self.family.start(command, cwd=self.cwd, env=env, feed=feed, keep=keep)

    def line(self, text: str, *, timeout: float | None = None) -> int:
        """The same for a line of shell, which knows `setenv`."""
        command = ("/bin/sh", "-c", setenv.with_variables(text, self.env))
        return self.run(command, timeout=timeout)


def visible(environ: Mapping[str, str], library: Path, commands: Path) -> dict[str, str]:
    """What of the platform's environment an agent sees, with our commands on its PATH.

    That is what its image sets, and the few names of ours that are of use to it: platforms that are no container hand
    on nothing of their host's but the names in runtimes/_supervised.py.
    """
    found = {
        name: value
        for name, value in environ.items()
        if name in _SHOWN or not (name.startswith(_HIDDEN) or name in _OURS)
    }
    theirs = [p for p in environ.get("PYTHONPATH", "").split(":") if p and Path(p) != library]
    found |= {"PYTHONPATH": ":".join(theirs)} if theirs else {}
    path = found.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    on_it = str(commands) in path.split(":")
    return found | {"PATH": path if on_it else f"{commands}:{path}"}
