"""What a model session tells its run, as JSON lines on a pipe: log lines, usage so far, and why it failed."""

import json
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .lines import Log

if TYPE_CHECKING:
    from pydantic_ai.usage import RunUsage


class Records:
    """The session's end."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # the session's tools have nothing to say here
        self._pipe = open(descriptor, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - until we end

    def line(self, level: str, msg: str, **fields: Any) -> None:
        self._send(kind="line", level=level, msg=msg, fields=fields)

    def usage(self, usage: "RunUsage", turns: int) -> None:
        total = {
            "inputTokens": usage.input_tokens,
            "outputTokens": usage.output_tokens,
            "cacheReadTokens": usage.cache_read_tokens,
            "cacheWriteTokens": usage.cache_write_tokens,
            "totalTokens": usage.input_tokens + usage.output_tokens,
            "cost": None if usage.cost is None else float(usage.cost),
            "turnCount": turns,
        }
        self._send(kind="usage", usage=total)

    def reason(self, reason: str) -> None:
        self._send(kind="reason", reason=reason)

    def _send(self, **record: Any) -> None:
        self._pipe.write(json.dumps(record) + "\n")


class Reader:
    """The run's end: prints the lines, remembers the rest, until the session has ended."""

    def __init__(self, descriptor: int, log: Log) -> None:
        self.usage: Mapping[str, Any] | None = None
        self.reason = ""
        self._descriptor, self._log = descriptor, log
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()

    def _read(self) -> None:
        with open(self._descriptor, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
            for line in pipe:
                if line.endswith("\n"):  # a session that is killed may leave half of one
                    self._take(json.loads(line))

    def _take(self, record: Mapping[str, Any]) -> None:
        match record["kind"]:
            case "line":
                self._log.record(record["level"], record["msg"], record["fields"])
            case "usage":
                self.usage = record["usage"]
            case "reason":
                self.reason = record["reason"]
