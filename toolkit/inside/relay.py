"""What a run says, sent to the gateway as it says it: its lines, its status and usage, and in the end its report.

This is for speed only.  The platform's log has every line and the mailbox has the report, so nothing here is waited for:
what the gateway does not take is kept for a while in memory, then forgotten, oldest lines first.  The agent never waits,
and the end of the run only for a few seconds.  Standard library only; everything that comes here is redacted.
"""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .gateway_client import Answer, Conversation, Gateway

PATH = "/relay"
EVERY, LONGEST_EVERY = (
    0.3,
    10.0,
)  # seconds between two batches, at least: what a gateway may ask for is in between
FULL = 64 * 1024  # bytes of lines in a batch, which is sent at once then
ROOM = 4 * 1024**2  # bytes of lines that wait
ANSWER_SECONDS = 5.0  # for each answer of the gateway
LAST_SECONDS = 3.0  # for everything that is left when the run ends
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 20.0  # seconds before a batch is sent again


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request carries: lines, and words that are new."""

    lines: tuple[tuple[int, bytes], ...]
    words: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """Lines are JSON already."""
        words = json.dumps(self.words, ensure_ascii=False).encode("utf-8", "replace")
        lines = b'{"lines":[' + b",".join(line for _, line in self.lines) + b"]"
        return lines + (b"," + words[1:] if self.words else b"}")


@dataclass(slots=True)
class Spool:
    """What waits to be sent; safe for any thread.  `lost` counts the lines that had to make room."""

    room: int = ROOM
    lost: int = 0
    size: int = 0
    _lines: deque[tuple[int, bytes]] = field(default_factory=deque)
    _known: dict[str, Any] = field(default_factory=dict)
    _news: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, number: int, line: bytes) -> None:
        with self._lock:
            self._lines.append((number, line))
            self.size += len(line)
            while self.size > self.room:
                self.size -= len(self._lines.popleft()[1])
                self.lost += 1

    def tell(self, words: Mapping[str, Any]) -> None:
        """The report is told with all that was told before it: whoever takes it may not have had the rest."""
        with self._lock:
            self._known |= words
            self._news |= set(self._known if "report" in words else words)

    def batch(self) -> Batch | None:
        """The oldest lines, as many as a batch holds; words go with the last of them.  None when there is nothing."""
        with self._lock:
            lines, size = list[tuple[int, bytes]](), 0
            for number, line in self._lines:
                if lines and size + len(line) > FULL:
                    break
                lines.append((number, line))
                size += len(line)
            last = len(lines) == len(self._lines)
            words = {name: self._known[name] for name in sorted(self._news) if last}
            return Batch(tuple(lines), words) if lines or words else None

    def sent(self, batch: Batch) -> None:
        """Forget what was taken: not what has been told anew meanwhile."""
        with self._lock:
            last = batch.lines[-1][0] if batch.lines else 0
            while self._lines and self._lines[0][0] <= last:
                self.size -= len(self._lines.popleft()[1])
            for name, value in batch.words.items():
                if self._known[name] is value:
                    self._news.discard(name)

    def clear(self) -> None:
        with self._lock:
            self._lines.clear()
            self._news.clear()
            self.size = 0


class Relay:
    """lines.Copy of one run: takes everything from the claim on, and sends it when it knows where to.

    After `close`, or without a gateway, it takes nothing.
    """

    def __init__(self) -> None:
        self.spool = Spool()
        self._open = True
        self._every = EVERY
        self._news, self._hurry = threading.Event(), threading.Event()
        self._closing = threading.Event()
        self._end = float("inf")  # of time.monotonic: after which nothing more is tried
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------ what the run says

    def line(self, number: int, line: bytes) -> None:
        if not self._open:
            return
        self.spool.add(number, line)
        self._news.set()
        if self.spool.size >= FULL:
            self._hurry.set()

    def tell(self, **fields: Any) -> None:
        if self._open:
            self.spool.tell(fields)
            self._news.set()

    # --------------------------------------------------------------------------- its life

    def start(self, gateway: Gateway | None) -> None:
        """Begin to send; without a gateway, stop keeping anything."""
        if gateway is None:
            self._shut()
            return
        self._thread = threading.Thread(target=self._send, args=(gateway,), daemon=True)
        self._thread.start()

    def close(self, report: Mapping[str, Any] | None, *, seconds: float = LAST_SECONDS) -> None:
        """Send what is left, the report last.  Returns after `seconds` at the latest, whatever came of it."""
        if report is not None:
            self.tell(report=report)
        self._end = time.monotonic() + seconds
        self._closing.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(seconds)
        self._shut()

    def _shut(self) -> None:
        self._open = False
        self.spool.clear()

    # -------------------------------------------------------------------------- the sender

    def _send(self, gateway: Gateway) -> None:
        conversation = Conversation(gateway)
        failures, began = 0, float("-inf")
        while self._waited(began):
            if (batch := self.spool.batch()) is None:
                if self._closing.is_set():
                    break
                continue
            began = time.monotonic()
            answer = conversation.post(PATH, batch.body, seconds=self._patience())
            if answer.status == 200:
                failures = 0
                self._taken(batch, answer)
            elif answer.passing or answer.status == 500:
                failures += 1
                self._rest(failures)
            else:  # the run's token is not good any more, or this gateway knows no relay
                break
        conversation.close()
        self._shut()

    def _waited(self, began: float) -> bool:
        """Until there is something, and enough or long enough after the batch before; whether there is still time."""
        self._news.wait()
        self._hurry.wait(max(0.0, began + self._every - time.monotonic()))
        if not self._closing.is_set():
            self._news.clear()
            self._hurry.clear()
        if self._closing.is_set():  # perhaps only just now: nothing else would wake us any more
            self._wake()
        return time.monotonic() < self._end

    def _wake(self) -> None:
        self._hurry.set()
        self._news.set()

    def _patience(self) -> float:
        """Seconds for an answer: at the end no more than are left."""
        return max(0.1, min(ANSWER_SECONDS, self._end - time.monotonic()))

    def _taken(self, batch: Batch, answer: Answer) -> None:
        self.spool.sent(batch)
        told = answer.json
        every = told.get("every") if isinstance(told, dict) else None
        if isinstance(every, int | float):
            self._every = min(max(EVERY, every), LONGEST_EVERY)
        if self.spool.batch() is not None:
            self._again()

    def _again(self) -> None:
        self._news.set()
        if self.spool.size >= FULL:
            self._hurry.set()

    def _rest(self, failures: int) -> None:
        """Before the same is sent again: the longer the more often it was not taken, and not for everybody alike."""
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
        pause *= random.uniform(0.5, 1.0)
        if self._closing.is_set():
            time.sleep(min(pause, 2 * FIRST_PAUSE))
        else:
            self._closing.wait(pause)
        self._again()
