"""Runs on this machine: what push records in a cloud is made on the spot, in the project's .al directory."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.core.agent import Agent
from toolkit.core.clock import iso, now
from toolkit.core.environment import Environment
from toolkit.core.errors import ConfigError
from toolkit.core.placement import runtime_name
from toolkit.core.ports import LayerFile
from toolkit.credentials import resolve
from toolkit.images.context import APP, agent_files, base_files, content_hash
from toolkit.inside.prompt import Place
from toolkit.ops import definitions
from toolkit.scheduler.dispatch import fact_key
from toolkit.scheduler.roster import FACT, of_project
from toolkit.wiring import Services


def prepare(
    services: Services, agent: Agent, *, note: Callable[[str], None] = lambda _: None
) -> None:
    """Put the agent's files where its runs find them, a directory or an image, and record its definition.

    Raises CredentialError naming every missing field but the models' keys, which the run's own settings find, and
    ConfigError for what the local runtime refuses.
    """
    services.ledger.prepare()
    make(services, agent, note=note)
    record_roster(services)


def make(
    services: Services,
    agent: Agent,
    *,
    note: Callable[[str], None] = lambda _: None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """The same, for a ledger that is prepared and a roster that somebody else records.  `facts` are the definitions that
    it has, where somebody has read them for many agents."""
    assert services.project is not None  # noqa: S101 - only called with one
    values = resolve.resolve(replace(agent, models=()), services.local_store)
    made = _image(services, agent, note) if in_docker(services, agent) else _app(services, agent)
    new = definitions.wanted(services, agent, made, paths=sorted(values))
    key = fact_key(agent.name)
    known = facts.get(key) if facts is not None else services.ledger.fact(key)
    facts = {key: known} if known else {}
    if new.due(facts):
        definitions.define(services, new, facts, moment=iso(now()))


def record_roster(services: Services) -> None:
    """What the scheduler must know of the project's agents; nothing is written where it knows it already."""
    assert services.project is not None  # noqa: S101 - only called with one
    wanted = of_project(services.project).to_fact()
    if services.ledger.fact(FACT) != wanted:
        services.ledger.set_fact(FACT, wanted)


def in_docker(services: Services, agent: Agent) -> bool:
    return runtime_name(agent, services.environment) == "docker"


def surroundings(agent: Agent, environment: Environment) -> Place:
    """What a run of the agent is there, as its model is told."""
    places: Mapping[str, Place] = {"host_user": "account", "local": "process"}
    return places.get(runtime_name(agent, environment), "container")


def _image(services: Services, agent: Agent, note: Callable[[str], None]) -> str:
    types = {ref.type: resolve.type_of(ref) for ref in agent.credentials}
    builder = services.builder("docker")
    reference: str = builder.image(services.project, agent, types=types, note=note)
    return reference


def _app(services: Services, agent: Agent) -> str:
    """A directory that is named by what is in it."""
    assert services.project is not None  # noqa: S101 - only called with one
    types = {ref.type: resolve.type_of(ref) for ref in agent.credentials}
    files = agent_files(services.project, agent, types, surroundings(agent, services.environment))
    state = services.context.project / ".al"
    app = state / "apps" / f"{agent.name}-{content_hash(_base_hash(), files, {})}"
    if not app.exists():
        _write(app, files, _shared(state))
    return str(app)


@cache
def _base() -> Mapping[str, LayerFile]:
    """What all agents share, read once."""
    return base_files()


@cache
def _base_hash() -> str:
    return content_hash("", _base(), {})


def _shared(state: Path) -> Path:
    """One copy of it, of which agents have links: with many agents, writing it for each would take most of the time."""
    place = state / "base" / _base_hash()
    if not place.exists():
        _write(place, _base())
    return place


def permitted(services: Services, agent: Agent) -> None:
    """Raises ConfigError when the agent may not run here, before anything else is asked of the user."""
    if error := unbuilt(services, agent):
        raise error
    services.runtime_for(agent).definition(agent, "")


def unbuilt(services: Services, agent: Agent) -> ConfigError | None:
    """Why the agent's Dockerfile would be left out; None where it is built, or there is none."""
    if not agent.dockerfile or in_docker(services, agent):
        return None
    return ConfigError(
        f"{agent.directory / 'Dockerfile'}: a run on the bare machine has no image",
        hint="start Docker, or take the Dockerfile away",
    )


def _write(app: Path, files: Mapping[str, LayerFile], shared: Path | None = None) -> None:
    """All or nothing: a directory that is there is whole.  Whoever is first writes it for all who are at it."""
    app.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = Path(tempfile.mkdtemp(prefix=f".{app.name}.", dir=app.parent))
    try:
        for name, file in files.items():
            place = partial / Path(name).relative_to(APP)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.write_bytes(file.data)
            place.chmod(file.mode)
        for part in sorted(shared.iterdir()) if shared else ():
            _link(part, partial / part.name)
        _appear(partial, app)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """Relative, so that a project may be moved; a copy where the file system has no links."""
    try:
        target.symlink_to(os.path.relpath(source, target.parent))
    except OSError:
        shutil.copytree(source, target)


def _appear(partial: Path, app: Path) -> None:
    try:
        partial.rename(app)
    except OSError:
        if not app.is_dir():  # else another process was first, and what it wrote is the same
            raise
