"""What runs on this machine were made of, and nobody needs any more: agents that are gone, and directories of past versions.

Only for environments without a cloud; a push does the same there (ops/definitions.py).
"""

import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.core.agent import Project
from toolkit.core.run import Run
from toolkit.ops import definitions
from toolkit.scheduler.dispatch import fact_key
from toolkit.wiring import Services

FRESH = 3600.0  # seconds in which somebody may be about to record what he has just made
_APP = re.compile(r"[a-z0-9-]+-[0-9a-f]{20}")


def tidy(services: Services, project: Project) -> tuple[str, ...]:
    """Forget agents that are no longer in the project and of which nothing runs, and remove directories that no version
    and no run names; the names of both.  Raises AlError and OSError."""
    active = services.ledger.runs(active=True, limit=1_000)
    facts = services.ledger.facts("definition/")
    at_work = {run.agent for run in active}
    gone = [name for name in definitions.gone(facts, project) if name not in at_work]
    for name in gone:
        definitions.remove(services, name, facts[fact_key(name)])
    left = {key: fact for key, fact in facts.items() if key not in map(fact_key, gone)}
    unused = list(_unused(services.context.project / ".al" / "apps", _named(left, active)))
    for place in unused:
        shutil.rmtree(place)
    return (*gone, *(place.name for place in unused))


def _named(facts: Mapping[str, Any], active: Collection[Run]) -> set[str]:
    """The directories that definitions, past ones they can be rolled back to, and runs were made from."""
    references = {str(run.definition) for run in active}
    for fact in facts.values():
        references |= {fact["ref"], *(earlier["ref"] for earlier in fact.get("previous", ()))}
        references |= {later["ref"] for later in fact.get("newer", ())}
    return {name for text in references for name in _APP.findall(text)}


def _unused(apps: Path, named: Collection[str]) -> Iterator[Path]:
    for place in sorted(apps.iterdir()) if apps.is_dir() else ():
        old = time.time() - place.stat().st_mtime > FRESH
        if old and _APP.fullmatch(place.name) and place.name not in named:
            yield place
