"""A model session: instructions, one message, tools, until the model has nothing more to do.

A process of its own (`python -m toolkit.inside.session ASKED TELLING`, which are pipes).  First comes a line with the image's
models, so that libraries are loaded before there is anything to do; then the request, keys included.  What happens goes
back as records, which the run prints.  Only here is pydantic-ai loaded.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .budget import Budget, OverBudget, Spending
from .explain import explain
from .outcome import OK
from .processes import keep_to_ourselves
from .records import Records
from .redact import Redactor
from .skill import instructions
from .toolbox import Toolbox
from .tools import Tools

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model

TOOL_RETRIES = 10  # times that a model may call a tool with arguments that do not fit


def main() -> int:
    """The exit code, in the vocabulary of outcome.py."""
    keep_to_ourselves()
    asked, telling = map(int, sys.argv[1:])
    records = Records(telling)
    with open(asked, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
        _load(json.loads(pipe.readline() or "[]"))
        line = pipe.readline()
    if not line.endswith("\n"):  # the run has ended before its work began
        return OK
    request = json.loads(line)
    os.chdir(request["cwd"])
    try:
        asyncio.run(Session(request, records).run())
    except Exception as error:
        code, reason = explain(error)
        records.line("error", "session error", error=reason, exitCode=code)
        records.reason(reason)
        return code
    return OK


def _load(models: Sequence[Mapping[str, Any]]) -> None:
    """What a session with these needs.  A library that is missing is missed again, and then explained.

    All of it stays until the end, so looking for garbage in it, now or later, would be time for nothing: a fifth of
    loading (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.disable()
    with suppress(ImportError):
        from toolkit.llm.models import load

        import_module("toolkit.inside.models")
        load(models)
    gc.freeze()
    gc.enable()


class Session:
    """One conversation."""

    def __init__(self, request: Mapping[str, Any], records: Records) -> None:
        self._request, self._records = request, records
        self._budget, self._spent = Budget.of(request.get("budget") or {}), Spending()
        seconds = self._budget.seconds
        until = None if seconds is None else time.monotonic() + seconds
        # not what only looks like a token: of an agent's work on code that would make nonsense
        hide = Redactor(request.get("hidden") or (), shapes=False).text
        self._tools = Tools(cwd=Path(request["cwd"]), env=request["env"], until=until, hide=hide)

    async def run(self) -> None:
        """Until the model has nothing more to do.  Raises what explain() explains."""
        try:
            async with asyncio.timeout(self._budget.seconds) as limit:
                await self._talk()
        except TimeoutError:
            if limit.expired():
                raise OverBudget(self._budget.late) from None
            raise
        self._records.final()

    async def _talk(self) -> None:
        from pydantic_ai import Agent
        from pydantic_ai.usage import UsageLimits

        from .models import SessionModels

        models = SessionModels.of(self._request["models"], self._records, self._spent)
        models.check(self._budget)
        agent, events = self._agent(await models.asked()), 0
        limits = UsageLimits(request_limit=None)  # the budget and the run's timeout are the limits
        async with (
            agent,
            agent.iter(self._request["prompt"], usage_limits=limits) as steps,
        ):
            async for step in steps:
                events += 1
                if Agent.is_call_tools_node(step):
                    self._answered(step.model_response)
        turns = self._spent.turns
        self._records.line("info", "prompt returned", turnCount=turns, eventCount=events)

    def _agent(self, model: "Model") -> "Agent[None]":
        """pydantic-ai's agent: the models with our patience, the instructions, the tools."""
        from pydantic_ai import Agent

        return Agent(
            model,
            deps_type=type(None),
            instructions=instructions(self._request["skill"], self._tools),
            tools=Toolbox(self._tools, self._records).tools(),
            retries={"tools": TOOL_RETRIES},
        )

    def _answered(self, response: "ModelResponse") -> None:
        """Raises OverBudget before a tool is called that would go on."""
        self._spent.turns += 1
        if text := (response.text or "").strip():
            self._records.line("info", "assistant", text=text)
        self._records.line(
            "debug",
            "event",
            type="message",
            role="assistant",
            eventCount=len(response.parts),
            stopReason=response.finish_reason,
        )
        self._records.usage(self._spent.report())
        if response.tool_calls:
            self._budget.check(self._spent)


def _end(code: int) -> NoReturn:
    """At once: to take the interpreter apart, with all the libraries, would cost each run a third of a second more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end(main())
