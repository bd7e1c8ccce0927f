"""What goes into an image: an agent's static files, the toolkit's own, and the hash that names the result.

Pure but for reading the user's files.  No secret is among them: values come at run time (D2).  Dot-files
(`.env`, `.git`) are never taken.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.agent import Agent, CredentialRef, Project
from toolkit.core.credential import CredentialType
from toolkit.core.environment import AwsCloud, Cloud, GcpCloud
from toolkit.core.errors import ConfigError, LimitExceeded
from toolkit.core.ports import LayerFile

if TYPE_CHECKING:
    from toolkit.inside.prompt import Place

APP = "/app"
STATIC = f"{APP}/static"
LIBRARY = f"{APP}/lib"
LARGEST = (
    200 * 1024 * 1024
)  # bytes of one agent's files: they travel, and are unpacked, at every cold start
AGENT_CONFIG: Mapping[str, Any] = {
    "Entrypoint": ["python3", "-P", "-m", "toolkit.inside.entry"],
    "Cmd": None,
    "Env": [
        f"PYTHONPATH={LIBRARY}",
        f"PATH={APP}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONUNBUFFERED=1",
    ],
    "WorkingDir": STATIC,
    "User": "1000:1000",
}
# what answers for the gateway, by the kind of cloud that it is in
_SERVERS: Mapping[type, str] = {AwsCloud: "gateway.aws_lambda", GcpCloud: "gateway.server"}

_NOT_COPIED = frozenset(
    {
        "config.toml",
        "agent-config.toml",
        "Dockerfile",
        "SKILL.md",
    }
)  # at the top of an agent's directory
_INSIDE = ("core", "llm", "clouds", "inside")  # of the toolkit: what a run imports


def dockerfile_text(file: Path) -> str:
    """Empty where there is none.  Raises ConfigError where it is no text."""
    try:
        return file.read_text("utf-8") if file.is_file() else ""
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text", hint="save the file as UTF-8") from None


def agent_files(
    project: Project,
    agent: Agent,
    types: Mapping[str, CredentialType],
    place: "Place" = "container",
) -> dict[str, LayerFile]:
    """Everything under `/app/static` for one agent.  `place` is what its model is told of where it works.

    Raises ConfigError (a link that leaves the project, two files of one name, a name that is not UTF-8) and
    LimitExceeded.
    """
    sources = dict(_below(agent.directory, project.directory, skip=_NOT_COPIED))
    for name, source in _below(project.directory / "shared", project.directory):
        _claim(sources, f"shared/{name}", source)
    _check_size(agent, sources)
    made = _generated(agent, types, place)
    if taken := sorted(set(made) & set(sources)):
        raise ConfigError(
            f"{sources[taken[0]]}: `al push` makes a file of this name itself", hint="rename yours"
        )
    files = {
        name: LayerFile(source.read_bytes(), _mode(source)) for name, source in sources.items()
    }
    if agent.script and "test-script.sh" in files:
        files["test-script.sh"] = LayerFile(files["test-script.sh"].data, 0o755)
    return {f"{STATIC}/{name}": file for name, file in {**files, **made}.items()}


def own_files(project: Project, agent: Agent) -> dict[str, LayerFile]:
    """What an agent's own Dockerfile may COPY: its directory and `shared/`, without what is made into other files: a
    prompt that changes builds nothing.  Raises as `agent_files`."""
    sources = dict(_below(agent.directory, project.directory, skip=_NOT_COPIED))
    for name, source in _below(project.directory / "shared", project.directory):
        _claim(sources, f"shared/{name}", source)
    _check_size(agent, sources)
    return {name: LayerFile(source.read_bytes(), _mode(source)) for name, source in sources.items()}


def base_files() -> dict[str, LayerFile]:
    """What every agent image shares: the part of the toolkit that runs inside, and the `al-*` commands (D20)."""
    from toolkit.inside.commands.launchers import launchers

    root = _package("toolkit")
    files = {f"{LIBRARY}/toolkit/__init__.py": LayerFile((root / "__init__.py").read_bytes())}
    for room in _INSIDE:
        files |= _library(root / room, f"toolkit/{room}")
    scripts = {f"{APP}/bin/{name}": LayerFile(data, 0o755) for name, data in launchers().items()}
    return files | scripts


def gateway_config(cloud: Cloud | None) -> Mapping[str, Any]:
    """The gateway's image is an agent's, with another program."""
    server = _SERVERS.get(type(cloud), "gateway.server")
    return {**AGENT_CONFIG, "Entrypoint": ["python3", "-P", "-m", server]}


def gateway_files(deployment: Mapping[str, Any]) -> dict[str, LayerFile]:
    """The gateway: the toolkit without the sandbox, the runtimes, the gateway, and what it was deployed with."""
    files: dict[str, LayerFile] = {}
    for package in ("toolkit", "runtimes", "gateway"):
        files |= _library(_package(package), package)
    sandbox = f"{LIBRARY}/toolkit/sandbox/"
    kept = {path: file for path, file in files.items() if not path.startswith(sandbox)}
    return {**kept, f"{STATIC}/deployment.json": _json(deployment)}


def content_hash(
    base_digest: str, files: Mapping[str, LayerFile], config: Mapping[str, Any]
) -> str:
    """20 hex digits that change whenever the image would: the tag that it is pushed under.

    Of the files rather than of the packed layer, so that another zlib does not push every agent again.
    """
    seen = hashlib.sha256(json.dumps([base_digest, config], sort_keys=True).encode())
    for path in sorted(files):
        file = files[path]
        seen.update(f"\0{path}\0{file.mode:o}\0{hashlib.sha256(file.data).hexdigest()}".encode())
    return seen.hexdigest()[:20]


# the files that are made for an agent


def _generated(
    agent: Agent, types: Mapping[str, CredentialType], place: "Place"
) -> dict[str, LayerFile]:
    from toolkit.inside.prompt import static_prompt

    injected = _injected(agent, types)
    contexts = [
        (_full(r), injected[r.type].context) for r in agent.credentials if r.type in injected
    ]
    return {
        "agent-config.json": _json(_agent_config(agent)),
        "credentials.json": _json({name: _credential(kind) for name, kind in injected.items()}),
        "SKILL.md": _text(agent.instructions),
        "prompt-static.txt": _text(static_prompt(agent.params, contexts, place=place)),
        "timeout": _text(str(agent.timeout)),
    }


def _agent_config(agent: Agent) -> dict[str, Any]:
    return {
        "name": str(agent.name),
        "description": agent.description,
        "timeout": agent.timeout,
        "models": [model.to_dict() for model in agent.models],
        "params": dict(agent.params),
        "budget": dict(agent.budget),
        "hooks": {"pre": list(agent.hooks_pre), "post": list(agent.hooks_post)},
        "preflight": [
            {"provider": step.provider, "required": step.required, "params": dict(step.params)}
            for step in agent.preflight
        ],
        "credentials": [_full(ref) for ref in agent.credentials],
        "script": agent.script,
        **({"roles": list(agent.hired.roles)} if agent.hired else {}),
    }


def _full(ref: CredentialRef) -> str:
    return f"{ref.type}:{ref.instance}"


def _injected(agent: Agent, types: Mapping[str, CredentialType]) -> dict[str, CredentialType]:
    names = sorted({ref.type for ref in agent.credentials})
    if unknown := [name for name in names if name not in types]:
        raise ConfigError(
            f"{agent.name}: no credential type named {unknown[0]!r}",
            hint="list them with `al creds types`",
        )
    return {name: types[name] for name in names if types[name].inject}


def _credential(kind: CredentialType) -> dict[str, Any]:
    return {
        "env": kind.environment,
        "context": kind.context,
        "required": list(kind.required),
        "secret": list(kind.secret),
    }


def _json(value: Any) -> LayerFile:
    return _text(json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False))


def _text(text: str) -> LayerFile:
    return LayerFile(text.encode())


# the files that are there


def _below(
    directory: Path, project: Path, *, skip: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Path]]:
    """(relative name, file) of everything in `directory`; links are followed within the project only."""
    if directory.is_dir():
        yield from _walk(directory, "", project.resolve(), (), skip)


def _walk(
    directory: Path,
    prefix: str,
    project: Path,
    above: tuple[Path, ...],
    skip: frozenset[str],
) -> Iterator[tuple[str, Path]]:
    real = directory.resolve()
    if real in above:
        raise ConfigError(
            f"{directory}: the link leads back to a directory above it", hint="remove the link"
        )
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith(".") or entry.name in skip or _compiled(entry):
            continue
        _check_name(entry)
        _check_entry(entry, project)
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/", project, (*above, real), frozenset())
        else:
            yield f"{prefix}{entry.name}", entry


def _check_name(entry: Path) -> None:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{str(entry)!r}: the name is not UTF-8 text, which names in an image are",
            hint="rename the file",
        ) from None


def _check_entry(entry: Path, project: Path) -> None:
    if entry.is_symlink() and not entry.resolve().is_relative_to(project):
        raise ConfigError(
            f"{entry}: the link leaves the project", hint="copy the file into the project"
        )
    if not (entry.is_file() or entry.is_dir()):
        raise ConfigError(
            f"{entry} is neither a file nor a directory", hint="remove it, or repair the link"
        )


def _compiled(entry: Path) -> bool:
    return entry.name == "__pycache__" or entry.suffix == ".pyc"


def _claim(sources: dict[str, Path], name: str, source: Path) -> None:
    if name in sources:
        raise ConfigError(
            f"{sources[name]}: {source} has the same place in the image", hint="rename one of them"
        )
    sources[name] = source


def _check_size(agent: Agent, sources: Mapping[str, Path]) -> None:
    sizes = {name: source.stat().st_size for name, source in sources.items()}
    if (total := sum(sizes.values())) > LARGEST:
        largest = max(sizes, key=lambda name: sizes[name])
        raise LimitExceeded(
            f"the files of {agent.name} are {total >> 20} MiB, and {LARGEST >> 20} MiB is the most",
            hint=f"remove what a run does not need; the largest is {largest} ({sizes[largest] >> 20} MiB)",
        )


def _mode(source: Path) -> int:
    """Executable or not, as git keeps it: the rest depends on the machine's umask."""
    return 0o755 if source.stat().st_mode & 0o111 else 0o644


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"the package {name} is not installed", hint="install al-toolkit again")
    return Path(next(iter(spec.submodule_search_locations)))


def _library(root: Path, name: str) -> dict[str, LayerFile]:
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    kept = (path for path in found if not any(_compiled(p) for p in (path, *path.parents)))
    return {
        f"{LIBRARY}/{name}/{path.relative_to(root).as_posix()}": LayerFile(path.read_bytes())
        for path in kept
    }
