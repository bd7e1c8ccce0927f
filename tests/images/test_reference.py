"""Image references as people write them."""

import pytest

from toolkit.core.errors import ConfigError
from toolkit.images.reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("python", "registry-1.docker.io/library/python:latest"),
        ("python:3.11-slim", "registry-1.docker.io/library/python:3.11-slim"),
        ("docker.io/me/base", "registry-1.docker.io/me/base:latest"),
        ("me/base:1", "registry-1.docker.io/me/base:1"),
        ("ghcr.io/me/base:1", "ghcr.io/me/base:1"),
        ("localhost/base", "localhost/base:latest"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1"),
        ("localhost:5000/base", "localhost:5000/base:latest"),
        (
            f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/al-p-e--base@{DIGEST}",
            f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/al-p-e--base@{DIGEST}",
        ),
        (f"ghcr.io/me/base:1@{DIGEST}", f"ghcr.io/me/base@{DIGEST}"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, whole: str) -> None:
    """Docker Hub and its library are what is left out; a digest wins over a tag."""
    assert str(Reference.parse(text)) == whole


@pytest.mark.parametrize("text", ["", "a b", "x@sha256:short", ":tag", "https://", "name:"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """With the form to write."""
    with pytest.raises(ConfigError, match="not an image reference"):
        Reference.parse(text)
