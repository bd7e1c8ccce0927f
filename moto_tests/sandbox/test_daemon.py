"""The sandbox's process: one per home, found while it lives, and nothing left of it afterwards."""

import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from toolkit.core.errors import ConfigError
from toolkit.sandbox import daemon
from toolkit.sandbox.settings import load
from toolkit.sandbox.state import Sandbox

from . import programs
from .conftest import KEYS
from .images import push
from .world import World, eventually, make_role


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of its own, whose sandbox is ended in any case."""
    yield tmp_path
    daemon.stop(tmp_path)


def world_of(running: Sandbox) -> World:
    """A world of a sandbox that is not the session's."""
    clients = lambda service: boto3.client(  # noqa: E731 - what the fixture `client` is
        service, region_name=running.region, endpoint_url=running.endpoint, **KEYS
    )

    def image(repository: str, files: dict[str, str], **config: Any) -> str:
        clients("ecr").create_repository(repositoryName=repository)
        digest = push(running.registry, repository, files, config)
        return f"{running.account}.dkr.ecr.{running.region}.amazonaws.com/{repository}@{digest}"

    def role(name: str, service: str) -> str:
        return make_role(clients("iam"), name, service)

    return World(clients, image, role).ready()


def test_starting_twice_gives_the_same_sandbox(home: Path) -> None:
    """One sandbox per home."""
    assert daemon.start(home) == daemon.start(home)


def test_two_who_start_at_once_get_the_same_sandbox(home: Path) -> None:
    """Starting is locked."""
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(daemon.start(home).pid)) for _ in range(3)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 3
    assert len(set(found)) == 1


def test_a_home_without_a_sandbox_has_no_status(home: Path) -> None:
    """None, and nothing is made by asking."""
    assert daemon.status(home) is None
    assert list(home.iterdir()) == []


def test_stopping_what_does_not_run_does_nothing(home: Path) -> None:
    """False tells that there was none."""
    assert daemon.stop(home) is False


def test_the_status_is_what_users_see(home: Path) -> None:
    """`al sandbox status --json` prints these keys."""
    running = daemon.start(home)
    described = running.to_dict()
    assert set(described) == {"running", "pid", "aws", "gcp", "registry", "gateway"}
    assert set(described["aws"]) == {"endpoint", "region", "account"}
    assert httpx.get(f"{running.endpoint}/al-sandbox/status").json() == described


def test_the_state_is_for_the_user_alone(home: Path) -> None:
    """The directory is 0700, the files 0600."""
    daemon.start(home)
    root = home / "sandbox"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE((root / n).stat().st_mode) for n in ("state.json", "daemon.log")} == {
        0o600
    }


def test_stopping_leaves_no_contents_and_no_process(home: Path) -> None:
    """Images, tasks' directories and the state are gone; so is the process."""
    running = daemon.start(home)
    world = world_of(running)
    arn = world.run(world.program(programs.WAIT_FOR_TERM))["tasks"][0]["taskArn"]
    eventually(lambda: world.lines(arn) == ["ready"])
    assert daemon.stop(home)
    assert {path.name for path in (home / "sandbox").iterdir()} == {
        "daemon.lock",
        "start.lock",
        "daemon.log",
    }
    assert not alive(running.pid)
    assert daemon.status(home) is None


def test_contents_survive_a_stop_when_they_are_kept(home: Path) -> None:
    """`keep` keeps what was pushed and what the APIs hold."""
    running = daemon.start(home, keep=True)
    world = world_of(running)
    image = world.image("kept", {"app/main.py": programs.SAY}, **programs.PYTHON)
    world.client("secretsmanager").create_secret(Name="kept", SecretString="x")
    daemon.stop(home)
    again = daemon.start(home, keep=True)
    clients = boto3.client("ecr", region_name=again.region, endpoint_url=again.endpoint, **KEYS)
    found = clients.describe_images(repositoryName="kept")["imageDetails"]
    assert [detail["imageDigest"] for detail in found] == [image.rpartition("@")[2]]
    secrets = boto3.client(
        "secretsmanager", region_name=again.region, endpoint_url=again.endpoint, **KEYS
    )
    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "x"


def test_kept_contents_can_be_forgotten(home: Path) -> None:
    """`stop(forget=True)` leaves nothing."""
    daemon.start(home, keep=True)
    daemon.stop(home)
    assert (home / "sandbox" / "kept.pickle").exists()
    daemon.stop(home, forget=True)
    assert {path.suffix for path in (home / "sandbox").iterdir()} == {".lock", ".log"}


def test_killing_the_sandbox_kills_what_it_runs(home: Path) -> None:
    """kill -9 leaves no process of a task and no stale status."""
    running = daemon.start(home)
    world = world_of(running)
    arn = world.run(world.program(programs.LEAVE_CHILDREN), {"LINGER": "600"})["tasks"][0][
        "taskArn"
    ]
    child = int(eventually(lambda: world.lines(arn))[0].split()[1])
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not alive(child))
    assert daemon.status(home) is None


def test_a_sandbox_starts_again_where_one_was_killed(home: Path) -> None:
    """What a dead one left behind is cleared away."""
    os.kill(daemon.start(home).pid, signal.SIGKILL)
    eventually(lambda: daemon.status(home) is None)
    assert httpx.get(f"{daemon.start(home).endpoint}/al-sandbox/status").status_code == 200


def test_an_idle_sandbox_ends_by_itself(home: Path) -> None:
    """After its idle time without a request or a running task."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "settings.json").write_text('{"idle_minutes": 0.01}')
    running = daemon.start(home)
    eventually(lambda: not alive(running.pid))


def test_a_running_task_keeps_the_sandbox_awake(home: Path) -> None:
    """It ends only when the task has, and the idle time is over."""
    running = daemon.start(home)
    world = world_of(running)
    arn = world.run(world.program(programs.WAIT_FOR_TERM))["tasks"][0]["taskArn"]
    eventually(lambda: world.lines(arn) == ["ready"])
    post = f"{running.endpoint}/al-sandbox/settings"
    httpx.post(post, json={"idle_minutes": 0.02}).raise_for_status()
    with pytest.raises(AssertionError):
        eventually(lambda: not alive(running.pid), seconds=3)


def test_a_timer_keeps_no_sandbox_awake(home: Path) -> None:
    """A gateway that is called every minute is nobody's use of the sandbox."""
    running = daemon.start(home)
    world = world_of(running)
    image = world.image("tests/timed", {"app/main.py": programs.RUNTIME}, **programs.PYTHON)
    made = world.client("lambda").create_function(
        FunctionName="timed", PackageType="Image", Code={"ImageUri": image},
        Role=world.role("tests-lambda", "lambda"),
    )  # fmt: skip
    events = world.client("events")
    rule = events.put_rule(Name="timer", ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule="timer", Targets=[{"Id": "one", "Arn": made["FunctionArn"]}])
    world.client("lambda").add_permission(
        FunctionName="timed", StatementId="timer", Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com", SourceArn=rule,
    )  # fmt: skip
    post = f"{running.endpoint}/al-sandbox/settings"
    httpx.post(post, json={"clock": 600, "idle_minutes": 0.05}).raise_for_status()
    eventually(lambda: not alive(running.pid))


def test_a_sandbox_that_cannot_start_says_why(home: Path) -> None:
    """The error names the log and its last line."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "settings.json").write_text('{"start_dely": 1}')
    with pytest.raises(Exception, match="start_dely") as failed:
        daemon.start(home)
    assert "daemon.log" in failed.value.hint  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ['{"start_delay": "soon"}', '{"start_failure": "maybe"}', "[1]", "{"]
)
def test_malformed_settings_are_refused(tmp_path: Path, text: str) -> None:
    """A setting has a name and a kind."""
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path / "settings.json", {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """AL_SANDBOX_START_DELAY over settings.json."""
    (tmp_path / "settings.json").write_text('{"start_delay": 1, "idle_minutes": 5}')
    found = load(tmp_path / "settings.json", {"AL_SANDBOX_START_DELAY": "2.5"})
    assert (found.start_delay, found.idle_minutes) == (2.5, 5.0)


# who may talk to it


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com:80"},
    ],
    ids=["origin", "null-origin", "sec-fetch", "foreign-host", "rebound-host"],
)
def test_browsers_and_foreign_hosts_are_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """403 at both endpoints, whatever the path."""
    for url in (f"{sandbox.endpoint}/al-sandbox/status", f"http://{sandbox.registry}/v2/"):
        assert httpx.get(url, headers=headers).status_code == 403


def test_no_answer_permits_another_origin(sandbox: Sandbox, client: Callable[..., Any]) -> None:
    """moto's permissive CORS headers are taken away."""
    headers = client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    assert [name for name in headers if name.startswith("access-control")] == []


def test_motos_own_interface_is_closed(sandbox: Sandbox) -> None:
    """Resetting or seeding the account is nobody's business."""
    assert httpx.post(f"{sandbox.endpoint}/moto-api/reset").status_code == 403


def test_a_tasks_credentials_need_its_token(sandbox: Sandbox) -> None:
    """The credentials endpoint answers whoever knows the task's token only."""
    url = f"{sandbox.endpoint}/al-sandbox/credentials/{'0' * 32}"
    assert httpx.get(url, headers={"Authorization": "guess"}).status_code == 403


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not collected yet does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
