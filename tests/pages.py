"""Reading the documentation: its pages, their links and blocks, and the calls of `al` in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from toolkit.cli import cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
NOT_YET = ("al start", "al stop")  # named where a page says so
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def fences(page: Path, *languages: str) -> list[str]:
    return [body for language, body in _FENCE.findall(text(page)) if language in languages]


def prose(page: Path) -> str:
    return _FENCE.sub("", text(page))


def links(page: Path) -> list[str]:
    """Where the page's links lead, those to other hosts left out."""
    return [link for link in _LINK.findall(prose(page)) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{shown(page)}: {link}"


def commands(page: Path) -> Iterator[list[str]]:
    """Every call of `al` in the page's blocks of shell, as words."""
    for block in fences(page, "sh", "console", "bash", "yaml"):
        for line in block.splitlines():
            for call in re.split(r"&&|\|\||[|;]|<<<", line):
                if found := re.match(r"\s*(?:\$ |- run: )?al (.+)", call):
                    yield shlex.split(found[1], comments=True)


def spans(page: Path) -> Iterator[list[str]]:
    """Every call of `al` within the sentences, brackets removed, those of later versions left out."""
    for span in re.findall(r"`(al [^`]+)`", prose(page).replace("\n", " ")):
        if not span.startswith(NOT_YET):
            yield shlex.split(re.sub(r"\.\.\.|[\[\]]", "", span))[1:]


def refusal(words: list[str], *, whole: bool) -> str:
    """What click says against the call, or "".  `whole`: nothing that it needs may be missing."""
    command: click.Command = cli
    words = [word for word in words if word != "--debug"]
    try:
        with click.Context(cli, info_name="al") as context:
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                name, *words = words
                found = command.get_command(context, name)
                if found is None:
                    return f"there is no {name!r} of {command.name}"
                command = found
            command.make_context(command.name, words, parent=context)
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        return ""
    except click.MissingParameter as error:
        return error.format_message() if whole else ""
    except click.ClickException as error:
        return error.format_message()
    return ""


def wrong_calls(page: Path) -> list[str]:
    found = [(words, refusal(words, whole=True)) for words in commands(page)]
    found += [(words, refusal(words, whole=False)) for words in spans(page)]
    return [f"al {shlex.join(words)}: {why}" for words, why in found if why]
