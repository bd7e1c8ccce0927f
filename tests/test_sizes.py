"""Sizes that a reader can hold: a file stops at 400 lines, a function at 50, a command's body at 25."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("toolkit", "runtimes", "infra", "gateway")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(place: str) -> list[Path]:
    return sorted((ROOT / place).rglob("*.py"))


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and number of lines of each function, its docstring not counted."""
    found = [
        n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, Function)
    ]
    return [(f"{path.relative_to(ROOT)}:{f.name}", length(f)) for f in found]


def length(function: Function) -> int:
    documented = ast.get_docstring(function) is not None and len(function.body) > 1
    first = function.body[1] if documented else function.body[0]
    return (function.end_lineno or 0) - first.lineno + 1


def test_no_file_has_outgrown_its_reader() -> None:
    """A file of more than 400 lines has two subjects."""
    assert [
        str(p) for room in (*ROOMS, "tests", "moto_tests") for p in sources(room) if lines(p) > 400
    ] == []


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_function_has_outgrown_its_reader() -> None:
    """A function of more than 50 lines does more than one thing."""
    assert [f for room in ROOMS for p in sources(room) for f in functions(p) if f[1] > 50] == []


def test_a_command_only_translates() -> None:
    """A verb's function takes options, calls one operation and prints: 25 lines hold that."""
    assert [f for p in sources("toolkit/commands") for f in functions(p) if f[1] > 25] == []
