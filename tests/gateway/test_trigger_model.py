"""A run can be asked for with a model of its own: it wins over every other place, or is refused before it waits."""

from dataclasses import replace

from toolkit.core.errors import ConfigError
from toolkit.core.run import RunId, RunModels, Trigger

from .shop import Shop

ASKED = {"llmModel": "llama3.2:3b", "llmProvider": "ollama"}


def test_what_is_asked_for_stays_with_the_run_and_its_work(shop: Shop) -> None:
    """Whoever launches it reads it from the item, whoever looks later from the record."""
    seen: list[Trigger] = []

    def models(trigger: Trigger) -> RunModels | None:
        seen.append(trigger)
        return None

    shop.app.state.desk = replace(shop.app.state.desk, models=models)
    status, told = shop.post("/control/trigger/dev", **ASKED)
    run = shop.ledger.get(RunId(told["instanceId"]))
    (item,) = shop.ledger.queue.waiting("dev")
    assert status == 200
    assert (run.llm_provider, run.llm_model) == ("ollama", "llama3.2:3b")
    assert (item.trigger.llm_provider, item.trigger.llm_model) == ("ollama", "llama3.2:3b")
    assert [trigger.llm_model for trigger in seen] == ["llama3.2:3b"]


def test_a_model_that_cannot_be_is_refused_before_it_waits(shop: Shop) -> None:
    """400 with the words of `al run`; nothing is queued."""

    def models(_: Trigger) -> RunModels | None:
        raise ConfigError("claude is no model of ollama (this run)", hint="name one of ollama")

    shop.app.state.desk = replace(shop.app.state.desk, models=models)
    status, told = shop.post("/control/trigger/dev", **ASKED)
    assert (status, told["hint"]) == (400, "name one of ollama")
    assert shop.ledger.queue.lengths() == {}


def test_a_gateway_that_knows_only_what_was_pushed_says_so(shop: Shop) -> None:
    """409, and no run with another model than the one that was asked for."""
    status, told = shop.post("/control/trigger/dev", llmModel="gpt-5")
    assert (status, "al run" in told["hint"]) == (409, True)
    assert shop.ledger.queue.lengths() == {}
