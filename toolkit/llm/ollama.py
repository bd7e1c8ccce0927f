"""Ollama in its own API (https://docs.ollama.com/api/chat), as a model of pydantic-ai's.

Its other API, which is like OpenAI's, takes neither `num_ctx` nor a wish that no prompt be cut: a conversation that
outgrows the window would lose its beginning, and nobody would hear of it.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelUnavailableError,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.usage import RequestUsage

from toolkit.core.secrets import Secret

from .keys import in_header
from .ollama_messages import messages_of, tools_of
from .trust import trusted

if TYPE_CHECKING:
    from pydantic_ai.messages import (
        FinishReason,
        ModelMessage,
        ModelResponse,
        ModelResponseStreamEvent,
    )
    from pydantic_ai.settings import ModelSettings

_QUIET = httpx.Timeout(
    600, connect=10
)  # seconds: it loads models, and reads prompts, before it says anything
_Kind = type[
    ModelRateLimitError | ModelUnavailableError | ModelServerError | ModelRequestRejectedError
]
_STATUS: Mapping[int, _Kind] = {
    401: ModelAuthenticationError,
    403: ModelAuthenticationError,
    404: ModelNotFoundError,
    429: ModelRateLimitError,
    503: ModelUnavailableError,
}
_TOO_LONG = (
    "context length",
    "context window",
    "exceeds the available context",
    "prompt is too long",
)
_ENDS: Mapping[str, "FinishReason"] = {"stop": "stop", "length": "length"}


class Ollama(Model):
    """`options` are in Ollama's words.  `window` is sent as num_ctx, once it is known (window.py)."""

    def __init__(
        self,
        name: str,
        *,
        url: str,
        key: Secret | None = None,
        options: Mapping[str, Any] | None = None,
        think: bool | str | None = None,
    ) -> None:
        super().__init__()
        self._name, self._url, self._key = name, url, key
        self._options, self._think = dict(options or {}), think
        self.window: int | None = self._options.get("num_ctx")

    @property
    def model_name(self) -> str:
        return self._name

    @property
    def system(self) -> str:
        return "ollama"

    @property
    def base_url(self) -> str:
        return self._url

    @property
    def provider(self) -> None:
        return None

    async def request(
        self,
        messages: list["ModelMessage"],
        model_settings: "ModelSettings | None",
        model_request_parameters: ModelRequestParameters,
    ) -> "ModelResponse":
        async with self.request_stream(
            messages, model_settings, model_request_parameters
        ) as stream:
            async for _ in stream:
                pass
            return stream.get()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list["ModelMessage"],
        model_settings: "ModelSettings | None",
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,
    ) -> AsyncIterator[StreamedResponse]:
        """Raises ModelAPIError of the kind that its status means."""
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        body = self._body(messages, settings or {}, parameters)
        headers = {"Authorization": f"Bearer {in_header(self._key, 'ollama')}"} if self._key else {}
        try:
            async with (
                httpx.AsyncClient(timeout=_QUIET, headers=headers, verify=trusted()) as client,
                client.stream("POST", f"{self._url}/api/chat", json=body) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise self._refusal(answer, (await answer.aread()).decode("utf-8", "replace"))
                yield _Stream(
                    parameters, name=self._name, url=self._url, lines=answer.aiter_lines()
                )
        except httpx.HTTPError as error:
            text = str(error) or type(error).__name__
            raise ModelConnectionError(model_name=self._name, message=text) from error

    def _body(
        self,
        messages: list["ModelMessage"],
        settings: Mapping[str, Any],
        parameters: ModelRequestParameters,
    ) -> dict[str, Any]:
        asked = {"num_predict": settings["max_tokens"]} if "max_tokens" in settings else {}
        window = {"num_ctx": self.window} if self.window else {}
        body: dict[str, Any] = {
            "model": self._name,
            "messages": messages_of(messages, parameters),
            "tools": tools_of(parameters),
            "options": {**self._options, **asked, **window},
            "stream": True,
            "truncate": False,  # an error, rather than a prompt without its beginning
            "shift": False,
        }
        return body if self._think is None else {**body, "think": self._think}

    def _refusal(self, answer: httpx.Response, text: str) -> ModelHTTPError:
        status = answer.status_code
        failed = status >= httpx.codes.INTERNAL_SERVER_ERROR
        kind = _STATUS.get(status) or (ModelServerError if failed else ModelRequestRejectedError)
        if any(words in text.lower() for words in _TOO_LONG):
            kind = ModelContextWindowExceededError
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return ModelHTTPError.for_category(
            kind, status_code=status, model_name=self._name, body=text[:1000], headers=headers
        )


@dataclass
class _Stream(StreamedResponse):
    """One answer: a JSON object in each line, and the counts in the last."""

    name: str = ""
    url: str = ""
    lines: AsyncIterator[str] = field(kw_only=True)
    _begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def _get_event_iterator(self) -> AsyncIterator["ModelResponseStreamEvent"]:
        calls = 0
        async for line in self.lines:
            if not line.strip():  # a proxy's, to keep the connection
                continue
            piece = self._piece(line)
            message = piece.get("message") or {}
            for event in self._said(message):
                yield event
            for call in message.get("tool_calls") or ():
                calls += 1
                yield self._called(call.get("function") or {}, calls)
            if piece.get("done"):
                self._end(piece)
                return
        raise ModelConnectionError(model_name=self.name, message="the answer broke off")

    def _piece(self, line: str) -> Mapping[str, Any]:
        try:
            piece = json.loads(line)
        except ValueError as error:
            text = f"the answer is no JSON: {line[:100]!r}"
            raise ModelAPIError(model_name=self.name, message=text) from error
        if not isinstance(piece, dict):
            raise ModelAPIError(model_name=self.name, message="the answer is no JSON object")
        if failed := piece.get("error"):
            raise ModelHTTPError.for_category(
                ModelServerError, status_code=500, model_name=self.name, body=failed, in_stream=True
            )
        return piece

    def _said(self, message: Mapping[str, Any]) -> Iterator["ModelResponseStreamEvent"]:
        if thought := message.get("thinking"):
            yield from self._parts_manager.handle_thinking_delta(
                vendor_part_id="thinking", content=thought
            )
        if text := message.get("content"):
            yield from self._parts_manager.handle_text_delta(vendor_part_id="content", content=text)

    def _called(self, function: Mapping[str, Any], number: int) -> "ModelResponseStreamEvent":
        return self._parts_manager.handle_tool_call_part(
            vendor_part_id=f"call-{number}",
            tool_name=str(function.get("name") or ""),
            args=function.get("arguments") or {},
        )

    def _end(self, piece: Mapping[str, Any]) -> None:
        self._usage = RequestUsage(
            input_tokens=int(piece.get("prompt_eval_count") or 0),
            output_tokens=int(piece.get("eval_count") or 0),
        )
        self.finish_reason = _ENDS.get(str(piece.get("done_reason")), "stop")

    @property
    def model_name(self) -> str:
        return self.name

    @property
    def provider_name(self) -> str:
        return "ollama"

    @property
    def provider_url(self) -> str:
        return self.url

    @property
    def timestamp(self) -> datetime:
        return self._begun
