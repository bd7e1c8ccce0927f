"""moto, in this process: its APIs behind one lock, and its objects for the parts that make things really happen.

Everything that touches moto's objects holds `Cloud.lock`: they are not made for threads.  Nothing that waits may
hold it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from moto.backends import get_backend
from moto.core.config import default_user_config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api import state_manager
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import repairs
from .calls import Answer, Environ

NEVER = 10**9  # describe calls until moto would move a task by itself
_GLOBAL = frozenset({"iam", "sts"})


@dataclass
class Cloud:
    """One account.  `region` is where things are when a caller names none."""

    region: str = "us-east-1"
    account: str = DEFAULT_ACCOUNT_ID
    endpoint: str = ""  # ours, known once the socket is open
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        repairs.apply()
        default_user_config["lambda"] = {"use_docker": False}
        state_manager.set_transition("ecs::task", {"progression": "manual", "times": NEVER})
        self._application = DomainDispatcherApplication(create_backend_app)

    def ask(self, environ: Environ) -> Answer:
        """moto's own answer."""
        seen: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            seen.update(status=int(status.split(maxsplit=1)[0]), headers=tuple(headers))

        with self.lock:
            environ["wsgi.input"].seek(0)
            body = b"".join(self._application(environ, start))
        return Answer(status=seen["status"], headers=seen["headers"], body=body)

    @contextmanager
    def backend(self, service: str, region: str | None = None) -> Iterator[Any]:
        """moto's objects of a service, under the lock."""
        where = "aws" if service in _GLOBAL else (region or self.region)
        with self.lock:
            if service == "lambda":
                from moto.awslambda_simple.models import lambda_simple_backends

                yield lambda_simple_backends[self.account][where]
            else:
                backends: Any = get_backend(cast("Any", service))
                yield backends[self.account][where]
