"""The Compose file of hired agents: each a service that is defined and begins only when its profile is named. Pure but for
`write`.

For those who run their machines with Compose; `al up` needs none. A service is `al up NAME --foreground` in a container that
reads the project, and has one agent's data and credentials, and no other's (https://docs.docker.com/reference/compose-file/services/).
No value of a credential is in the file: secrets are mounted from where this machine keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolkit import __version__
from toolkit.core.agent import Agent, Project
from toolkit.core.errors import ConfigError, Conflict
from toolkit.core.units import GIB, MIB
from toolkit.credentials import resolve
from toolkit.llm.addresses import Reach, reach_of
from toolkit.ops.handed import PLACE, handed_name

FILE = "compose.agents.yaml"
MARK = "# Made by `al compose`: do not edit, it is written anew."
PORT = 8080  # of the gateway inside; published nowhere
HOME, PROJECT, WORKSPACE = "/al", "/project", "/workspace"
TEMPORARY = "/tmp"  # noqa: S108 - the container's own
OWNER = "${AL_UID:-1000}:${AL_GID:-1000}"
MEMORY, PIDS = 4 * GIB, 512  # as for containers of `al run`: docs/docker.md
_HEADER = f"""\
{MARK}
#
# Nothing here starts by itself. Name what is to run:
#   COMPOSE_PROFILES=agents-one,agents-two docker compose -f {FILE} up -d
# The image is al's base, built from what `python -m toolkit.images.own_base` writes; AL_IMAGE names another one.
# AL_UID and AL_GID are who owns the credentials of AL_HOME, where it is not 1000.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """The file's text, and what is to be known of it."""

    text: str
    notes: tuple[str, ...]


def service_of(agent: Agent) -> str:
    return f"agents-{agent.name}"


def composed(project: Project, *, base: str | None) -> Composed:
    """`base` is the configured image.  Raises ConfigError where nobody is hired."""
    import yaml

    hired = [agent for agent in project.agents if agent.hired]
    if not hired:
        raise ConfigError(
            f"{project.name} has no hired agent", hint="`al hire NAME ROLE` makes one"
        )
    document = {
        "name": f"al-{project.name}",
        "services": {service_of(agent): _service(agent, base) for agent in hired},
        "networks": {service_of(agent): {"driver": "bridge"} for agent in hired},
        "secrets": {name: secret for agent in hired for name, secret in _secrets(agent).items()},
    }
    text = yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)
    return Composed(text=f"{_HEADER}\n{text}", notes=tuple(_notes(hired, base)))


def write(directory: Path, text: str) -> Path:
    """Write it beside config.toml, with the directories that it mounts.  Raises Conflict for a file that is not ours."""
    from toolkit.ops.hire.files import replace_file

    path = directory / FILE
    if path.exists() and not path.read_text(encoding="utf-8").startswith(MARK):
        raise Conflict(
            f"{path} was not made by al", hint="rename it, or print ours with `al compose -o -`"
        )
    replace_file(path, text)
    return path


def make_places(project: Project) -> None:
    """The directories of the services: made here, because Docker would make them root's."""
    for agent in project.agents:
        if agent.hired:
            for source in (_data(agent), _repos(agent)):
                (project.directory / source).mkdir(parents=True, exist_ok=True, mode=0o700)


def _service(agent: Agent, base: str | None) -> dict[str, Any]:
    memory = agent.memory or MEMORY
    owned = "uid=${AL_UID:-1000},gid=${AL_GID:-1000},mode=0700"
    return {
        "profiles": [service_of(agent)],
        "image": base or f"${{AL_IMAGE:-al-agent:{__version__}}}",
        "user": OWNER,
        "restart": "unless-stopped",
        "init": True,
        "entrypoint": ["python3", "-P", "-m", "toolkit.cli"],
        "command": _command(agent),
        "working_dir": PROJECT,
        "environment": {"AL_HOME": HOME, "HOME": HOME, "TMPDIR": TEMPORARY},
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": PIDS,
        "mem_limit": memory,
        "memswap_limit": memory,
        **({"cpus": agent.cpus} if agent.cpus else {}),
        "tmpfs": [f"{HOME}:{owned},size={16 * MIB}", f"{TEMPORARY}:size={memory // 2},mode=1777"],
        "volumes": _volumes(agent),
        "secrets": list(_secrets(agent)),
        "networks": [service_of(agent)],
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "healthcheck": _health(),
        "stop_grace_period": "40s",
        "logging": {"driver": "json-file", "options": {"max-size": "100m", "max-file": "5"}},
    }


def _command(agent: Agent) -> list[str]:
    words = ["up", str(agent.name), "--foreground", "--process", "--handed", str(PLACE)]
    return [*words, "--port", str(PORT), "-H", "-E", "local"]


def _volumes(agent: Agent) -> list[Mapping[str, Any]]:
    """The project as it is, and what is the agent's own: two that share a work tree damage each other's."""
    places = ((".", PROJECT, True), (_data(agent), f"{PROJECT}/.al", False))
    return [
        {"type": "bind", "source": source, "target": target, "read_only": fixed}
        for source, target, fixed in (*places, (_repos(agent), WORKSPACE, False))
    ]


def _data(agent: Agent) -> str:
    return f"./.al/compose/{agent.name}/data"


def _repos(agent: Agent) -> str:
    return f"./.al/compose/{agent.name}/repos"


def _health() -> dict[str, Any]:
    """Whether its scheduler answers; the times are the predecessor's."""
    look = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/health', timeout=4)"
    times = {"interval": "60s", "timeout": "5s", "retries": 3, "start_period": "30s"}
    return {"test": ["CMD", "python3", "-c", look], **times}


def _secrets(agent: Agent) -> dict[str, Mapping[str, str]]:
    """By file name.  Only the agent's own, and of them what every instance has."""
    home = "${AL_HOME:-~/.action-llama}/credentials"
    names = resolve.required_fields(resolve.required(agent))
    own = [*names, *_optional(agent, names)]
    return {handed_name(name): {"file": f"{home}/{name}"} for name in own}


def _optional(agent: Agent, names: Iterable[str]) -> list[str]:
    """The password of an account that `al hire` has made, without which git cannot push."""
    known = set(names)
    found = [
        f"{ref.type}/{ref.instance}/password"
        for ref in agent.credentials
        if ref.type == "forge_bot"
    ]
    return [name for name in found if name not in known]


def _notes(agents: Iterable[Agent], base: str | None) -> Iterable[str]:
    if base and "@" not in base:
        yield f"{base} is not pinned: write it as NAME@sha256:... under [images] base"
    for agent in agents:
        url = next((model.base_url for model in agent.models if model.base_url), None)
        if url and reach_of(url) is Reach.LOOPBACK and "docker.internal" not in url:
            port = urlsplit(url).port
            yield (
                f"{agent.name}: its container cannot reach {url}; write this machine's address, or "
                f"http://host.docker.internal{f':{port}' if port else ''}, as its base_url"
            )
