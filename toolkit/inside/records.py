"""What a model session tells its run, as JSON lines on a pipe: log lines, usage so far, and why it failed."""

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from .lines import Log


class Records:
    """The session's end."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # the session's tools have nothing to say here
        self._pipe = open(descriptor, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - until we end

    def line(self, level: str, msg: str, **fields: Any) -> None:
        self._send(kind="line", level=level, msg=msg, fields=fields)

    def usage(self, total: Mapping[str, Any]) -> None:
        """What the run has used so far, as its record keeps it."""
        self._send(kind="usage", usage=dict(total))

    def final(self) -> None:
        """The model has nothing more to do: all that is left is to end."""
        self._send(kind="final")

    def reason(self, reason: str) -> None:
        self._send(kind="reason", reason=reason)

    def close(self) -> None:
        """There is nothing more to tell.  The end of the process does it as well."""
        self._pipe.close()

    def _send(self, **record: Any) -> None:
        self._pipe.write(json.dumps(record) + "\n")


class Reader:
    """The run's end: prints the lines, remembers the rest, until the session has ended."""

    def __init__(self, descriptor: int, log: Log) -> None:
        self.usage: Mapping[str, Any] | None = None
        self.reason = ""
        self.final = threading.Event()  # the model's last word is there, or the session has ended
        self._descriptor, self._log = descriptor, log
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()

    def _read(self) -> None:
        try:
            with open(self._descriptor, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
                for line in pipe:
                    if line.endswith("\n"):  # a session that is killed may leave half of one
                        self._take(json.loads(line))
        finally:
            self.final.set()

    def _take(self, record: Mapping[str, Any]) -> None:
        match record["kind"]:
            case "line":
                self._log.record(record["level"], record["msg"], record["fields"])
            case "usage":
                self.usage = record["usage"]
                self._log.tell(usage=record["usage"])
            case "final":
                self.final.set()
            case "reason":
                self.reason = record["reason"]
