"""What is done when the project's files change while they are served.

Files are looked at several times a second; half a second after the last change the project is read again.  One that cannot
be read changes nothing, and its error is said.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.config.problems import ConfigErrors
from toolkit.core.agent import Project
from toolkit.core.environment import Environment
from toolkit.core.errors import AlError

LOG = logging.getLogger("al.start")
EVERY = 0.25  # seconds between two looks
QUIET = 0.5  # seconds without another change, before it is acted on
SHARE = 50  # a look that takes long is made so much more seldom
FOLDERS = ("agents", "shared", "environments")
# an agent that lacks a credential is tried again when one comes; the times of files are all that is read of them
OF_HOME = ("environments", "credentials")
FILES = ("config.toml", ".env.toml", "Dockerfile")
FOR_ALL = ("shared/", "Dockerfile")  # what every agent has
Stamp = tuple[int, int, int]  # when it was written, how long it is, which file it is
Stamps = Mapping[str, Stamp]


def stamps(directory: Path, home: Path) -> Stamps:
    """Every file that speaks for the project, by its path in it; the user's own ones by their whole path."""
    found = {name: _stamp(directory / name) for name in FILES}
    for folder in FOLDERS:
        found |= _below(str(directory / folder), folder)
    for folder in OF_HOME:
        found |= _below(str(home / folder), str(home / folder))
    return {name: stamp for name, stamp in found.items() if stamp}


def changed(before: Stamps, after: Stamps) -> frozenset[str]:
    """Files that were added, written or removed."""
    return frozenset(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))


def touched(project: Project, paths: Collection[str]) -> frozenset[str]:
    """The agents that have to be made ready again after such changes: each by its own files, all by what they share."""
    if any(path.startswith(FOR_ALL) for path in paths):
        return frozenset(str(agent.name) for agent in project.agents)
    parts = (path.split("/") for path in paths)
    return frozenset(names[1] for names in parts if names[0] == "agents" and len(names) > 2)


def differing(before: Project, after: Project) -> frozenset[str]:
    """Agents that are new, or whose settings are others, also those that come from config.toml."""
    known = {agent.name: agent for agent in before.agents}
    return frozenset(str(a.name) for a in after.agents if known.get(a.name) != a)


def removed(before: Project, after: Project) -> tuple[str, ...]:
    return tuple(sorted({str(a.name) for a in before.agents} - {str(a.name) for a in after.agents}))


def sentences(before: Project, after: Project, paths: Collection[str]) -> Iterator[str]:
    """What the change comes to, for a person."""
    old, new = ({str(a.name): a for a in project.agents} for project in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"{name} was added"
        elif name not in new:
            yield f"{name} was removed"
        elif old[name] != new[name] or name in touched(after, paths):
            yield f"{name} was changed{_how(old[name], new[name])}"
    if before.webhook_sources != after.webhook_sources:
        yield "the webhook sources were changed"
    if before.scale != after.scale:
        yield f"the project's scale is {after.scale or 'not limited'}"


@dataclass(slots=True)
class Changes:
    """Tells when files have changed and come to rest.  `look` is asked again and again; `took` is how many seconds of
    processor the last one cost."""

    read: Callable[[], Stamps]
    took: float = field(init=False, default=0.0)
    _seen: Stamps = field(init=False)
    _waiting: frozenset[str] = field(init=False, default=frozenset())
    _since: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._seen = self.read()

    def look(self, moment: float) -> frozenset[str]:
        """The files that changed, once nothing more does; empty until then.  `moment` in seconds."""
        began = time.thread_time()
        now = self.read()
        self.took = time.thread_time() - began
        if new := changed(self._seen, now):
            self._seen, self._since = now, moment
            self._waiting |= new
            return frozenset()
        if not self._waiting or moment - self._since < QUIET:
            return frozenset()
        due, self._waiting = self._waiting, frozenset()
        return due


class Reloader:
    """`load` reads project and environment; `become` is told the new project, and which files changed.  `environment` is
    what was read first."""

    def __init__(
        self,
        load: Callable[[], tuple[Project, Environment]],
        become: Callable[[Project, frozenset[str]], None],
        changes: Changes,
        environment: Environment,
    ) -> None:
        self._load, self._become, self._changes = load, become, changes
        self._environment = environment
        self._undone: frozenset[str] = frozenset()
        self.trouble = ""  # why the files are not what is served

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.wait(max(EVERY, SHARE * self._changes.took)):
            self.look(time.monotonic())

    def look(self, moment: float) -> None:
        """Once: act on what has changed and come to rest."""
        if paths := self._changes.look(moment):
            self._changed(paths | self._undone)

    def _changed(self, paths: frozenset[str]) -> None:
        try:
            project, environment = self._load()
            self._become(project, paths)
        except ConfigErrors as error:
            self._not_used(paths, error.message, _remedy(error))
            return
        except AlError as error:
            self._not_used(paths, error.message, error.hint)
            return
        except OSError as error:  # one that goes while it is read, or may not be read
            self._not_used(paths, str(error), "check that the files are yours to read")
            return
        if self.trouble:
            LOG.info("the project can be read again")
        self._undone, self.trouble = frozenset(), ""
        if environment != self._environment:
            self._environment = environment
            LOG.warning(
                "where agents run was changed: that takes effect when `al start` begins anew"
            )

    def _not_used(self, paths: frozenset[str], why: str, hint: str) -> None:
        self._undone, self.trouble = paths, why
        LOG.error("what was changed is not used: %s (%s)", why, hint)


def _remedy(error: ConfigErrors) -> str:
    """What is said of several is for somebody who has run a command."""
    again = "correct these: the files are read again when they change"
    return error.hint if len(error.problems) == 1 else again


def _how(old: object, new: object) -> str:
    names = ("schedule", "timezone", "scale", "webhooks", "timeout", "models", "credentials", "environment", "instructions")  # fmt: skip
    others = [name for name in names if getattr(old, name) != getattr(new, name)]
    return f": {', '.join(others)}" if others else ""


def _below(folder: str, shown: str) -> dict[str, Stamp | None]:
    """Hidden files are left out, as no image has them; those that vanish meanwhile too."""
    found: dict[str, Stamp | None] = {}
    try:
        with os.scandir(folder) as found_there:
            entries = list(found_there)
    except OSError:
        return found
    for entry in entries:
        if entry.name.startswith(".") or entry.name in ("node_modules", "__pycache__"):
            continue
        name = f"{shown}/{entry.name}"
        if entry.is_dir():
            found |= _below(entry.path, name)
        else:
            found[name] = _stamp(entry)
    return found


def _stamp(file: "Path | os.DirEntry[str]") -> Stamp | None:
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size, known.st_ino
