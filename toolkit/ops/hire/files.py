"""The files of a hired agent: its instructions and its own config.toml, and how a file is replaced as a whole."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from toolkit.config.agents import CONFIG, SKILL
from toolkit.config.files import read_text
from toolkit.config.problems import Findings
from toolkit.core.errors import ConfigError

from .formula import Formula

Do = Callable[[], None]


def replace_file(path: Path, text: str) -> None:
    """Whole or not at all, with the rights that it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(partial).chmod(mode)
        Path(partial).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(partial).unlink()
        raise


def instructing(directory: Path, formula: Formula, *, named: bool) -> tuple[str, Do | None]:
    """What becomes of SKILL.md, a word, and what does it: written where there is none, and anew for a formula that is `named`."""
    path = directory / SKILL
    there = path.exists()
    if there and (not named or path.read_bytes() == formula.text.encode()):
        return "kept", None
    return "replaced" if there else "made", partial(replace_file, path, formula.text)


def declaring(directory: Path, credential: str) -> tuple[str, Do | None]:
    """The same of config.toml, which is to declare the credential.  Raises ConfigError."""
    path = directory / CONFIG
    findings = Findings()
    before = read_text(path, name=str(path), findings=findings) if path.exists() else ""
    findings.raise_errors()
    after = declared(before, credential, shown=str(path))
    if after == before:
        return "kept", None
    return "changed" if before else "made", partial(replace_file, path, after)


def declared(text: str, credential: str, *, shown: str) -> str:
    """The file with the credential among those that it declares.  Pure."""
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise ConfigError(f"{shown} is not TOML: {error}", hint="correct the line") from error
    there = list(_texts(document.get("credentials", ())))
    if credential in there:
        return text
    if there:
        document["credentials"].append(credential)
        return document.as_string()
    document.pop("credentials", None)
    return f'credentials = ["{credential}"]\n{document.as_string()}'


def _texts(value: object) -> Iterator[str]:
    yield from (str(one) for one in value) if isinstance(value, list) else ()
