"""Dockerfiles as people write them: where they stand upon al's base, and what is left as it is."""

import pytest

from toolkit.core.errors import ConfigError
from toolkit.images.dockerfile import is_bare, rebased

BASE = "r.example.com/base@sha256:1"
UPON = f"FROM {BASE}\n"


def upon(text: str) -> str:
    return rebased(text, BASE, where="Dockerfile")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM al-agent\n", UPON),
        ("\ufeffFROM al-agent\r\nRUN x\r\n", f"{UPON}RUN x\n"),
        ("from   AL-AGENT:1.2   as   Own\n", f"from   {BASE}   as   Own\n"),
        (
            "FROM \\\n  # al-agent it is\n  al-agent\nRUN x\n",
            f"FROM \\\n  # al-agent it is\n  {BASE}\nRUN x\n",
        ),
        ("# escape=`\nFROM `\nal-agent\n", f"# escape=`\nFROM `\n{BASE}\n"),
        ("# syntax=docker/dockerfile:1\nFROM al-agent\n", f"# syntax=docker/dockerfile:1\n{UPON}"),
        ("ARG BASE=al-agent\nFROM $BASE\n", f"ARG BASE=al-agent\n{UPON}"),
        ('ARG TAG="2"\nFROM al-agent:${TAG}\n', f'ARG TAG="2"\n{UPON}'),
        ("FROM ${BASE:-al-agent}\n", UPON),
        ("FROM --platform=$TARGETPLATFORM al-agent\n", f"FROM --platform=$TARGETPLATFORM {BASE}\n"),
    ],
)
def test_the_base_is_found_however_it_is_written(text: str, expected: str) -> None:
    """Case, tags, arguments with a default, lines that go on, directives, a mark of Windows."""
    assert upon(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM al-agent\nRUN <<EOF\nFROM node:22\nEOF\n",
        "FROM al-agent\nCOPY <<-'A' <<B /opt/\n\tFROM x\n\tA\nFROM y\nB\n",
        "FROM al-agent\nRUN echo \\\n  FROM node:22\n",
        "FROM al-agent\n# FROM node:22\n",
    ],
)
def test_what_only_looks_like_a_stage_is_none(text: str) -> None:
    """A here-document, a line that goes on, a comment: nothing but the first line changes."""
    assert upon(text) == text.replace("FROM al-agent\n", UPON, 1)


def test_stages_build_upon_each_other() -> None:
    """The last one stands upon the base through another; a stranger's stages are left alone."""
    text = "FROM node:22 AS web\nRUN x\nFROM al-agent AS own\nCOPY --from=web /a /b\nFROM own\n"
    assert upon(text) == text.replace("FROM al-agent AS", f"FROM {BASE} AS")


def test_files_can_be_taken_from_the_base() -> None:
    """COPY and RUN name it in a flag; words further on are the user's."""
    text = "FROM al-agent\nCOPY --from=al-agent /a /b\nRUN --mount=type=bind,from=al-agent,target=/m echo from=al-agent\n"
    expected = f"{UPON}COPY --from={BASE} /a /b\nRUN --mount=type=bind,from={BASE},target=/m echo from=al-agent\n"
    assert upon(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM node:22 AS al-agent\nFROM al-agent\n",
        "ARG BASE=node\nFROM ${BASE}\n",
        "FROM al-agent AS a\nFROM node AS a\nFROM a\n",
        "FROM al-agents\n",
        "FROM x/al-agent\n",
        "RUN <<EOF\nFROM al-agent\nEOF\n",
        "",
    ],
)
def test_what_does_not_end_upon_the_base_is_refused(text: str) -> None:
    """A stage of that name is the user's; an argument that says otherwise counts; so does the last of two names."""
    with pytest.raises(ConfigError, match="al-agent") as caught:
        upon(text)
    assert "FROM al-agent" in caught.value.hint


def test_a_dockerfile_with_arguments_alone_is_bare() -> None:
    """It builds nothing."""
    assert is_bare("# escape=`\nARG X=1\nFROM al-agent:$X\n")
    assert not is_bare("FROM al-agent\nENV A=1\n")
