"""A new project: the template's files, with the names filled in.  Files that exist are left alone."""

import re
from collections.abc import Iterator
from pathlib import Path

from toolkit.core.errors import UsageError
from toolkit.llm.providers import PROVIDERS

TEMPLATE = Path(__file__).parent / "template"
NAMES = {"gitignore": ".gitignore"}  # a .gitignore inside our own tree would be obeyed there
MODELS = {name: PROVIDERS[name].default_model for name in ("anthropic", "openai")}
SHORT = {"sonnet": "sonnet", "opus": "opus", "haiku": "haiku", "gpt-4o": "gpt4o", "gpt-4": "gpt4"}


def directory(name: str) -> Path:
    """Raises UsageError for an empty name, which would mean the present directory to a Path."""
    if not name.strip():
        raise UsageError("the project's directory has no name", hint="name it: `al new shop`")
    return Path(name)


def create(directory: Path, *, provider: str, model: str | None) -> Iterator[Path]:
    """Write the project; the files written, one by one.  Raises UsageError."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:40].strip("-")
    if not name:
        raise UsageError(
            f"{directory} does not make a project's name", hint="use letters and digits"
        )
    if (chosen := model or MODELS.get(provider)) is None:
        raise UsageError(f"no default model for {provider!r}", hint="name one with --model")
    filled = {"name": name, "model": short_name(chosen), "models": models_table(provider, chosen)}
    return _written(directory, filled)


def short_name(model: str) -> str:
    """`sonnet` for claude-sonnet-4-...; otherwise a slug of the model's name."""
    for part, short in SHORT.items():
        if part in model:
            return short
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")


def models_table(provider: str, model: str) -> str:
    thinking = '\nthinkingLevel = "medium"' if provider == "anthropic" else ""
    return f'[models.{short_name(model)}]\nprovider = "{provider}"\nmodel = "{model}"\nauthType = "api_key"{thinking}\n'


def _written(directory: Path, filled: dict[str, str]) -> Iterator[Path]:
    for source in sorted(p for p in TEMPLATE.rglob("*") if p.is_file()):
        relative = source.relative_to(TEMPLATE)
        target = directory / relative.with_name(NAMES.get(relative.name, relative.name))
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        for key, value in filled.items():
            text = text.replace("{" + key + "}", value)
        target.write_text(text, encoding="utf-8")
        if target.suffix == ".sh":
            target.chmod(0o755)
        yield target
