"""The options that choose a model for one run, and how a key is given without being seen."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.core.secrets import Secret

from ._app import App
from ._typed import ask_secret, typed_secret

if TYPE_CHECKING:
    from toolkit.llm.candidates import Flags

T = TypeVar("T")


def model_options(command: Any) -> Any:
    """--llm-provider, --llm-model and --anthropic-key."""
    provider = click.option(
        "--llm-provider", metavar="NAME", help="The model's provider, for this run."
    )
    model = click.option(
        "--llm-model", metavar="MODEL", help="The model, for this run; also PROVIDER:MODEL."
    )
    key = click.option(
        "--anthropic-key",
        metavar="KEY",
        help="Anthropic's key, for this run: - for stdin, @FILE, or env:NAME; the key itself would be seen by others.",
    )
    return provider(model(key(command)))


def flags(
    app: App, llm_provider: str | None, llm_model: str | None, anthropic_key: str | None
) -> "Flags":
    """What was typed.  Raises UsageError for a key that cannot be read."""
    from toolkit.llm.candidates import Flags

    key = None
    if anthropic_key is not None:
        key = typed_secret(app, anthropic_key, option="--anthropic-key", what="Anthropic API key")
    return Flags(provider=llm_provider, model=llm_model, anthropic_key=key)


def keyed(
    app: App,
    flags: "Flags",
    begin: Callable[["Flags"], T],
    *,
    ask: Callable[[str], Secret] = ask_secret,
) -> T:
    """What `begin` gives; again with the key that it lacks, if somebody is there to type it.  Raises KeyMissing."""
    from toolkit.llm.bundle import KeyMissing

    while True:
        try:
            return begin(flags)
        except KeyMissing as missing:
            if not app.ui.attended:
                raise
            app.ui.note(f"• {missing.message}")
            key = ask(f"{missing.provider} API key, for this run only")
            if not key:
                raise
            flags = replace(flags, keys={**flags.keys, missing.provider: key})
