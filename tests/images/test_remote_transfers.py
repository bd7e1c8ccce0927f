"""Transfers that break are repeated, however long they took to break."""

import time
from collections.abc import Iterator

import pytest

from tests.images.served import Served, client_of, fault, put_blob
from toolkit.core.errors import Unreachable
from toolkit.images.layer import sha256

PATIENCE = 0.5  # seconds
LONGER = 0.7
FAULT = fault("500 Internal Server Error")


def slow(data: bytes) -> Iterator[bytes]:
    """A line that needs longer than our patience."""
    time.sleep(LONGER)
    yield data


def test_an_upload_that_breaks_late_is_repeated(sandbox: Served) -> None:
    """Patience is for the waits between the tries: a large layer may take minutes until its line breaks."""
    sandbox.front.faults["PUT", "/app/blobs/uploads"] = [FAULT]
    client = client_of(sandbox.url, patience=PATIENCE)
    client.home.upload("app", sha256(b"layer"), 5, lambda: slow(b"layer"))
    client.home.close()
    assert sandbox.storage.has_blob("app", sha256(b"layer"))


def test_a_source_that_breaks_late_is_begun_anew(sandbox: Served) -> None:
    """What is read for an upload breaks it, and both are repeated."""
    client, tries = client_of(sandbox.url, patience=PATIENCE), [1]

    def chunks() -> Iterator[bytes]:
        yield from slow(b"la")
        if tries.pop():
            tries.append(0)
            raise Unreachable("the source broke", hint="again")
        yield b"yer"

    client.home.upload("app", sha256(b"layer"), 5, chunks)
    client.home.close()
    assert sandbox.storage.has_blob("app", sha256(b"layer"))


def test_tries_come_to_an_end(sandbox: Served) -> None:
    """A fault that lasts is told, after as many waits as patience allows."""
    sandbox.front.faults["PUT", "/app/blobs/uploads"] = [FAULT] * 100
    client = client_of(sandbox.url, patience=PATIENCE)
    with pytest.raises(Unreachable, match="500"):
        client.home.upload("app", sha256(b"layer"), 5, lambda: iter((b"layer",)))
    client.home.close()
    assert 2 <= sandbox.front.count("PUT", "/app/blobs/uploads") <= 5


def test_without_patience_a_transfer_is_tried_once(sandbox: Served) -> None:
    """As every other question."""
    digest = put_blob(sandbox.storage, "app", b"layer")
    sandbox.front.faults["GET", digest] = [FAULT]
    client = client_of(sandbox.url, patience=0)
    with pytest.raises(Unreachable, match="500"):
        client.home.blob("app", digest)
    client.home.close()
