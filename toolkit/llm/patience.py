"""Several models as one, with patience: the next one when one is overloaded, and all again after a while.

A request is repeated, never a conversation: tools that have run are not run again.  Every request is streamed, so that a
server that says nothing is told from one that is slow, and a connection that breaks half-way costs one request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.wrapper import WrapperModel

from .breaker import Breaker

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.settings import ModelSettings

BUSY = (ModelRateLimitError, ModelUnavailableError)  # 429, and 503 or 529
_PASSING = (*BUSY, ModelServerError, ModelConnectionError, ModelRequestTimeout)
# that its client may repeat a request: https://httpwg.org/specs/rfc9110.html#status.408 and #status.409, and
# https://www.rfc-editor.org/rfc/rfc8470#section-5.2
_AGAIN = (408, 409, 425)
# what libraries raise where JSON has another form than their API's
_MISREAD = (
    UnexpectedModelBehavior,
    *(AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
PASSES = 4
Tell = Callable[[str, dict[str, Any]], None]
Heard = Callable[[int, "ModelResponse"], None]
FIRST, LONGEST = 30.0, 300.0  # seconds between passes: doubled each time, up to the longest
# seconds in which an answer must begin, and go on: a server at home may read its prompt for minutes
SILENCE = 600.0


class Silent(ModelAPIError):
    """A model did not begin to answer in time."""

    why = "no-first-output"


class Stalled(Silent):
    """A model began to answer, and did not go on."""

    why = "stalled-answer"


class Exhausted(AgentRunError):
    """Every model was refused in every pass.

    `busy`: because of rate limits or overload; `silent`: why, when each of them said nothing, or nothing more.
    """

    def __init__(self, message: str, *, busy: bool, silent: str = "") -> None:
        super().__init__(message)
        self.busy, self.silent = busy, silent


class Patient(WrapperModel):
    """Asks the models in order, and in up to PASSES rounds.

    `tell(msg, fields)` hears of every detour, `heard(place, response)` of every answer and whose it is,
    of one too that was lost or cancelled half-way, where its tokens were reported.  `begun` hears of an answer of which
    tokens are reported before its end: it is heard of again.
    """

    def __init__(
        self,
        models: Sequence["Model"],
        *,
        tell: Tell,
        heard: Heard = lambda _place, _response: None,
        begun: Heard = lambda _place, _response: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        first: float = FIRST,
        silence: Sequence[float] = (),
    ) -> None:
        """`silence` is, for each model, the seconds in which it must begin to answer, and go on."""
        super().__init__(FallbackModel(*models))  # for what a model must know of itself
        self._models, self._breaker = tuple(models), Breaker()
        self._tell, self._heard, self._begun = tell, heard, begun
        self._sleep, self._first = sleep, first
        self._silence = tuple(silence) or (SILENCE,) * len(self._models)

    async def request(
        self,
        messages: list["ModelMessage"],
        model_settings: "ModelSettings | None",
        model_request_parameters: "ModelRequestParameters",
    ) -> "ModelResponse":
        """Raises Exhausted, or the first error that no other model and no waiting can help."""
        asked = (messages, model_settings, model_request_parameters)
        errors: list[ModelAPIError] = []
        for number in range(PASSES):
            errors = []
            if response := await self._pass(errors, *asked):
                return response
            passing = [error for error in errors if _passes(error)]
            if not passing or number == PASSES - 1:
                break
            wait = self._wait(number, passing)
            fields = {"pass": number + 1, "delayMs": int(wait * 1000)}
            self._tell("all models exhausted, backing off", fields)
            await self._sleep(wait)
        raise _exhausted(errors)

    async def _pass(
        self,
        errors: list[ModelAPIError],
        messages: list["ModelMessage"],
        settings: "ModelSettings | None",
        parameters: "ModelRequestParameters",
    ) -> "ModelResponse | None":
        """An answer; or None, and in `errors` why each of the models has none."""
        for place in self._breaker.allowed(range(len(self._models))):
            model = self._models[place]
            prepared = model.prepare_messages(messages, parameters)
            try:
                response = await self._asked(place, prepared, settings, parameters)
            except ModelAPIError as error:
                if not _another_helps(error):
                    raise
                errors.append(error)
                self._detour(place, error)
            else:
                self._heard(place, response)
                return response
        return None

    async def _asked(
        self,
        place: int,
        messages: list["ModelMessage"],
        settings: "ModelSettings | None",
        parameters: "ModelRequestParameters",
    ) -> "ModelResponse":
        """An answer, whole.  One that has nothing in it, or cannot be read, is an error like others."""
        try:
            return await self._streamed(place, messages, settings, parameters)
        except _MISREAD as error:
            name, text = (
                self._models[place].model_name,
                f"no answer: {type(error).__name__}: {error}",
            )
            raise ModelAPIError(model_name=name, message=text[:1000]) from error

    async def _streamed(
        self,
        place: int,
        messages: list["ModelMessage"],
        settings: "ModelSettings | None",
        parameters: "ModelRequestParameters",
    ) -> "ModelResponse":
        model, seconds = self._models[place], self._silence[place]
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(seconds):
                    opened = model.request_stream(messages, settings, parameters)
                    stream = await stack.enter_async_context(opened)
                    stack.enter_context(self._counted(place, stream))
                    events = aiter(stream)
                    await anext(events, None)
                    self._reported(self._begun, place, stream)
            except TimeoutError as error:
                text = f"it did not begin to answer within {seconds:g} s"
                raise Silent(model_name=model.model_name, message=text) from error
            text = f"it stopped in the middle of its answer for {seconds:g} s"
            try:
                async with asyncio.timeout(seconds) as limit:
                    async for _ in events:
                        limit.reschedule(asyncio.get_running_loop().time() + seconds)
            except TimeoutError as error:
                raise Stalled(model_name=model.model_name, message=text) from error
            return stream.get()

    @contextmanager
    def _counted(self, place: int, stream: "StreamedResponse") -> Iterator[None]:
        """What was reported of an answer that never ends is paid for all the same, who- or whatever broke it off."""
        try:
            yield
        except (Exception, asyncio.CancelledError):
            self._reported(self._heard, place, stream)
            raise

    def _reported(self, hears: Heard, place: int, stream: "StreamedResponse") -> None:
        if (response := stream.get()).usage.total_tokens:
            hears(place, response)

    def _detour(self, place: int, error: ModelAPIError) -> None:
        self._breaker.trip(place, error.retry_after)
        model = self._models[place]
        words = "rate limited" if isinstance(error, BUSY) else "model not available"
        fields = {"provider": model.system, "model": error.model_name, "error": error.message[:200]}
        self._tell(f"{words}, trying next model", fields)

    def _wait(self, number: int, errors: Sequence[ModelAPIError]) -> float:
        """What a provider asked for, the shortest of them, else our own doubling.

        A wish for no wait at all is none: four passes would be over at once.
        """
        asked = [error.retry_after for error in errors if error.retry_after]
        wait = min(asked) if asked else self._first * 2.0**number
        return min(wait, LONGEST)


def _passes(error: ModelAPIError) -> bool:
    """Whether waiting may help.  An answer that cannot be read is a gateway's: its upstream may come back.  One that
    points elsewhere will do so again, and a prompt goes nowhere but where the configuration says."""
    elsewhere = 300 <= getattr(error.__cause__, "status_code", 0) < 400  # the SDKs' error
    unreadable = type(error) is ModelAPIError and not elsewhere
    again = isinstance(error, ModelHTTPError) and error.status_code in _AGAIN
    return isinstance(error, _PASSING) or unreadable or again


def _another_helps(error: ModelAPIError) -> bool:
    """Whether another model may have an answer where this one has none."""
    return _passes(error) or isinstance(error, (ModelQuotaExceededError, Silent))


def _exhausted(errors: Sequence[ModelAPIError]) -> Exhausted:
    last, quiet = errors[-1], [error for error in errors if isinstance(error, Silent)]
    return Exhausted(
        f"every model failed; the last, {last.model_name}, with: {last.message}",
        busy=any(isinstance(error, (*BUSY, ModelQuotaExceededError)) for error in errors),
        silent=quiet[-1].why if len(quiet) == len(errors) else "",
    )
