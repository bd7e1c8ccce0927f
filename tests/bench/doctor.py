"""`al doctor -c` over many agents: how long comparing takes, and how many calls.  Figures, no verdicts.

On moto in this process, so the seconds are mostly moto's; the calls are what a real account would see.
"""

import collections
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from infra.reconcile.aws import AwsReconciler
from toolkit.clouds.aws import clients_for, cloud_of
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import AccessDenied
from toolkit.core.ports import Context
from toolkit.ops import infrastructure
from toolkit.ops.doctor import reconcile
from toolkit.wiring import Services

ACCOUNT, REGION = "123456789012", "us-east-1"
Calls = collections.Counter[str]


def services(endpoint: str, home: Path, agents: int) -> Services:
    """Half of the agents run on Lambda, half on Fargate."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT, endpoint=endpoint)
    scope = Scope(project="bench", environment="production")
    context = Context(
        environment=Environment(name="production", scope=scope, cloud=cloud),
        home=home,
        project=home,
    )
    made = tuple(
        Agent(
            name=AgentName(f"agent-{number}"),
            directory=home,
            instructions="work",
            timeout=300 if number % 2 == 0 else 3600,
        )
        for number in range(agents)
    )
    return Services(context, Project(name="bench", directory=home, agents=made))


def counted(of: Services) -> Calls:
    """Every call from now on, by operation, retries not counted."""
    calls: Calls = collections.Counter()
    clients = clients_for(cloud_of(of.environment))
    for events in (clients.session.events, clients.client("iam").meta.events):
        events.register("before-call", lambda model, **_: calls.update([model.name]))
    return calls


def look(of: Services, calls: Calls, what: str) -> reconcile.Reconciliation:
    calls.clear()
    started = time.perf_counter()
    seen = reconcile.examine(of, note=lambda _: None)
    say(what, time.perf_counter() - started, calls, len(seen.plan.changes))
    return seen


def do(of: Services, seen: reconcile.Reconciliation, calls: Calls, what: str) -> None:
    calls.clear()
    started = time.perf_counter()
    reconcile.carry_out(of, seen, lambda _: None)
    say(what, time.perf_counter() - started, calls, len(seen.plan.changes))


def say(what: str, seconds: float, calls: Calls, changes: int) -> None:
    shown = ", ".join(f"{name} {n}" for name, n in sorted(calls.items()))
    counts = f"{changes} changes, {calls.total()} calls: {shown}"
    tell(f"{what:<58} {seconds * 1000:9.0f} ms   {counts}")


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def role_by_role(of: Services, calls: Calls) -> None:
    """What it costs whoever may not read the whole account at once."""
    client: Any = clients_for(cloud_of(of.environment)).client("iam")

    def refuse(**_: Any) -> None:
        raise AccessDenied("refused", hint="for the figure")

    client.meta.events.register_first("before-call.iam.GetAccountAuthorizationDetails", refuse)
    assert of.project
    desired = infrastructure.items(of, of.project, {}, gateway_image=None)
    calls.clear()
    started = time.perf_counter()
    found = AwsReconciler(of.context).observe(desired)
    seconds = time.perf_counter() - started
    client.meta.events.unregister("before-call.iam.GetAccountAuthorizationDetails", refuse)
    say("the same, role by role", seconds, calls, 0)
    tell(f"{'':<58} {calls.total() / len(found):9.2f} calls for each of {len(found)} roles")


def figures(endpoint: str, home: Path, agents: int) -> None:
    of = services(endpoint, home, agents)
    calls = counted(of)
    do(
        of,
        look(of, calls, f"al doctor -c: comparing, no roles yet, {agents} agents"),
        calls,
        "making all",
    )
    again = look(of, calls, f"al doctor -c: comparing, {agents} agents")
    do(of, again, calls, "a second run")
    role_by_role(of, calls)


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with tempfile.TemporaryDirectory(prefix="al-bench-") as home:
            for agents in (10, 100):
                clients_for.cache_clear()
                figures(f"http://{host}:{port}", Path(home), agents)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
