"""What is missing for agents that run as another user, and the commands that add it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.errors import AccessDenied
from toolkit.ops.doctor.host_user import Seen, Step, Wanted, set_up, steps, wanted

RULE = "alice ALL=(al-agent) NOPASSWD: /usr/bin/python3 -I /opt/al/toolkit/inside/host_user.py"
WANTED = Wanted(user="al-agent", groups=("docker", "video"), launcher="alice", rule=RULE)
ALL = frozenset({"docker", "video"})


def an_agent(name: str, **more: object) -> Agent:
    return Agent(name=AgentName(name), directory=Path(name), instructions="", **more)  # type: ignore[arg-type]


def commands(seen: Seen) -> list[tuple[str, ...]]:
    return [step.command for step in steps(WANTED, seen)]


def test_nothing_is_done_where_all_is_there() -> None:
    """A second look finds nothing."""
    assert commands(Seen(user=True, groups=ALL, member=ALL, ruled=True)) == []


def test_a_bare_machine_gets_user_groups_and_rule_in_an_order_that_works() -> None:
    """Each command can be carried out when those before it have been."""
    made = commands(Seen(user=False, groups=frozenset({"video"}), member=frozenset(), ruled=False))
    assert [command[0] for command in made] == ["useradd", "groupadd", "usermod", "usermod", "sh"]
    assert made[0][-1] == "al-agent"
    assert {"--system", "--create-home"} <= {*made[0]}
    assert made[1] == ("groupadd", "docker")
    assert made[3] == ("usermod", "--append", "--groups", "video", "al-agent")


def test_the_rule_is_checked_before_it_is_installed() -> None:
    """A broken file in sudoers.d can lock everybody out; the rule itself goes by stdin."""
    (step,) = steps(WANTED, Seen(user=True, groups=ALL, member=ALL, ruled=False))
    script = step.command[2]
    assert script.index("visudo -cqf") < script.index("install -m 440")
    assert "/etc/sudoers.d/al-alice-al-agent" in script
    assert step.given == f"{RULE}\n"


def test_agents_of_one_user_are_set_up_together() -> None:
    """With the groups of all of them; an agent in a container asks for nothing."""
    agents = (
        an_agent("a", isolation="host-user", groups=("video",)),
        an_agent("b", isolation="host-user", groups=("docker", "video")),
        an_agent("c", groups=("disk",)),
    )
    (only,) = wanted(Project(name="p", directory=Path("p"), agents=agents))
    assert (only.user, only.groups) == ("al-agent", ("docker", "video"))
    assert only.rule.endswith("/toolkit/inside/host_user.py")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="steps are done by root")


@pytest.mark.skipif(
    shutil.which("visudo") is None, reason="visudo is missing: apt-get install sudo"
)
def test_visudo_takes_the_rule(tmp_path: Path) -> None:
    """The program that sudo itself trusts."""
    file = tmp_path / "rule"
    file.write_text(f"{RULE}\n")
    file.chmod(0o440)
    checked = subprocess.run(
        ["visudo", "-cf", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@needs_root
def test_a_step_that_fails_says_what_root_said() -> None:
    """And what an administrator would have to do."""
    step = Step(why="it lacks a thing", command=("sh", "-c", "echo no such thing >&2; exit 1"))
    with pytest.raises(AccessDenied, match="no such thing") as caught:
        list(set_up([step]))
    assert "administrator" in caught.value.hint


@needs_root
def test_a_step_that_works_is_a_finding_set_right() -> None:
    """Which counts for nothing any more."""
    (done,) = set_up([Step(why="it lacked a thing", command=("true",))])
    assert (done.fixed, done.message) == (True, "it lacked a thing")
