"""How long a conversation is, in tokens: an estimate, which learns from what the provider counts.

And a conversation as plain text, for a summary.
"""

import json
from collections.abc import Iterator, Sequence

from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import ModelRequestParameters

_FIRST = 4.0  # characters of a token, until a provider has counted some
_LEAST, _MOST = 1.0, 8.0
_ONE = 2000  # characters of one part in a transcript


class Measure:
    """Characters and tokens of one session."""

    def __init__(self) -> None:
        self._ratio = _FIRST

    def tokens(
        self, messages: Sequence[ModelMessage], parameters: ModelRequestParameters | None = None
    ) -> int:
        return int(_characters(messages, parameters) / self._ratio)

    def characters(self, tokens: int) -> float:
        return tokens * self._ratio

    def learn(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        response: ModelResponse,
    ) -> None:
        """From the number of tokens that the provider counted in this prompt."""
        if counted := response.usage.input_tokens:
            ratio = _characters(messages, parameters) / counted
            self._ratio = min(max(ratio, _LEAST), _MOST)


def transcript(messages: Sequence[ModelMessage], most: int) -> str:
    """At most about `most` characters: the beginning of long parts, and the first and the last of them all."""
    text = "\n\n".join(line for message in messages for line in _lines(message))
    if len(text) <= most:
        return text
    return f"{text[: most // 3]}\n\n[...]\n\n{text[-2 * most // 3 :]}"


def _lines(message: ModelMessage) -> Iterator[str]:
    who = "agent" if isinstance(message, ModelResponse) else "to the agent"
    for kind, text in _texts(message):
        short = text if len(text) <= _ONE else f"{text[:_ONE]} [... {len(text) - _ONE} more]"
        yield f"{who}, {kind}: {short}"


def _characters(messages: Sequence[ModelMessage], parameters: ModelRequestParameters | None) -> int:
    said = sum(len(text) for message in messages for _, text in _texts(message))
    requests = [m.instructions or "" for m in messages if isinstance(m, ModelRequest)]
    return said + len(requests[-1] if requests else "") + _tools(parameters)


def _tools(parameters: ModelRequestParameters | None) -> int:
    tools = parameters.function_tools if parameters else ()
    return sum(len(json.dumps(t.parameters_json_schema)) + len(t.description or "") for t in tools)


def _texts(message: ModelMessage) -> Iterator[tuple[str, str]]:
    """(kind, text) of each part."""
    for part in message.parts:
        arguments = getattr(part, "args", None)
        content = getattr(part, "content", None)
        name = getattr(part, "tool_name", "")
        text = arguments if arguments is not None else content
        plain = text if isinstance(text, str) else json.dumps(text, default=str)
        yield f"{part.part_kind} {name}".strip(), plain
