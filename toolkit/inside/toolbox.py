"""The tools as the model sees them: names, descriptions and arguments, and a line in the log for each call.

The functions' docstrings are what the model reads.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .loop_guard import LoopGuard
from .records import Records
from .strikes import Strikes, Unrecoverable
from .tools import LINES, SECONDS, ToolError, Tools

if TYPE_CHECKING:
    from pydantic_ai.tools import Tool


class Toolbox:
    """One session's tools."""

    def __init__(self, tools: Tools, records: Records) -> None:
        self._tools, self._records = tools, records
        self._strikes, self._guard = Strikes(), LoopGuard()

    def tools(self) -> list["Tool[None]"]:
        """The tools as the model sees them; one at a time, because they share files and a shell's state."""
        from pydantic_ai.tools import Tool

        def bash(command: str, timeout: float = SECONDS) -> str:
            """Run a shell command and get its output.

            Args:
                command: the command, for bash.
                timeout: seconds after which it is ended.
            """
            self._records.line("info", "bash", cmd=self._tools.hide(command)[:200])
            return self._call("bash", lambda: self._tools.bash(command, timeout), command)

        def read(path: str, offset: int = 1, limit: int = LINES) -> str:
            """Read a text file.

            Args:
                path: absolute, or relative to the working directory.
                offset: the first line, counted from 1.
                limit: how many lines.
            """
            return self._call(
                "read", lambda: self._tools.read(path, offset, limit), path, offset, limit
            )

        def write(path: str, content: str) -> str:
            """Write a file, replacing what is there.

            Args:
                path: absolute, or relative to the working directory.
                content: all of the new content.
            """
            return self._call("write", lambda: self._tools.write(path, content), path, content)

        def edit(path: str, old: str, new: str) -> str:
            """Replace a text in a file.

            Args:
                path: absolute, or relative to the working directory.
                old: the text to replace; it must stand in the file exactly once.
                new: what takes its place.
            """
            return self._call("edit", lambda: self._tools.edit(path, old, new), path, old, new)

        return [Tool(function, sequential=True) for function in (bash, read, write, edit)]

    def _call(self, tool: str, call: Callable[[], str], *arguments: object) -> str:
        """The tool's answer.  Its failure is told to the model, and counted.  The first argument is what the log has."""
        from pydantic_ai.exceptions import ToolFailed

        self._records.line("debug", "tool start", tool=tool)
        what, begun = f"{tool} {arguments!r}", time.monotonic()
        try:
            result = call()
        except ToolError as error:
            text = str(error)
            self._failed(tool, str(arguments[0]), text)
            note = self._guard.seen(what, text, time.monotonic() - begun)
            raise ToolFailed(text + note) from error
        self._records.line("debug", "tool done", tool=tool, resultLength=len(result))
        return result + self._guard.seen(what, result, time.monotonic() - begun)

    def _failed(self, tool: str, subject: str, text: str) -> None:
        self._records.line(
            "error",
            "tool error",
            tool=tool,
            cmd=self._tools.hide(subject)[:200],
            result=text[:1000],
        )
        try:
            self._strikes.add(text)
        except Unrecoverable as error:
            self._records.line(
                "error", "Aborting: repeated auth/permission failures", error=str(error)
            )
            raise
