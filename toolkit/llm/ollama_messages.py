"""A conversation and its tools in the words of Ollama's API: https://docs.ollama.com/api/chat."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters


def messages_of(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> list[dict[str, Any]]:
    """Instructions first, then everything in its order."""
    found = list(_instructions(messages, parameters))
    for message in messages:
        found += _asked(message) if isinstance(message, ModelRequest) else [_answered(message)]
    return found


def tools_of(parameters: ModelRequestParameters) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description or "",
                "parameters": tool.parameters_json_schema,
            },
        }
        for tool in (*parameters.function_tools, *parameters.output_tools)
    ]


def _instructions(
    messages: Sequence[ModelMessage], parameters: ModelRequestParameters
) -> Iterator[dict[str, Any]]:
    parts = [part.content for part in parameters.instruction_parts or ()]
    if not parts:
        requests = [m.instructions for m in messages if isinstance(m, ModelRequest)]
        parts = [text for text in requests[-1:] if text]
    if parts:
        yield {"role": "system", "content": "\n\n".join(parts)}


def _asked(request: ModelRequest) -> Iterator[dict[str, Any]]:
    for part in request.parts:
        match part:
            case SystemPromptPart():
                yield {"role": "system", "content": part.content}
            case ToolReturnPart():
                text = part.model_response_str()
                yield {"role": "tool", "tool_name": part.tool_name, "content": text}
            case UserPromptPart():
                yield {"role": "user", "content": _text(part)}
            case _:
                yield {"role": "user", "content": str(getattr(part, "content", ""))}


def _text(part: UserPromptPart) -> str:
    if isinstance(part.content, str):
        return part.content
    return "\n".join(piece for piece in part.content if isinstance(piece, str))


def _answered(response: ModelResponse) -> dict[str, Any]:
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    thought = "".join(part.content for part in response.parts if isinstance(part, ThinkingPart))
    calls = [
        {"function": {"name": part.tool_name, "arguments": part.args_as_dict()}}
        for part in response.parts
        if isinstance(part, ToolCallPart)
    ]
    said = {"role": "assistant", "content": text}
    said |= {"thinking": thought} if thought else {}
    return {**said, "tool_calls": calls} if calls else said
