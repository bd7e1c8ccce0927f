"""A model session: instructions, one message, tools, until the model has nothing more to do.

A process of its own (`python -m toolkit.inside.session`): the request comes on stdin as JSON, keys included; what
happens goes back as records on a pipe, which the run prints.  Only here is pydantic-ai loaded.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.errors import AlError, ConfigError, CredentialError
from toolkit.core.secrets import Secret
from toolkit.llm.models import live_model, parse_model

from .outcome import ERROR, OK
from .processes import keep_to_ourselves
from .records import Records
from .skill import instructions
from .strikes import Unrecoverable
from .toolbox import Toolbox
from .tools import Tools

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse

AUTHENTICATION, RATE_LIMITED, INVALID, DEPENDENCY, UNRECOVERABLE = 10, 12, 13, 14, 15
TOOL_RETRIES = 10  # times that a model may call a tool with arguments that do not fit


def main() -> int:
    """The exit code, in the vocabulary of outcome.py."""
    keep_to_ourselves()
    request = json.load(sys.stdin)
    records = Records(request["records"])
    try:
        asyncio.run(Session(request, records).run())
    except Exception as error:
        code, reason = explain(error)
        records.line("error", "session error", error=reason, exitCode=code)
        records.reason(reason)
        return code
    return OK


class Session:
    """One conversation."""

    def __init__(self, request: Mapping[str, Any], records: Records) -> None:
        self._request, self._records = request, records
        self._tools = Tools(cwd=Path(request["cwd"]), env=request["env"])

    async def run(self) -> None:
        """Until the model has nothing more to do.  Raises what explain() explains."""
        from pydantic_ai import Agent
        from pydantic_ai.usage import RunUsage, UsageLimits

        agent, usage, turns = self._agent(), RunUsage(), 0
        limits = UsageLimits(request_limit=None)  # the run's timeout is the limit
        async with (
            agent,
            agent.iter(self._request["prompt"], usage_limits=limits, usage=usage) as steps,
        ):
            async for step in steps:
                if Agent.is_call_tools_node(step):
                    turns += 1
                    self._said(step.model_response)
                    self._records.usage(usage, turns)
        self._records.line("info", "prompt returned", turnCount=turns)

    def _agent(self) -> "Agent[None]":
        """pydantic-ai's agent: the models with our patience, the instructions, the tools."""
        from pydantic_ai import Agent

        from toolkit.llm.patience import Patient

        models = [parse_model(data) for data in self._request["models"]]
        keys = [Secret(data["key"] or "") for data in self._request["models"]]
        live = [live_model(model, key or None) for model, key in zip(models, keys, strict=True)]
        patient = Patient(live, tell=self._tell)
        first = models[0]
        self._records.line(
            "info",
            "creating agent session",
            model=live[0].model_name,
            name=first.name,
            provider=first.provider,
            baseUrl=live[0].base_url,
            thinking=first.thinking_level,
        )
        return Agent(
            patient,
            deps_type=type(None),
            instructions=instructions(self._request["skill"], self._tools),
            tools=Toolbox(self._tools, self._records).tools(),
            retries={"tools": TOOL_RETRIES},
        )

    def _tell(self, msg: str, fields: Mapping[str, Any]) -> None:
        self._records.line("warn", msg, **fields)

    def _said(self, response: "ModelResponse") -> None:
        if text := (response.text or "").strip():
            self._records.line("info", "assistant", text=text)


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code that the error means, and why in words."""
    match error:
        case CredentialError():
            return AUTHENTICATION, f"{error.message} ({error.hint})"
        case ConfigError():
            return INVALID, f"{error.message} ({error.hint})"
        case AlError():
            return DEPENDENCY, f"{error.message} ({error.hint})"
        case Unrecoverable():
            return UNRECOVERABLE, f"aborting: repeated auth or permission failures: {error}"
        case ImportError():
            return INVALID, f"the image lacks {error.name}: its base must have al-toolkit[agent]"
    return _explain_model(error)


def _explain_model(error: BaseException) -> tuple[int, str]:
    from pydantic_ai import exceptions as theirs

    from toolkit.llm.patience import Exhausted

    match error:
        case Exhausted():
            return RATE_LIMITED if error.busy else DEPENDENCY, error.message
        case theirs.ModelAuthenticationError():
            return AUTHENTICATION, f"{error.model_name} refused its key: {error.message}"
        case theirs.ModelContextWindowExceededError():
            return UNRECOVERABLE, f"the conversation is too long for {error.model_name}"
        case theirs.ModelRequestRejectedError():
            return INVALID, f"{error.model_name} refused the request: {error.message}"
        case theirs.AgentRunError():
            return ERROR, error.message
    return ERROR, f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
