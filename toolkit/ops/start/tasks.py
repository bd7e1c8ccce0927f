"""The parts of `al start` that go on beside each other, each in a thread of its own."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from toolkit.core.errors import AlError

LOG = logging.getLogger("al.start")
ENDING = 30.0  # seconds for each part: a little more than launches under way may take
Task = Callable[[threading.Event], None]  # goes on until the event is set
Fail = Callable[[Exception], None]


@contextmanager
def at_work(tasks: Mapping[str, Task], fail: Fail, *, wake: Callable[[], None]) -> Iterator[None]:
    """Each task in a thread of its own until the end of this block; `fail` hears of one that cannot go on, and
    `wake` brings those back that sleep."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_guarded, args=(task, stop, fail), name=name, daemon=True)
        for name, task in tasks.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        wake()
        for thread in threads:
            thread.join(ENDING)


def _guarded(task: Task, stop: threading.Event, fail: Fail) -> None:
    """A part that has failed must not be missed: the others would go on as if it were there."""
    try:
        task(stop)
    except AlError as error:
        fail(error)
    except Exception as error:
        LOG.exception("%s cannot go on", threading.current_thread().name)
        fail(error)
