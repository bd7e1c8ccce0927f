"""Figures of Google Cloud, on the embedded one: calls per run, runs per minute, following, comparing a hundred agents.

`python -m tests.bench.google`.  The calls are what a project would see; the seconds are this machine's, and none of Google's
own delays is in them.  Runs per minute are simulated: a clock that goes on only when a launcher waits.
"""

import collections
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.following import line_to_follower
from tests.bench.stage import Stage, say
from toolkit.clouds.rates import Rate
from toolkit.config.environments import SANDBOX_GCP
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.clock import iso, now
from toolkit.core.environment import Environment, GcpCloud, Scope
from toolkit.core.gcp_names import GcpNames
from toolkit.core.names import Names
from toolkit.core.ports import Context
from toolkit.core.run import Mailbox, RunId
from toolkit.core.secrets import Receipt
from toolkit.credentials.lease import close_lease, open_lease
from toolkit.credentials.stores.gcp_secrets import GcpSecrets
from toolkit.inside.platforms.gcp import Gcp
from toolkit.ops.doctor import reconcile
from toolkit.sandbox import daemon
from toolkit.sandbox.gcp.cloud import Google
from toolkit.sandbox.gcp.rpc import OPERATOR
from toolkit.sandbox.gcp.running import Running
from toolkit.wiring import Services

RUNS = 400  # enough to use up a minute's quota
SECRET_WRITES = 600  # a minute: https://cloud.google.com/secret-manager/quotas


class Simulated:
    """A clock that stands still but for waits; the embedded cloud's goes with it."""

    def __init__(self, google: Google) -> None:
        self._google, self._began, self.passed = google, time.monotonic(), 0.0

    def __call__(self) -> float:
        ahead = self.passed - (time.monotonic() - self._began)
        self._google.settings = self._google.settings.changed({"clock_ahead": ahead})
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@contextmanager
def embedded() -> Iterator[Google]:
    """The cloud in this process, without the quotas that doctor would need an hour for."""
    with tempfile.TemporaryDirectory(prefix="al-bench-") as place:
        running = Running.alone(Path(place))
        try:
            yield running.google
        finally:
            running.close()


def context(google: Google, home: Path = Path()) -> Context:
    scope = Scope(project="bench", environment="production")
    cloud = GcpCloud(
        project=google.project, number=google.number, region=google.region, endpoint=google.grpc,
        repository=GcpNames(scope).repository, http_endpoint=f"http://{google.http}", registry="",
    )  # fmt: skip
    environment = Environment(name="production", scope=scope, cloud=cloud)
    return Context(environment=environment, home=home, project=home)


def runs_a_minute(google: Google) -> None:
    """The calls of a run that its secret takes, one run after another, as fast as the documented quota allows."""
    of, clock = context(google), Simulated(google)
    store = GcpSecrets(of, sleep=clock.sleep)
    store._clients.secret_writes = Rate(SECRET_WRITES, clock=clock, sleep=clock.sleep)
    google.counts.clear()
    for number in range(RUNS):
        one_run(google, store, of.names, RunId(f"dev-{number:08x}"))
    # the last window is open until its minute is over
    rate = RUNS / (clock.passed + 60) * 60
    asked = google.counts["google.cloud.secretmanager.v1.SecretManagerService/CreateSecret"]
    what = "runs a minute under the write quota, simulated"
    tell(f"{what:<58} {rate:9.0f}      {RUNS} runs, {asked - RUNS} refused and asked again")
    told("calls of a run for its secret", google.counts, RUNS)


def one_run(google: Google, store: GcpSecrets, names: Names, run: RunId) -> None:
    """Made by the launcher, claimed and burned by the container, looked for at the end."""
    lease = open_lease(store, names, run=run, payload={}, timeout=300)
    environ = {"AL_RUN_ID": run, "AL_SECRET": lease.ref.name, "AL_GCP_PROJECT": google.project}
    mine = google.surroundings(google.tickets.issue("runs@al-sandbox"))
    if not Gcp({**environ, **mine}, write=lambda _: None, patience=0).claim({}):
        raise SystemExit("a run's secret could not be claimed")
    close_lease(store, lease, Receipt(), mailbox=Mailbox(burned=iso(now())))


def doctor_of(google: Google, agents: int) -> None:
    """`al doctor -c`: comparing, making all of it, and comparing again."""
    google.reset()
    google.settings = google.settings.changed({"account_quota": 0})
    with tempfile.TemporaryDirectory(prefix="al-bench-") as home:
        of = context(google, Path(home))
        made = tuple(
            Agent(
                name=AgentName(f"agent-{n}"), directory=Path(home), instructions="work", timeout=300
            )
            for n in range(agents)
        )
        services = Services(of, Project(name="bench", directory=Path(home), agents=made))
        services.ledger.prepare()
        for what in ("no accounts yet", "nothing to do"):
            google.counts.clear()
            started = time.perf_counter()
            seen = reconcile.examine(services, note=lambda _: None)
            say(f"al doctor -c on Google, {agents} agents, {what}", [time.perf_counter() - started])
            told(f"its calls, for {len(seen.plan.changes)} changes", google.counts)
            reconcile.carry_out(services, seen, lambda _: None)


def calls_per_run(stage: Stage, project: Path) -> None:
    """All that Google is asked for one run, by method: the launcher's and the container's, reads of the log included."""
    running = daemon.status(Path(stage.environment["AL_HOME"]))
    if running is None or running.google is None:
        raise SystemExit("the sandbox has no Google cloud")
    calls = f"http://{running.google.http}/al-sandbox/calls"
    httpx.delete(calls, trust_env=False)
    stage.run(project, "agent-0")
    told("calls of one `al run`, cloud_run", httpx.get(calls, trust_env=False).json()["counts"])


def told(what: str, counts: Mapping[str, int], runs: int = 1) -> None:
    """By method, the most first."""
    each = collections.Counter({k.rpartition("/")[2]: n / runs for k, n in counts.items()})
    shown = ", ".join(f"{name} {n:g}" for name, n in each.most_common())
    tell(f"{what:<58} {sum(each.values()):9.0f}      {shown}")


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(agents: int = 100) -> None:
    with embedded() as google:
        google.access.caller = lambda _: OPERATOR  # type: ignore[method-assign]
        runs_a_minute(google)
        doctor_of(google, agents)
    with tempfile.TemporaryDirectory(prefix="al-bench-") as root:
        stage = Stage(Path(root), SANDBOX_GCP)
        try:
            project = stage.project("benchgoogle", 2)
            stage.push(project)
            calls_per_run(stage, project)
            line_to_follower(stage, project, "agent-0")
        finally:
            daemon.stop(Path(stage.environment["AL_HOME"]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
