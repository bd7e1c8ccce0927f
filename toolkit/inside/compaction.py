"""Keeps a conversation within its model's window: what is long ago is replaced by a summary of it.

The model that works writes the summary.  The first message, with the task, and the last steps stay word for word.  A
prompt that does not fit even so is an error before it is sent, because some servers would cut it without a word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import ModelContextWindowExceededError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel

from .measure import Measure, transcript

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

_KEPT = 0.3  # of the trigger: how much of the last steps stays as it is
_READ = 0.6  # of the window: how much of what is long ago the summary is made from
_ASK = """\
An agent has worked on a task for a while. Below is what it did. Write down all that it needs to go on without having
seen it: what is done and how it turned out, files, commands, identifiers and figures that matter, decisions, what it
was about to do. Be exact and brief. Do not go on with the task yourself.

<history>
{history}
</history>"""
_SUMMARY = (
    "<summary-of-your-work-so-far>\n{text}\n</summary-of-your-work-so-far>\n\nGo on from there."
)


class TooLong(Exception):
    """The prompt does not fit into the model's window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """`window` and `trigger` in tokens: `percent` of the window is where a summary is made."""

    window: int
    percent: int

    @property
    def trigger(self) -> int:
        return self.window * self.percent // 100


Tell = Callable[[str, Mapping[str, Any]], None]


class Compacting(WrapperModel):
    """Asks `model` with a conversation that fits.  Without a `room` only a refusal of the server shortens it."""

    def __init__(self, model: "Model", *, room: Room | None, tell: Tell) -> None:
        super().__init__(model)
        self._room, self._tell, self._measure = room, tell, Measure()
        self._head: ModelRequest | None = None  # in place of the first `_gone` messages
        self._gone = 0

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: "ModelSettings | None",
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Raises TooLong, and what the model raises."""
        asked = (model_settings, model_request_parameters)
        view = await self._fitting(self._view(messages), *asked)
        try:
            response = await self.wrapped.request(view, *asked)
        except ModelContextWindowExceededError:
            shorter = await self._compacted(view, *asked)
            if shorter is view:
                raise
            view = shorter
            response = await self.wrapped.request(view, *asked)
        self._measure.learn(view, model_request_parameters, response)
        return response

    def _view(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """The conversation with what is remembered in place of its beginning."""
        return [self._head, *messages[self._gone :]] if self._head else messages

    async def _fitting(
        self,
        view: list[ModelMessage],
        settings: "ModelSettings | None",
        parameters: ModelRequestParameters,
    ) -> list[ModelMessage]:
        room = self._room
        if room is None:
            return view
        if self._measure.tokens(view, parameters) >= room.trigger:
            view = await self._compacted(view, settings, parameters)
        if (tokens := self._measure.tokens(view, parameters)) > room.window:
            raise TooLong(
                f"the prompt has about {tokens} tokens, and the model's window is {room.window}"
            )
        return view

    async def _compacted(
        self,
        view: list[ModelMessage],
        settings: "ModelSettings | None",
        parameters: ModelRequestParameters,
    ) -> list[ModelMessage]:
        """Shorter by what is long ago; the same list when there is nothing that could go."""
        if (cut := self._cut(view)) is None:
            return view
        before = self._measure.tokens(view, parameters)
        self._say("compacting the conversation", tokensBefore=before, messagesBefore=len(view))
        summary = await self._summary(view[:cut], settings)
        shorter = self._replace(view, cut, summary)
        after = self._measure.tokens(shorter, parameters)
        self._say(
            "conversation compacted",
            tokensBefore=before,
            tokensAfter=after,
            messagesAfter=len(shorter),
        )
        return shorter

    def _cut(self, view: Sequence[ModelMessage]) -> int | None:
        """Where the last steps begin: at an answer of the model, so that no tool's answer loses its call."""
        room = self._room
        kept = int(room.trigger * _KEPT) if room else 0
        places = [n for n, m in enumerate(view) if n > 1 and isinstance(m, ModelResponse)]
        fitting = (n for n in places if self._measure.tokens(view[n:]) <= kept)
        return next(fitting, places[-1] if places else None)

    async def _summary(self, old: Sequence[ModelMessage], settings: "ModelSettings | None") -> str:
        most = int(self._measure.characters(self._room.window) * _READ) if self._room else 200_000
        question = _ASK.format(history=transcript(old, most))
        request = ModelRequest(parts=[UserPromptPart(content=question)])
        answer = await self.wrapped.request([request], settings, ModelRequestParameters())
        if not (text := (answer.text or "").strip()):
            raise TooLong("the conversation is too long, and the model wrote no summary of it")
        return text

    def _replace(self, view: list[ModelMessage], cut: int, summary: str) -> list[ModelMessage]:
        first = view[0]
        assert isinstance(first, ModelRequest)  # noqa: S101 - a conversation begins with the task
        kept = first.parts[:-1] if self._head else first.parts
        self._gone += cut - 1 if self._head else cut
        note = UserPromptPart(content=_SUMMARY.format(text=summary))
        self._head = ModelRequest(parts=[*kept, note], instructions=first.instructions)
        return [self._head, *view[cut:]]

    def _say(self, msg: str, **fields: Any) -> None:
        room = self._room
        limits = (
            {"windowTokens": room.window, "triggerTokens": room.trigger, "compactPct": room.percent}
            if room
            else {}
        )
        self._tell(msg, {**limits, **fields})
