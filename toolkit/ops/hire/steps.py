"""What hiring writes on this machine: each thing as it is to be, with what does it, one after the other.

Decided when it is reached, so that a thing may rest upon the one before it; whoever only looks leaves the doing out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from toolkit.config.agents import CONFIG, SKILL
from toolkit.config.environments import LOCAL
from toolkit.ops import compose
from toolkit.ops.load import load_files

from . import section
from .files import declaring, instructing, replace_file
from .hiring import Done, Hiring
from .standing import is_up

KEY = "ANTHROPIC_API_KEY"
SCRIPT = "test-script.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`do` is None where it is so already."""

    done: Done
    do: Callable[[], object] | None = None


def steps(hiring: Hiring) -> Iterator[Step]:
    """After the account.  Raises ConfigError for a file of the agent that is no TOML."""
    yield from _key(hiring)
    yield from _files(hiring)
    yield _section(hiring)
    yield Step(done=_service(hiring))
    yield from _compose(hiring)


def _key(hiring: Hiring) -> Iterator[Step]:
    """The key of a hosted model, the agent's own: no agent gets another one's."""
    if not hiring.hosted:
        return
    store, name = hiring.place.services.local_store, f"anthropic_key/{hiring.name}/token"
    shown = str(hiring.place.services.context.home / "credentials" / name)
    before, key = store.get(name), hiring.key
    if key is None:
        yield Step(done=Done(what="key", where=shown, how="kept" if before else _lacking(hiring)))
    elif before is not None and before.reveal() == key.reveal():
        yield Step(done=Done(what="key", where=shown, how="kept"))
    else:
        done = Done(what="key", where=shown, how="stored")
        yield Step(done=done, do=partial(store.put, name, key, tags={}))


def _lacking(hiring: Hiring) -> str:
    if (hiring.directory / SCRIPT).exists():
        return "missing, and not needed while its script runs"
    return f"missing, and required before the start (set {KEY} and hire again)"


def _files(hiring: Hiring) -> Iterator[Step]:
    shown = f"agents/{hiring.name}"
    how, do = instructing(hiring.directory, hiring.formula, named=hiring.named)
    origin = "" if how == "kept" else f", from {hiring.formula.origin}"
    where = f"{shown}/{SKILL}{origin}"
    yield Step(done=Done(what="instructions", where=where, how=how), do=do)
    if (hiring.directory / SCRIPT).exists():
        how = "runs in place of its model, which is not asked: remove it to change that"
        yield Step(done=Done(what="script", where=f"{shown}/{SCRIPT}", how=how))
    if hiring.forge is not None:
        how, do = declaring(hiring.directory, hiring.credential)
        yield Step(done=Done(what="credentials", where=f"{shown}/{CONFIG}", how=how), do=do)


def _section(hiring: Hiring) -> Step:
    before, path = hiring.place.text, hiring.place.directory / CONFIG
    how = section.difference(before, hiring.text, hiring.name)
    done = Done(what="section", where=f"[agents.{hiring.name}] in {CONFIG}", how=how)
    do = None if before == hiring.text else partial(replace_file, path, hiring.text)
    return Step(done=done, do=do)


def _service(hiring: Hiring) -> Done:
    up = is_up(hiring.place.services, hiring.name)
    state = "up: its next run has what is new" if up else "defined, and not up"
    return Done(what="service", where=f"agents-{hiring.name}", how=state)


def _compose(hiring: Hiring) -> Iterator[Step]:
    """The Compose file, for who uses one: it is written where it is already."""
    if (hiring.place.directory / compose.FILE).exists():
        done = Done(what="Compose file", where=compose.FILE, how="written anew")
        yield Step(done=done, do=partial(_composed, hiring))


def _composed(hiring: Hiring) -> None:
    directory = hiring.place.directory
    project, environment = load_files(directory, LOCAL, keep_going=True)
    made = compose.composed(project, base=environment.images.get("base"))
    compose.make_places(project)
    compose.write(directory, made.text)
