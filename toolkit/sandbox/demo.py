"""The main job in front of your eyes: `make demo`.

It calls the real `al` as a user would, in a home of its own, and believes nobody: what is left over is read
back from the cloud's APIs.  The last line is one JSON object; the exit code is 1 when anything is not as it
should be.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from toolkit.core.environment import GcpCloud
from toolkit.core.gcp_names import secret_id

AL = [sys.executable, "-m", "toolkit.cli"]
PREFIX = "action-llama/shop/{environment}/runs/"
ENVIRONMENTS = {"aws": "sandbox", "gcp": "sandbox-gcp"}
SETTLING = 30.0


class Stage:
    """A home and a project of the demo's own; commands are shown, then run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "shop"
        self.environment = {**os.environ, "AL_HOME": str(root / "home"), "NO_COLOR": "1"}
        self.environment.pop("AL_ENV", None)

    def al(self, *words: str, cwd: Path | None = None, given: str | None = None) -> str:
        """Run `al`: its conversation and log go to the terminal, its answer is returned."""
        print(f"\n$ al {shlex.join(words)}{'  < (a token)' if given else ''}", flush=True)
        done = subprocess.run(
            [*AL, *words], cwd=cwd or self.project, env=self.environment, input=given, stdout=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{done.stdout}`al {words[0]}` ended with {done.returncode}")
        return done.stdout

    def answer(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.al(*words))
        return found


def prepare(stage: Stage) -> None:
    """An example project, one of its agents with a credential."""
    print(stage.al("new", "shop", cwd=stage.root).rstrip())
    print(
        stage.al(
            "creds", "add", "github_token", "--stdin", given="ghp_example_token_of_the_demo"
        ).rstrip()
    )
    config = stage.project / "agents" / "hello" / "config.toml"
    config.write_text(
        config.read_text().replace(
            '# credentials = ["github_token"]', 'credentials = ["github_token"]'
        )
    )


def show(stage: Stage, cloud: str) -> dict[str, Any]:
    """Push, run both agents, and look at what is left."""
    where = ("-E", ENVIRONMENTS[cloud], "--json")
    started = time.monotonic()
    pushed = stage.answer("push", *where)
    seconds = round(time.monotonic() - started, 3)
    runs = [
        stage.answer("run", "hello", "What do you see?", *where),
        stage.answer("run", "report", *where),
    ]
    secrets_left, orphans = left_over(cloud, stage.answer("sandbox", "status", "--json")[cloud])
    keys = ("agent", "run", "runtime", "state", "exit_code", "seconds", "secret")
    return {
        "push_seconds": seconds,
        "runs": [{key: run[key] for key in keys} for run in runs],
        "secrets_left": secrets_left,
        "orphans": orphans,
        "gateway_url": pushed["gateway_url"],
    }


def left_over(cloud: str, address: dict[str, str]) -> tuple[int, int]:
    """Run secrets that still exist and tasks that still run, as the cloud's own APIs list them.

    A container that has reported its end needs a moment to end; one that is there after SETTLING seconds is an orphan.
    """
    deadline = time.monotonic() + SETTLING
    listed = {"aws": _on_aws, "gcp": _on_google}[cloud]
    prefix = PREFIX.format(environment=ENVIRONMENTS[cloud])
    while any(found := listed(address, prefix)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _on_google(google: dict[str, str], prefix: str) -> tuple[int, int]:
    from google.cloud import run_v2, secretmanager_v1

    from toolkit.clouds.gcp import GcpClients

    project, region, endpoint = google["project"], google["region"], google["grpc"]
    cloud = GcpCloud(project=project, region=region, repository="", endpoint=endpoint)
    clients = GcpClients(cloud)
    secrets = clients.client(secretmanager_v1.SecretManagerServiceClient)
    executions = clients.client(run_v2.ExecutionsClient)
    head = secret_id(prefix)
    left = [s for s in secrets.list_secrets(parent=clients.parent) if f"/{head}" in s.name]
    going = [
        one
        for one in executions.list_executions(parent=f"{clients.location}/jobs/-")
        if not one.completion_time
    ]
    return len(left), len(going)


def _on_aws(aws: dict[str, str], prefix: str) -> tuple[int, int]:
    import boto3

    key = "demo"  # the sandbox takes any key
    session = boto3.Session(
        aws_access_key_id=key, aws_secret_access_key=key, region_name=aws["region"]
    )
    secrets = session.client("secretsmanager", endpoint_url=aws["endpoint"])
    ecs = session.client("ecs", endpoint_url=aws["endpoint"])
    pages = secrets.get_paginator("list_secrets").paginate()
    left = [s for page in pages for s in page["SecretList"] if s["Name"].startswith(prefix)]
    clusters = ecs.list_clusters()["clusterArns"]
    tasks = [task for cluster in clusters for task in ecs.list_tasks(cluster=cluster)["taskArns"]]
    return len(left), len(tasks)


def table(report: dict[str, Any]) -> None:
    """The same, for a person."""
    row = "{:8} {:12} {:10} {:>5} {:>8}  {}"
    print("\n" + row.format("AGENT", "RUNTIME", "STATE", "EXIT", "SECONDS", "SECRET"))
    for run in report["runs"]:
        steps = [name for name, at in run["secret"].items() if at]
        print(
            row.format(
                run["agent"],
                run["runtime"],
                run["state"],
                str(run["exit_code"]),
                str(run["seconds"]),
                ", ".join(steps),
            )
        )
    print(f"\npushed in {report['push_seconds']} s; run secrets left: {report['secrets_left']}; "
          f"tasks left: {report['orphans']}; gateway: {report['gateway_url']}\n")  # fmt: skip


def good(report: dict[str, Any]) -> bool:
    """Both runs succeeded with complete receipts, and nothing is left."""
    runs_good = all(
        r["state"] == "succeeded" and r["exit_code"] == 0 and all(r["secret"].values())
        for r in report["runs"]
    )
    return (
        runs_good
        and not report["secrets_left"]
        and not report["orphans"]
        and bool(report["gateway_url"])
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cloud", choices=list(ENVIRONMENTS), default="aws", help="the embedded cloud to show"
    )
    cloud = parser.parse_args().cloud
    with tempfile.TemporaryDirectory(prefix="al-demo-") as root:
        stage = Stage(Path(root))
        try:
            prepare(stage)
            report = show(stage, cloud)
        finally:
            print(stage.al("sandbox", "stop", cwd=stage.root).rstrip())
    table(report)
    print(json.dumps(report), flush=True)
    return 0 if good(report) else 1


if __name__ == "__main__":
    sys.exit(main())
