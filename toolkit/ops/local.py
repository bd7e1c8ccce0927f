"""Runs on this machine: what push records in a cloud is made on the spot, in the project's .al directory."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from toolkit.core.agent import Agent
from toolkit.core.clock import iso, now
from toolkit.core.ports import LayerFile
from toolkit.credentials import resolve
from toolkit.images.context import APP, agent_files, base_files, content_hash
from toolkit.ops import definitions
from toolkit.wiring import Services


def prepare(services: Services, agent: Agent) -> None:
    """Write the agent's files where its process finds them, and record its definition.

    Raises CredentialError naming every missing field but the models' keys, which the run's own settings find, and
    ConfigError for what the local runtime refuses.
    """
    assert services.project is not None  # noqa: S101 - only called with one
    services.ledger.prepare()
    values = resolve.resolve(replace(agent, models=()), services.local_store)
    types = {ref.type: resolve.type_of(ref) for ref in agent.credentials}
    files = {**agent_files(services.project, agent, types), **base_files()}
    app = services.context.project / ".al" / "apps" / f"{agent.name}-{content_hash('', files, {})}"
    if not app.exists():
        _write(app, files)
    new = definitions.wanted(services, agent, str(app), paths=sorted(values))
    facts = services.ledger.facts("definition/")
    if new.due(facts):
        definitions.define(services, new, facts, moment=iso(now()))


def permitted(services: Services, agent: Agent) -> None:
    """Raises ConfigError when the agent may not run here, before anything else is asked of the user."""
    services.runtime_for(agent).definition(agent, "")


def _write(app: Path, files: Mapping[str, LayerFile]) -> None:
    """All or nothing: a directory that is there is whole.  Whoever is first writes it for all who are at it."""
    app.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = Path(tempfile.mkdtemp(prefix=f".{app.name}.", dir=app.parent))
    try:
        for name, file in files.items():
            target = partial / Path(name).relative_to(APP)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.write_bytes(file.data)
            target.chmod(file.mode)
        _appear(partial, app)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _appear(partial: Path, app: Path) -> None:
    try:
        partial.rename(app)
    except OSError:
        if not app.is_dir():  # else another process was first, and what it wrote is the same
            raise
