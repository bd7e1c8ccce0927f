"""What an answer has cost, in US dollars: as the provider says, by the user's own price, or by the table of genai-prices.

A price that nobody knows is None, and never nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as LiveModel

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for a million tokens.  What is read from or written to a cache costs as other input unless it is said."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Price":
        """`price` of a model's configuration.  Raises ConfigError."""
        try:
            found = {name: Decimal(str(value)) for name, value in data.items()}
            plain, output = found["input"], found["output"]
        except (KeyError, ArithmeticError) as error:
            raise ConfigError(
                f"the price {dict(data)} is none",
                hint="set input and output, in US dollars for a million tokens",
            ) from error
        read = found.get("cache_read", found.get("cacheRead", plain))
        write = found.get("cache_write", found.get("cacheWrite", plain))
        return cls(input=plain, output=output, cache_read=read, cache_write=write)

    def cost(self, response: "ModelResponse") -> Decimal:
        usage = response.usage
        cached = usage.cache_read_tokens + usage.cache_write_tokens
        plain = max(0, usage.input_tokens - cached)  # input counts what is cached too
        dollars = plain * self.input + usage.output_tokens * self.output
        dollars += usage.cache_read_tokens * self.cache_read
        return (dollars + usage.cache_write_tokens * self.cache_write) / _MILLION


def cost(response: "ModelResponse", price: Price | None) -> Decimal | None:
    """As its provider says, where it does (OpenRouter); None when nobody knows its price."""
    if (said := _said(response.provider_details or {})) is not None:
        return said
    if price:
        return price.cost(response)
    try:
        return response.cost().total_price
    except (LookupError, ValueError, AssertionError):
        return None


def _said(details: Mapping[str, Any]) -> Decimal | None:
    """What OpenRouter bills, and what the provider bills beside it where the user has brought a key of theirs
    (https://openrouter.ai/docs/use-cases/usage-accounting).

    pydantic-ai leaves out a cost of nothing: then the rest of the account is there without it.
    """
    if not {"cost", "is_byok", "upstream_inference_cost"} & details.keys():
        return None
    beside = details.get("upstream_inference_cost") if details.get("is_byok") else None
    return sum((Decimal(str(part or 0)) for part in (details.get("cost"), beside)), Decimal(0))


def is_known(live: "LiveModel", price: Price | None) -> bool:
    """Whether an answer of the model will have a cost."""
    from genai_prices import Usage, calc_price

    if price or live.system == "openrouter":  # which says it with each answer
        return True
    one = Usage(input_tokens=1, output_tokens=1)
    with suppress(LookupError, ValueError):
        calc_price(one, live.model_name, provider_api_url=live.base_url or "")
        return True
    with suppress(LookupError, ValueError):
        calc_price(one, live.model_name, provider_id=live.system)
        return True
    return False
