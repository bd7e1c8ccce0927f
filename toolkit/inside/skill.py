"""The agent's instructions: the body of SKILL.md, with what its inline commands print.

An exclamation mark and a command in backticks (!`date`) becomes the command's trimmed output, when the session
starts.
"""

import re

from .tools import ToolError, Tools

SECONDS = 60  # for each command
_INLINE = re.compile(r"!`([^`\n]+)`")


def instructions(body: str, tools: Tools) -> str:
    def output(match: re.Match[str]) -> str:
        try:
            return tools.output(match[1], timeout=SECONDS).strip()
        except ToolError as error:
            return f"[Error: {str(error)[:500]}]"

    return _INLINE.sub(output, body)
