"""Several models as one, with patience: the next one when one is overloaded, and all again after a while.

A request is repeated, never a conversation: tools that have run are not run again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import (
    AgentRunError,
    FallbackExceptionGroup,
    ModelAPIError,
    ModelConnectionError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.wrapper import WrapperModel

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

BUSY = (ModelRateLimitError, ModelUnavailableError)  # 429, and 503 or 529
_PASSING = (*BUSY, ModelServerError, ModelConnectionError, ModelRequestTimeout)
_NEXT = (*_PASSING, ModelQuotaExceededError)  # waiting does not help here, another provider does
PASSES = 4
Tell = Callable[[str, dict[str, Any]], None]
FIRST, LONGEST = 30.0, 300.0  # seconds between passes: doubled each time, up to the longest


class Exhausted(AgentRunError):
    """Every model was refused in every pass.  `busy`: because of rate limits or overload."""

    def __init__(self, message: str, *, busy: bool) -> None:
        super().__init__(message)
        self.busy = busy


class Patient(WrapperModel):
    """Asks the models in order, and in up to PASSES rounds.  `tell(msg, fields)` hears of every detour."""

    def __init__(
        self,
        models: Sequence["Model"],
        *,
        tell: Tell,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        first: float = FIRST,
    ) -> None:
        super().__init__(FallbackModel(*models, fallback_on=_detour(tell)))
        self._tell, self._sleep, self._first = tell, sleep, first

    async def request(
        self,
        messages: list["ModelMessage"],
        model_settings: "ModelSettings | None",
        model_request_parameters: "ModelRequestParameters",
    ) -> "ModelResponse":
        """Raises Exhausted, or the first error that no other model and no waiting can help."""
        for number in range(PASSES):
            try:
                return await super().request(messages, model_settings, model_request_parameters)
            except FallbackExceptionGroup as group:
                errors = list(_errors(group))
            passing = [error for error in errors if isinstance(error, _PASSING)]
            if not passing or number == PASSES - 1:
                break
            wait = self._wait(number, passing)
            fields = {"pass": number + 1, "delayMs": int(wait * 1000)}
            self._tell("all models exhausted, backing off", fields)
            await self._sleep(wait)
        busy = any(isinstance(error, (*BUSY, ModelQuotaExceededError)) for error in errors)
        last = errors[-1]
        raise Exhausted(
            f"every model failed; the last, {last.model_name}, with: {last.message}", busy=busy
        )

    def _wait(self, number: int, errors: Sequence[ModelAPIError]) -> float:
        """What a provider asked for, the shortest of them, else our own doubling."""
        asked = [error.retry_after for error in errors if error.retry_after is not None]
        wait = min(asked) if asked else self._first * 2.0**number
        return min(wait, LONGEST)


def _detour(tell: Tell) -> Callable[[Exception], bool]:
    """Whether the next model is asked after an error."""

    def goes_on(error: Exception) -> bool:
        if not isinstance(error, _NEXT):
            return False
        fields = {"model": error.model_name, "error": error.message[:200]}
        tell("model not available, trying the next", fields)
        return True

    return goes_on


def _errors(group: BaseExceptionGroup[Any]) -> Iterator[ModelAPIError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _errors(error)
        else:
            yield error
