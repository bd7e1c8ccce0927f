"""The options that choose a model for one run, and how a key is given without being seen."""

from typing import TYPE_CHECKING, Any

import click

from ._app import App
from ._typed import typed_secret

if TYPE_CHECKING:
    from toolkit.llm.candidates import Flags


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
