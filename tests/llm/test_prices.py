"""What an answer has cost."""

from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.usage import RequestUsage

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model
from toolkit.llm.prices import Price, cost, is_known


def answer(**usage: int) -> ModelResponse:
    return ModelResponse(
        parts=[TextPart(content="x")], usage=RequestUsage(**usage), model_name="mine", provider_name="custom"
    )  # fmt: skip


def test_a_price_is_for_a_million_tokens() -> None:
    price = Price.of({"input": 3.0, "output": 15})
    assert cost(answer(input_tokens=1_000_000, output_tokens=2_000_000), price) == Decimal(33)


@pytest.mark.parametrize(
    ("prices", "dollars"),
    [
        ({"input": 10, "output": 1}, 10),
        ({"input": 10, "output": 1, "cache_read": 1}, Decimal("5.5")),
        ({"input": 10, "output": 1, "cacheRead": 1, "cacheWrite": 20}, Decimal("8.5")),
    ],
)
def test_what_is_cached_is_part_of_the_input(
    prices: dict[str, float], dollars: int | Decimal
) -> None:
    """Half of it read, three tenths written; without a price of its own it costs as the rest."""
    usage = {"input_tokens": 1_000_000, "cache_read_tokens": 500_000, "cache_write_tokens": 300_000}
    assert cost(answer(**usage), Price.of(prices)) == dollars


@pytest.mark.parametrize(
    ("account", "dollars"),
    [
        ({"cost": 0.25, "is_byok": False, "upstream_inference_cost": 0.25}, "0.25"),
        ({"is_byok": False, "upstream_inference_cost": 0}, "0"),
        ({"is_byok": False}, "0"),
        ({"cost": 0.01, "is_byok": True, "upstream_inference_cost": 0.2}, "0.21"),
        ({"is_byok": True, "upstream_inference_cost": 0.2}, "0.2"),
    ],
    ids=["paid", "free", "free, in fewer words", "a key of one's own", "the same without a fee"],
)
def test_what_openrouter_has_billed_is_the_cost(account: dict[str, object], dollars: str) -> None:
    """A free model's answer has cost nothing, which is known; with a key of one's own its provider bills it too."""
    assert cost(replace(answer(input_tokens=5), provider_details=account), None) == Decimal(dollars)


def test_nobody_knows_is_not_nothing() -> None:
    assert cost(answer(input_tokens=5), None) is None


@pytest.mark.parametrize(
    ("provider", "name", "known"),
    [("anthropic", "claude-opus-4-5", True), ("openai", "gpt-4o", True), ("custom", "mine", False), ("ollama", "q", False)],
)  # fmt: skip
def test_the_table_knows_what_hosted_models_cost(provider: str, name: str, known: bool) -> None:
    """Before anything is asked of them."""
    live = live_model(Model(name="m", provider=provider, model=name, base_url="http://127.0.0.1:9"), Secret("k"))  # fmt: skip
    assert is_known(live, None) is known
    assert is_known(live, Price.of({"input": 1, "output": 1}))


@pytest.mark.parametrize("wrong", [{"input": 1}, {"input": 1, "output": "cheap"}])
def test_half_a_price_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="is none"):
        Price.of(wrong)
