"""Who may import whom: the rules of docs/architecture.md, held by reading the sources."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.core import registry

ROOT = Path(__file__).parent.parent
ROOMS = ("toolkit", "runtimes", "infra", "gateway")
HEAVY = {
    "boto3",
    "botocore",
    "google",
    "grpc",
    "pulumi",
    "fastapi",
    "pydantic",
    "pydantic_ai",
    "rich",
    "httpx",
}


def sources(*places: str) -> list[Path]:
    return sorted(p for place in places for p in (ROOT / place).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Absolute names of everything that a file imports, wherever in the file."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def offenders(
    places: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()
) -> list[str]:
    def hits(name: str, prefixes: tuple[str, ...]) -> bool:
        return any(name == p or name.startswith(p + ".") for p in prefixes)

    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(*places)
        for name in imports(path)
        if hits(name, forbidden) and not hits(name, allowed)
    ]


def test_core_imports_only_the_standard_library() -> None:
    """The floor stands on nothing but Python."""
    strangers = [
        f"{path.name} imports {name}"
        for path in sources("toolkit/core")
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("toolkit.core")
    ]
    assert strangers == []


def test_a_plugin_imports_neither_config_nor_wiring_nor_ops_nor_another_plugin() -> None:
    """A plug-in is one file that knows the core and its cloud."""
    homes = tuple(home.replace(".", "/") for home in registry.HOMES.values())
    rooms = (
        "toolkit.config",
        "toolkit.wiring",
        "toolkit.ops",
        "toolkit.commands",
        "toolkit.scheduler.dispatch",
    )
    assert offenders(homes, rooms) == []
    for home in registry.HOMES.values():
        place = home.replace(".", "/")
        own = tuple(f"{home}.{p.stem}" for p in sources(place) if p.stem.startswith("_"))
        others = offenders((place,), tuple(h for h in registry.HOMES.values() if h != home), own)
        assert others == [], home


def test_only_wiring_and_its_few_friends_find_plugins() -> None:
    """`registry.find` is called where adapters are put together and nowhere else."""
    allowed = {
        "toolkit/wiring.py",
        "toolkit/credentials/resolve.py",
        "toolkit/inside/run.py",
        "gateway/routes/webhooks.py",
    }
    callers = {
        str(p.relative_to(ROOT))
        for p in sources(*ROOMS)
        if "registry.find(" in p.read_text(encoding="utf-8")
    }
    assert callers <= allowed


def test_commands_import_no_cloud_library_and_ops_no_click() -> None:
    """What the user types and what it does are apart."""
    clouds = (
        "boto3",
        "botocore",
        "google",
        "pulumi",
        "toolkit.clouds",
        "toolkit.inside",
        "infra",
        "runtimes",
    )
    assert offenders(("toolkit/commands",), clouds) == []
    assert (
        offenders(
            ("toolkit/ops", "toolkit/scheduler", "toolkit/credentials", "toolkit/images"),
            ("click",),
        )
        == []
    )


def test_only_ui_prints() -> None:
    """stdout and stderr belong to ui.py; what runs in a container and the demo have their own."""
    free = ("toolkit/ui.py", "toolkit/inside", "toolkit/sandbox")
    printing = [
        str(p.relative_to(ROOT))
        for p in sources(*ROOMS)
        if not str(p.relative_to(ROOT)).startswith(free)
        for node in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []


def test_the_gateway_imports_neither_commands_nor_ops() -> None:
    """The gateway shares wiring and dispatch with the command line, not its verbs."""
    assert offenders(("gateway",), ("toolkit.commands", "toolkit.ops", "toolkit.ui", "click")) == []


def test_desired_and_reconcile_import_no_pulumi() -> None:
    """What should be is said without the engine that makes it so."""
    assert (
        offenders(
            ("infra/desired", "infra/reconcile", "infra/inventory"),
            ("pulumi", "pulumi_aws", "pulumi_gcp", "infra.programs"),
        )
        == []
    )


def test_what_acts_in_infra_is_reached_through_wiring_only() -> None:
    """Pure parts of infra (the desired state, the policy evaluator) may be read by ops and the sandbox; what changes an
    account is made by wiring, and by the sandbox's engine, which runs the same program."""
    pure = ("infra.desired", "infra.reconcile.policy", "infra.reconcile.gcp_judge")
    assert offenders(("runtimes", "gateway"), ("infra",)) == []
    acting = [
        o
        for o in offenders(("toolkit",), ("infra",), pure)
        if not o.startswith(("toolkit/wiring.py", "toolkit/sandbox/engine"))
    ]
    assert acting == []
    strangers = [
        o
        for o in offenders(("toolkit",), pure)
        if not o.startswith(("toolkit/ops", "toolkit/sandbox"))
    ]
    assert strangers == []


def test_inside_stays_small() -> None:
    """What runs in the container knows the core, the model tables and its platform, and nothing else of ours."""
    rooms = (
        "commands",
        "ops",
        "config",
        "images",
        "scheduler",
        "credentials",
        "sandbox",
        "wiring",
        "ui",
        "cli",
    )
    assert (
        offenders(
            ("toolkit/inside",), (*(f"toolkit.{r}" for r in rooms), "infra", "gateway", "runtimes")
        )
        == []
    )


@pytest.mark.parametrize("statement", ["import toolkit.cli", "from toolkit import wiring"])
def test_the_command_line_loads_light(statement: str) -> None:
    """Neither `al --help` nor the composition root loads a cloud library, FastAPI, pydantic or Pulumi."""
    code = f"{statement}; import sys; print(*{{m.split('.')[0] for m in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert not HEAVY & set(loaded.split())


def test_help_loads_no_verb() -> None:
    """`al --help` reads the verbs' first lines and imports none of them."""
    code = "import sys; sys.argv=['al','--help']\nimport toolkit.cli\ntry: toolkit.cli.main()\nexcept SystemExit: pass\n"
    code += "print(*[m for m in sys.modules if m.startswith('toolkit.commands.')])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert loaded.splitlines()[-1].split() in ([], ["toolkit.commands._app"])
