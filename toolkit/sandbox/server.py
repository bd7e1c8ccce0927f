"""The sandbox's process: its parts put together, its servers, and its end.

Ends at SIGTERM, or after the idle time without a request or anything running; takes its containers and its contents
with it.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from . import constraints, keeping
from .access import Access
from .aws import Front
from .calls import Answer, Environ
from .cloud import Cloud
from .data import Data
from .ecr import Ecr
from .ecs import Ecs
from .gcp.embedding import HEAD, Embedded
from .gcp.machine import Machine
from .host import Host
from .image_store import Storage
from .images import Images
from .lambdas import Lambda
from .logs import Logs
from .needs_images import image_needs
from .recording import OPERATOR
from .refusals import Refusals
from .registry import Registry
from .repositories import Either
from .roles import Roles
from .serving import Application, Served, programs_only
from .settings import Settings, load
from .state import Place, Sandbox
from .tables import Tables
from .warm import warm


class Server:
    """Everything that one sandbox is.  `serve()` returns when it has ended."""

    def __init__(self, place: Place, *, region: str, keep: bool) -> None:
        self._place, self._keep = place, keep
        self._settings: Settings = load(place.settings)
        self._touched = time.monotonic()
        self._ending = threading.Event()
        self._cloud = Cloud(region=region)
        storage = Storage(place.root / "registry")
        logs = Logs(self._cloud, lambda: self._settings.ingestion_delay)
        self._host = Host(
            cloud=self._cloud,
            images=Images(storage, place.root / "images"),
            logs=logs,
            access=Access(self._cloud),
            roles=Roles(self._cloud, lambda: self._settings.fresh_role_calls),
            work=place.root / "work",
            settings=lambda: self._settings,
            touch=self.touch,
        )
        self._ecr = Ecr(self._cloud, storage)
        self._functions = Lambda(self._host)
        self._google = Embedded(place)
        self._repositories = Either(self._ecr, HEAD, self._google.repositories)
        self._registry = Served(programs_only(self._recorded(storage), self.touch))
        self._ecr.registry = f"http://{self._registry.address}"
        self._application = self._front()
        self._aws = Served(self._application)
        self._cloud.endpoint = f"http://{self._aws.address}"
        self._google.start(
            Machine(
                storage=storage,
                images=self._host.images,
                work=place.root / "work",
                registry=self._registry.address,
                touch=self.touch,
            )
        )
        if place.kept.exists():
            self._functions.put_back(keeping.restore(self._cloud, place.kept))

    def _recorded(self, storage: Storage) -> Application:
        """The registry.  A login is not told from another's, so its requests count as the operator's."""
        registry = self._registry_application(storage)

        def application(environ: Environ, start_response: Any) -> Iterable[bytes]:
            for need in image_needs(environ, self._cloud):
                self._host.access.recording.add(OPERATOR, need)
            return registry(environ, start_response)

        return application

    def _registry_application(self, storage: Storage) -> Registry:
        return Registry(
            storage=storage,
            repository_exists=self._repositories.exists,
            immutable=self._repositories.immutable,
            on_manifest=self._repositories.pushed,
            on_delete=self._repositories.gone,
        )

    def _front(self) -> Front:
        parts = (
            self._ecr,
            Ecs(self._host),
            self._functions,
            Data(self._cloud, lambda: self._settings),
            Tables(lambda: self._settings),
        )
        handlers = {key: handler for part in parts for key, handler in part.handlers().items()}
        return Front(
            self._cloud,
            access=self._host.access,
            handlers=handlers,
            checks=(self._host.access.check, constraints.check, Refusals(self._cloud).check),
            control=self._control,
            touch=self.touch,
        )

    def touch(self) -> None:
        """Somebody asked for something."""
        if not self._functions.events.ticking:
            self._touched = time.monotonic()

    def end(self) -> None:
        self._ending.set()

    def serve(self) -> None:
        """Until the end."""
        self._functions.events.start()
        self._place.write({**self._described().to_dict(), "keep": self._keep})
        threading.Thread(
            target=warm, args=(self._application, self._cloud.region), daemon=True
        ).start()
        while not self._ending.wait(0.5):
            if self._host.tasks or self._functions.busy or self._google.busy:
                self.touch()
            if time.monotonic() - self._touched > self._settings.idle_minutes * 60:
                break
        self._close()

    def _close(self) -> None:
        self._aws.close()
        self._registry.close()
        self._functions.close()
        self._google.close(keep=self._keep)
        for task in list(self._host.tasks.values()):
            task.end()
        if self._keep:
            keeping.save(self._cloud, self._functions.kept(), self._place.kept)
        self._place.clear(keep=self._keep)

    def _described(self) -> Sandbox:
        return Sandbox(
            pid=os.getpid(),
            endpoint=self._cloud.endpoint,
            region=self._cloud.region,
            account=self._cloud.account,
            registry=self._registry.address,
            gateway=self._functions.gateway(),
            google=self._google.address(),
            keep=self._keep,
        )

    # /al-sandbox/...

    def _control(self, path: str, environ: Environ) -> Answer | None:
        what, _, rest = path.removeprefix("/al-sandbox/").partition("/")
        if what == "status":
            return _json(self._described().to_dict())
        if what == "calls":
            return self._calls(environ["REQUEST_METHOD"])
        if what == "credentials":
            return self._host.roles.credentials(rest, environ.get("HTTP_AUTHORIZATION", ""))
        if what == "tick" and environ["REQUEST_METHOD"] == "POST":
            return _json({"fired": self._functions.events.tick()})
        if what == "settings" and environ["REQUEST_METHOD"] == "POST":
            length = int(environ.get("CONTENT_LENGTH") or 0)
            self._settings = self._settings.changed(json.loads(environ["wsgi.input"].read(length)))
            return _json({})
        return None

    def _calls(self, method: str) -> Answer | None:
        recording = self._host.access.recording
        if method == "DELETE":
            recording.clear()
        elif method != "GET":
            return None
        return _json([asked.to_dict() for asked in recording.calls()])


def _json(value: object) -> Answer:
    return Answer(headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode())


def main(home: Path, *, region: str, keep: bool) -> int:
    """The process.  0 also when another one already serves this home."""
    place = Place(home)
    deadline = time.monotonic() + 2.0
    while True:
        with place.locked("daemon", wait=False) as ours:
            if ours:
                _serve(place, region, keep)
        if time.monotonic() > deadline:  # longer than anybody looks whether it is held
            return 0
        time.sleep(0.01)


def _serve(place: Place, region: str, keep: bool) -> NoReturn:
    place.sign()
    keep = keep or place.kept.exists()  # until somebody forgets it, see daemon.stop
    place.clear(keep=keep)
    server = Server(place, region=region, keep=keep)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.end())
    server.serve()
    os._exit(0)  # at once: whoever sees the lock free may believe that the process is gone
