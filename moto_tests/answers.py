"""Answers that the documentation promises and moto does not give, put in front of it for single calls."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

Answer = tuple[SimpleNamespace, Mapping[str, Any]]


def refusal(code: str, message: str) -> Answer:
    """An error as AWS words it."""
    return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}


def success(**parsed: Any) -> Answer:
    return SimpleNamespace(status_code=200), parsed


def answer(client: Any, operation: str, *answers: Answer | None) -> list[Mapping[str, Any]]:
    """The next calls of `operation` get these answers, None being moto's own; then moto answers all.

    The list gets every request's body parameters, in order.
    """
    pending, seen = list(answers), list[Mapping[str, Any]]()

    def step_in(params: Mapping[str, Any], **_: Any) -> Answer | None:
        seen.append(params)
        return pending.pop(0) if pending else None

    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-call.{name}.{operation}", step_in)
    return seen
