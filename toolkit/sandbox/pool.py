"""Warm Lambda environments: one per concurrent invocation of a version, used again, ended when idle for long.

A cloud starts a thousand at once; a machine that did would not get any of them through its init phase in time.  So only a few
start at the same time, and an invocation that comes meanwhile takes the first that is free.
"""

import os
import secrets
import shutil
import threading
import time
from dataclasses import replace

from toolkit.core.errors import AlError

from .host import Host
from .lambda_host import Environment, FunctionVersion, Invocation, start_error
from .logs import LONGEST_EVENT, LogStream

MOST_STARTING = 2 * (os.cpu_count() or 1)
POLL = 0.1  # seconds between two looks whether one has started


class Pool:
    """The environments of every function, of which at most `starting` start at the same time."""

    def __init__(self, host: Host, starting: int = MOST_STARTING) -> None:
        self._host = host
        self._most_starting, self._promised = starting, 0  # promised: about to be made
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()
        self._active: dict[str, int] = {}  # function -> running invocations
        self._changing = threading.Condition()
        self._closed = threading.Event()
        threading.Thread(target=self._tidy, daemon=True, name="lambda-pool").start()

    @property
    def busy(self) -> bool:
        return any(self._active.values())

    def enter(self, name: str, most: int | None) -> bool:
        """Count one more invocation of a function, unless `most` are running."""
        with self._changing:
            running = self._active.get(name, 0)
            if most is not None and running >= most:
                return False
            self._active[name] = running + 1
            return True

    def leave(self, name: str) -> None:
        with self._changing:
            self._active[name] -= 1

    def run(self, function: FunctionVersion, invocation: Invocation) -> None:
        """Carry one invocation out; its outcome is in it."""
        try:
            environment = self._take(function)
        except (AlError, OSError) as error:
            invocation.finish(start_error(error), "Runtime.InvalidEntrypoint")
            return
        environment.invoke(invocation)
        self._put_back(environment)

    def _take(self, function: FunctionVersion) -> Environment:
        with self._changing:
            while (found := self._fitting(function)) is None and not self._may_start():
                self._changing.wait(POLL)
            if found is not None:
                self._idle.remove(found)
                return found
            self._promised += 1
        try:
            return self._made(function)
        finally:
            with self._changing:
                self._promised -= 1

    def _fitting(self, function: FunctionVersion) -> Environment | None:
        """The one that was used last."""
        fitting = [e for e in self._idle if e.function == function and e.alive]
        return fitting[-1] if fitting else None

    def _may_start(self) -> bool:
        starting = sum(not environment.begun for environment in self._all)
        return starting + self._promised < self._most_starting

    def _made(self, function: FunctionVersion) -> Environment:
        id_ = secrets.token_hex(16)
        environment = Environment(
            self._host, function, self._stream(function, id_), self._host.work / id_
        )
        with self._changing:
            self._all.add(environment)
        return environment

    def _stream(self, function: FunctionVersion, id_: str) -> LogStream:
        """The environment's log stream.  What the role may not write is lost without a word, as in reality."""
        logs, group = self._host.logs, function.log_group
        name = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{id_}"
        missing = not logs.has_group(group)
        if self._host.access.first_refused(function.role, logs.needs(group, name, create=missing)):
            return logs.nowhere(group, name)
        if missing:
            logs.create_group(group)
        return replace(logs.stream(group, name), longest=LONGEST_EVENT)

    def _put_back(self, environment: Environment) -> None:
        with self._changing:
            if environment.alive and not self._closed.is_set():
                self._idle.append(environment)
                self._changing.notify()
                return
        self._end(environment)

    def forget(self, name: str) -> None:
        """End the idle environments of a function that is gone or changed."""
        with self._changing:
            leaving = [e for e in self._idle if e.function.name == name]
            self._idle = [e for e in self._idle if e not in leaving]
        for environment in leaving:
            self._end(environment)

    def _tidy(self) -> None:
        while not self._closed.wait(1.0):
            oldest = time.monotonic() - self._host.settings().warm_minutes * 60
            with self._changing:
                leaving = [e for e in self._idle if e.idle_since < oldest or not e.alive]
                self._idle = [e for e in self._idle if e not in leaving]
            for environment in leaving:
                self._end(environment)

    def _end(self, environment: Environment) -> None:
        environment.close()
        shutil.rmtree(environment.place, ignore_errors=True)
        with self._changing:
            self._all.discard(environment)

    def close(self) -> None:
        """End every process."""
        self._closed.set()
        for environment in list(self._all):
            self._end(environment)
