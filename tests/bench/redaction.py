"""Megabytes of output a second that are searched for 200 secrets, of one processor's own time.

`python -m tests.bench.redaction` runs this part alone.
"""

import random
import string
import time
from collections.abc import Iterator

from toolkit.inside.lines import Log
from toolkit.inside.output import Lines
from toolkit.inside.redact import Redactor

SECRETS, CHUNK, SIZE = 200, 64 * 1024, 8_000_000
LETTERS = string.ascii_letters + string.digits
LOG = "2026-11-21 12:00:00,123 INFO worker.pool processed item {n:08d} of the queue in 13 ms\n"
BUILD = (
    "Installing /usr/lib/python3/dist-packages/some_package/_vendor/module_{n}.py sha256={hash}\n"
)
JSON = '{{"time": "2026-11-21T12:00:00Z", "level": "info", "url": "https://host/a/{n}", "user": "a@b.example"}}\n'


def texts(seed: int = 1) -> Iterator[tuple[str, str]]:
    """(name, text): what agents print."""
    chance = random.Random(seed)
    for name, line in (("log lines", LOG), ("a build", BUILD), ("JSON", JSON)):
        hashes = [f"{chance.getrandbits(256):064x}" for _ in range(100)]
        lines = SIZE // len(line.format(n=0, hash=hashes[0]))
        yield name, "".join(line.format(n=n, hash=hashes[n % 100]) for n in range(lines))
    yield "one line without end", "".join(chance.choices(LETTERS + " ", k=SIZE // 4))


def main() -> None:
    chance = random.Random(2)
    values = ["".join(chance.choices(LETTERS, k=40)) for _ in range(SECRETS)]
    began = time.process_time()
    redactor = Redactor(values)
    print(f"{f'redactor of {SECRETS} secrets':<58} {(time.process_time() - began) * 1000:9.1f} ms")
    for name, text in texts():
        chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
        searched = min(_searched(redactor, chunks) for _ in range(3))
        logged = _logged(redactor, chunks)
        size = len(text) / 1e6
        print(
            f"{f'redaction, {name}':<58} {size / searched:9.0f} MB/s   with log lines {size / logged:.0f}"
        )


def _searched(redactor: Redactor, chunks: list[str]) -> float:
    stream, began = redactor.stream(), time.process_time()
    for chunk in chunks:
        stream.feed(chunk)
    stream.close()
    return time.process_time() - began


def _logged(redactor: Redactor, chunks: list[str]) -> float:
    """The whole way from a pipe's bytes to log lines."""
    log = Log("dev-1a2b3c4d", write=lambda _data: None)
    log.redactor = redactor
    lines, began = Lines(log), time.process_time()
    for chunk in chunks:
        for fields in lines.feed(chunk.encode()):
            log.output({"stream": "stdout", **fields})
    return time.process_time() - began


if __name__ == "__main__":
    main()
