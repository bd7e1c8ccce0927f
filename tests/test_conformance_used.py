"""Nothing is there that nobody uses: a module that no other reaches, or a plug-in that no configuration leads to, looks like
a promise and is none."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.test_imports import ROOMS, ROOT, imports, sources
from toolkit.core import registry

# found by the names of their files, so that nobody imports them
BY_NAME = (*registry.HOMES.values(), "toolkit.commands", "toolkit.inside.commands")
STARTED = ("toolkit.cli", "toolkit.sandbox.demo")  # by pyproject.toml and the Makefile
# what the configuration decides; types of webhooks and credentials are named by the user
CHOSEN = ("runtime", "store", "ledger", "builder", "platform")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def texts() -> dict[str, str]:
    """Every source by its module's name."""
    return {module_of(path): path.read_text(encoding="utf-8") for path in sources(*ROOMS)}


@cache
def reached() -> frozenset[str]:
    """All that somebody imports, with the packages around it, or names in full, as processes of their own are."""
    names = [name for path in sources(*ROOMS) for name in imports(path)]
    words = {word for text in texts().values() for word in re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', text)}  # fmt: skip
    parts = [name.split(".") for name in (*names, *words, *STARTED)]
    return frozenset(".".join(p[: n + 1]) for p in parts for n in range(len(p)))


def named(module: str) -> bool:
    """Whether another one names its file: a neighbour, to import it when it is needed, or anybody, to start it as a script."""
    package, _, stem = module.rpartition(".")
    others = {name: text for name, text in texts().items() if name != module}
    beside = (text for name, text in others.items() if name.startswith(package))
    by_table = any(re.search(rf'"{stem}[":]', text) for text in beside)
    return by_table or any(f'"{stem}.py"' in text for text in others.values())


def test_no_module_is_left_that_nobody_reaches() -> None:
    """Imported, started as a process, in a room of plug-ins, or named by another."""
    left = [m for m in texts() if m not in reached() and not m.startswith(BY_NAME)]
    assert [m for m in left if not m.endswith("__main__") and not named(m)] == []


def test_a_module_that_nobody_reaches_would_be_found() -> None:
    """The look above sees real imports, and a name that only its own file has is none."""
    assert "toolkit.scheduler.dispatch" in reached()
    assert "toolkit.scheduler.vault" not in reached()
    assert not named("toolkit.scheduler.vault")


@pytest.mark.parametrize("kind", CHOSEN)
def test_every_plugin_is_chosen_by_something(kind: str) -> None:
    """Its name stands in the code that decides, outside of its own file."""
    home = registry.HOMES[kind]
    left = [
        name
        for name in registry.names(kind)
        if not any(
            f'"{name}"' in text for module, text in texts().items() if module != f"{home}.{name}"
        )
    ]
    assert left == []
