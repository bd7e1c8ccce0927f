"""What Docker is asked for, and what its answers mean: without a daemon."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtimes import _docker_ends as ends
from runtimes._docker_container import PIDS, Room, body, mounts, network
from runtimes._docker_inside import seen_from_inside
from runtimes._docker_log import Line, backward, forward, nanoseconds, newest_first, whole_lines
from toolkit.clouds.docker import address, reachable
from toolkit.core.agent import Agent, AgentName
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError
from toolkit.core.mailbox_lines import collected
from toolkit.core.placement import runtime_name
from toolkit.core.run import Cause, RunState
from toolkit.core.secrets import Secret
from toolkit.core.units import GIB, MIB
from toolkit.images.context import AGENT_CONFIG
from toolkit.images.dockerfile import finished, is_bare, rebased
from toolkit.inside.platforms.piped import Piped

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROOM = Room(image="al-p-local-dev:1", memory=GIB, cpus=1.5)


def an_agent(**more: Any) -> Agent:
    return Agent(name=AgentName("dev"), directory=Path("dev"), instructions="", **more)


def asked(**environment: str) -> dict[str, Any]:
    return body(ROOM, environment=environment, labels={"al:run": "dev-1"}, network="al-p-local")


def test_a_container_has_every_limit_and_nothing_that_it_could_grow_by() -> None:
    """Read-only, no capability, no new privilege, no swap, and bounds on memory, processors, processes and its log."""
    host = asked()["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Privileged"] is False
    assert host["Memory"] == host["MemorySwap"] == GIB
    assert host["NanoCpus"] == 1_500_000_000
    assert host["PidsLimit"] == PIDS
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["LogConfig"]["Config"] == {"max-size": "100m", "max-file": "5"}
    assert not {"Binds", "Mounts", "Devices", "PortBindings"} & host.keys()


def test_a_container_is_another_user_whose_stdin_ends_with_its_launcher() -> None:
    """So a secret that was half written is never waited for."""
    made = asked(AL_RUN_ID="dev-1")
    assert (made["User"], made["Env"]) == ("1000:1000", ["AL_RUN_ID=dev-1"])
    assert made["OpenStdin"] is made["StdinOnce"] is True
    assert made["Labels"] == {"al:run": "dev-1"}


def test_what_can_be_written_is_less_than_the_memory() -> None:
    """Files there are memory: a run that fills them all must hear of a full disk before it is killed."""
    sizes = [int(options.rpartition("=")[2]) for options in mounts(GIB).values()]
    assert set(mounts(GIB)) == {"/tmp", "/workspace", "/credentials"}  # noqa: S108
    assert sum(sizes) < GIB
    assert "noexec" in mounts(GIB)["/credentials"]


def test_containers_reach_the_host_by_name_and_not_each_other() -> None:
    """A network of the environment's own; the gateway is the machine that they run on."""
    made = network("al-p-local", {"al:managed": "true"})
    assert made["options"] == {"com.docker.network.bridge.enable_icc": "false"}
    hosts = asked()["HostConfig"]["ExtraHosts"]
    assert hosts == ["gateway:host-gateway", "host.docker.internal:host-gateway"]


@pytest.mark.parametrize("room", [ROOM, Room(image="r.example.com:5000/a/b@sha256:12", pids=9)])
def test_a_definition_says_all_that_a_launch_needs(room: Room) -> None:
    """Written as a text and read again it is the same."""
    assert Room.parse(str(room)) == room


def test_an_agent_that_asks_for_nothing_has_the_usual_room() -> None:
    """4 GiB, as everywhere; and never less than Docker takes."""
    assert Room.of(an_agent(), "i").memory == 4 * GIB
    assert Room.of(an_agent(memory=MIB), "i").memory == 6 * MIB


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"ExitCode": 0}, (RunState.SUCCEEDED, 0, None)),
        ({"ExitCode": 42}, (RunState.SUCCEEDED, 42, None)),
        ({"ExitCode": 124}, (RunState.TIMED_OUT, 124, None)),
        ({"ExitCode": 7}, (RunState.FAILED, 7, Cause.EXIT_CODE)),
        ({"ExitCode": 137}, (RunState.FAILED, 137, Cause.EXIT_CODE)),
        ({"ExitCode": 137, "OOMKilled": True}, (RunState.FAILED, 137, Cause.OUT_OF_MEMORY)),
        ({"ExitCode": 1, "OOMKilled": True}, (RunState.FAILED, 1, Cause.OUT_OF_MEMORY)),
        ({"ExitCode": 0, "OOMKilled": True}, (RunState.SUCCEEDED, 0, None)),
    ],
)
def test_an_end_has_its_cause(state: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """A child that was killed for memory is no reason when the run went on and succeeded."""
    over = ends.ended({"StartedAt": "2026-11-20T12:00:00Z", **state})
    assert (over.state, over.exit_code, over.cause) == expected


def test_a_container_that_was_never_started_has_not_failed_by_a_code() -> None:
    """Docker shows 127 for it, which no program has returned."""
    never = {"StartedAt": "0001-01-01T00:00:00Z", "ExitCode": 127, "Error": "no such file"}
    over = ends.ended(never)
    assert (over.exit_code, over.cause, over.reason) == (None, Cause.NEVER_STARTED, "no such file")


def test_a_made_container_waits_two_minutes_for_its_start() -> None:
    """Then its launcher is gone, and the run has failed."""
    young = ends.alive("created", NOON, NOON + timedelta(seconds=119))
    old = ends.alive("created", NOON, NOON + timedelta(seconds=120))
    assert young
    assert old
    assert (young.state, old.state, old.cause) == (
        RunState.STARTING,
        RunState.FAILED,
        Cause.NEVER_STARTED,
    )
    assert ends.alive("exited", NOON, NOON) is None


def test_this_machine_has_another_name_inside() -> None:
    """The gateway's address and a model's; others stay, and so does everything else."""
    models = [{"baseUrl": "http://localhost:11434/v1"}, {"baseUrl": "https://api.example.com"}]
    payload = {"gateway": "http://127.0.0.1:8080", "models": models, "prompt": "see localhost"}
    seen = json.loads(seen_from_inside(Secret(json.dumps(payload))).reveal())
    assert seen == {
        "gateway": "http://host.docker.internal:8080",
        "models": [{"baseUrl": "http://host.docker.internal:11434/v1"}, models[1]],
        "prompt": "see localhost",
    }


# logs

LINES = [Line(5, "a"), Line(5, "a"), Line(5, "b"), Line(7_000_000, "c")]


def test_equal_lines_of_one_time_are_different_events() -> None:
    """And the same ones in both directions."""
    events = list(forward(LINES, "dev-1", since=0))
    assert len({event.id for event in events}) == 4
    assert list(backward(LINES[::-1], "dev-1", before=None)) == events[::-1]
    assert [e.time for e in events] == [0, 0, 0, 7]
    assert list(forward(LINES, "dev-1", since=7)) == events[3:]
    assert list(backward(LINES[::-1], "dev-1", before=7)) == events[2::-1]


def test_pages_from_the_end_are_the_log() -> None:
    """Also where a page begins amid lines of one time, and while lines are added."""
    log = [Line(n // 7, f"line {n}") for n in range(3000)]

    def page(count: int) -> list[Line]:
        log.append(Line(len(log), "late"))  # at a later time than all before it
        return log[-count:]

    found = list(newest_first(page))
    assert found[0] == Line(3000, "late")
    assert [line.text for line in found[1:]] == [f"line {n}" for n in reversed(range(3000))]


def test_pieces_of_any_size_become_lines() -> None:
    """The last one counts although nothing ends it."""
    assert list(whole_lines([b"a\nb", b"c\n", b"", b"d"])) == [b"a", b"bc", b"d"]


def test_docker_writes_times_with_any_number_of_digits() -> None:
    """Nanoseconds are not rounded away."""
    assert nanoseconds("1970-01-01T00:00:01.000000002Z") == 1_000_000_002
    assert nanoseconds("1970-01-01T00:00:01Z") == 1_000_000_000


# where agents run


@pytest.mark.parametrize(
    ("isolation", "docker", "expected"),
    [
        ("container", True, "docker"),
        ("container", False, "local"),
        ("host-user", True, "host_user"),
        ("host-user", False, "host_user"),
    ],
)
def test_without_a_cloud_docker_is_first(isolation: str, docker: bool, expected: str) -> None:
    """Unless the agent asks to be another user of this machine."""
    scope = Scope(project="p", environment="local")
    environment = Environment(name="local", scope=scope, docker=docker)
    assert runtime_name(an_agent(isolation=isolation), environment) == expected


def test_the_daemon_is_the_one_that_is_named(tmp_path: Path) -> None:
    """By the project, else by DOCKER_HOST; what is elsewhere is taken at the user's word, and a dead socket is not."""
    assert address("ssh://a@b", {"DOCKER_HOST": "tcp://c:1"}) == "ssh://a@b"
    assert address(None, {"DOCKER_HOST": "tcp://c:1"}) == "tcp://c:1"
    assert reachable("ssh://a@b")
    assert not reachable(f"unix://{tmp_path}/none.sock")
    assert not reachable(None)


# Dockerfiles


def test_al_agent_is_the_base_in_every_stage_and_no_other_image_is_touched() -> None:
    """With a tag or none, in any case, with a platform and a name."""
    text = (
        "FROM node:22 AS web\nRUN x\nfrom --platform=linux/amd64 al-agent:latest as own\nFROM own\n"
    )
    expected = "FROM node:22 AS web\nRUN x\nfrom --platform=linux/amd64 b:1 as own\nFROM own\n"
    assert rebased(text, "b:1", where="Dockerfile") == expected


@pytest.mark.parametrize(
    "text", ["FROM node:22\n", "FROM al-agent AS a\nFROM node:22\n", "RUN x\n"]
)
def test_a_last_stage_of_its_own_is_refused(text: str) -> None:
    """A run would find no Python and no entry point there."""
    with pytest.raises(ConfigError, match="al-agent"):
        rebased(text, "b:1", where="Dockerfile")


def test_our_own_words_come_last() -> None:
    """A Dockerfile's PATH is kept behind ours; its user, entry point and command are not."""
    lines = finished("FROM b:1\nENTRYPOINT x", AGENT_CONFIG).splitlines()
    assert lines[:3] == ["FROM b:1", "ENTRYPOINT x", "ADD .al-layer.tar.gz /"]
    assert 'ENV PATH="/app/bin:$PATH"' in lines
    assert lines[-3:] == [
        "USER 1000:1000",
        'ENTRYPOINT ["python3", "-P", "-m", "toolkit.inside.entry"]',
        "CMD []",
    ]


def test_a_dockerfile_that_only_names_its_base_is_passed_over() -> None:
    """As the one of a new project."""
    assert is_bare("# all agents\n\nFROM al-agent:latest\n")
    assert not is_bare("FROM al-agent\nRUN x\n")


# the container's side


def piped(given: bytes) -> tuple[Piped, list[bytes]]:
    said: list[bytes] = []
    return Piped({"AL_RUN_ID": "dev-00000000"}, pipe=io.BytesIO(given), write=said.append), said


@pytest.mark.parametrize("given", [b"", b'{"half'])
def test_without_a_whole_line_there_is_no_claim(given: bytes) -> None:
    """A launcher that died while it wrote, or a container that somebody starts again."""
    platform, said = piped(given)
    assert platform.claim({}) is False
    assert said == []


def test_the_last_note_tells_all() -> None:
    """Whoever reads only a long log's end has the claim's times too."""
    platform, said = piped(b'{"a": 1}\n')
    assert platform.claim({"log": "x"})
    assert platform.read_secret().reveal() == '{"a": 1}'
    platform.note(read="later")
    platform.note(report={"exit_code": 0})
    box = collected([json.loads(said[-1])], "dev-00000000")
    assert box
    assert box.claimed
    assert (box.where, box.read, box.report) == ({"log": "x"}, "later", {"exit_code": 0})
    assert "a" not in json.loads(said[0])["box"]
