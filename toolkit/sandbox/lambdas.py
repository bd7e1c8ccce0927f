"""Lambda as one part: its control plane, what it runs, who may call it, its URLs, and the rules that call it."""

from collections.abc import Mapping
from typing import Any

from .calls import Answer, Call
from .events import Events
from .functions import Functions
from .handlers import Ask, Handler
from .host import Host
from .invoking import Invoking
from .permissions import Permissions
from .urls import Urls

GATEWAY = "--gateway"  # how the name of an environment's gateway function ends (Names.function)


class Lambda:
    """Everything about functions of one cloud."""

    def __init__(self, host: Host) -> None:
        self.functions = Functions(host)
        self.permissions = Permissions(host)
        self.invoking = Invoking(host, self.functions)
        self.urls = Urls(host, self.functions, self.invoking, self.permissions)
        self.events = Events(host, self.invoking, self.permissions)

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        parts = (self.functions, self.permissions, self.invoking, self.urls)
        found = {key: handler for part in parts for key, handler in part.handlers().items()}
        return {**found, ("lambda", "DeleteFunction"): self.delete}

    @property
    def busy(self) -> bool:
        return self.invoking.busy

    def gateway(self) -> str | None:
        """The URL of the newest gateway function, or None."""
        return self.urls.of(GATEWAY)

    def delete(self, call: Call, ask: Ask) -> Answer:
        """With the function go its policies, URLs and processes; its log group stays, as in reality."""
        answer = self.invoking.delete(call, ask)
        if answer.ok and not call.parameters.get("Qualifier"):
            name = call.parameters["FunctionName"].split(":function:")[-1].partition(":")[0]
            self.permissions.forget(name)
            self.urls.forget(name)
        return answer

    def kept(self) -> dict[str, Any]:
        """What moto does not hold, for `put_back`."""
        return {
            "permissions": self.permissions.statements,
            "events": self.invoking.configs,
            "urls": self.urls.kept(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.permissions.statements.update(kept["permissions"])
        self.invoking.configs.update(kept["events"])
        self.urls.put_back(kept["urls"])

    def close(self) -> None:
        self.events.close()
        self.urls.close()
        self.invoking.close()
