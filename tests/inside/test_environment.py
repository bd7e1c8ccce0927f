"""What an agent's commands see: their credentials' variables, their files, and nothing of the platform's own."""

import shutil
from pathlib import Path

import pytest

from tests.inside.seen import GITHUB, NAMES, OURS, SHELL, names
from tests.inside.stage import TYPES, Stage
from toolkit.core.agent import CredentialRef
from toolkit.core.errors import CredentialError
from toolkit.core.secrets import Secret
from toolkit.inside import git
from toolkit.inside.credentials import Credentials
from toolkit.inside.shell import visible

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"


def credentials(*declared: str, **values: str) -> Credentials:
    """`values` are by type__instance__field."""
    return Credentials(
        declared=tuple(CredentialRef.parse(text) for text in declared),
        types=TYPES,
        values={name.replace("__", "/"): Secret(value) for name, value in values.items()},
    )


def test_the_first_instance_has_the_plain_variable_and_others_their_own(tmp_path: Path) -> None:
    """Two instances of one type do not overwrite each other: the second has its name behind."""
    found = credentials(
        "github_token:work",
        "github_token:my.home",
        github_token__work__token="w",
        **{"github_token__my.home__token": "h"},
    ).environment({}, tmp_path)
    assert found["GITHUB_TOKEN"] == "w"
    assert found["GITHUB_TOKEN__MY_HOME"] == "h"


def test_a_type_that_is_not_declared_gives_nothing(tmp_path: Path) -> None:
    """What happens to be in the secret is not enough."""
    given = credentials(
        "github_token", github_token__other__token="x", git_ssh__default__id_rsa=KEY
    )
    assert given.environment({}, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_missing_required_fields_are_all_named() -> None:
    """One message, every field."""
    assert credentials("github_token:a", "git_ssh", "unknown_type").missing() == [
        "github_token/a/token",
        "git_ssh/default/id_rsa",
    ]


def test_a_field_that_is_no_file_name_is_refused(tmp_path: Path) -> None:
    """A secret's fields become file names, so they must not lead anywhere else."""
    given = credentials("github_token", **{"github_token__default__../../x": "v"})
    with pytest.raises(CredentialError, match="no file name"):
        given.write(tmp_path / "c")
    assert not (tmp_path / "x").exists()


def test_git_uses_the_token_for_github_and_for_no_other_host(stage: Stage) -> None:
    """The real git asks the helper; another host gets nothing and no terminal is asked."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        """
        printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill | tr 'a-z=' 'A-Z ' | head -c 72 | tr '\\n' ' '
        echo
        printf 'protocol=https\\nhost=evil.test\\n\\n' | git credential fill 2>&1 | grep -c password=
        """
    )
    done = stage.run(credentials={"github_token/default/token": "ghp_abcdefghi"})
    assert done.output[0].startswith(
        "PROTOCOL HTTPS HOST GITHUB.COM USERNAME X-ACCESS-TOKEN PASSWORD GHP_ABCD"
    )
    assert done.output[1] == "0"
    assert "git HTTPS credential helper configured" in done.messages


def test_gits_configuration_is_added_to_what_is_there() -> None:
    """A count that the image set already is counted on."""
    found = git.helper(
        {
            "GITHUB_TOKEN": "t",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "a",
            "GIT_CONFIG_KEY_1": "b",
        }
    )
    assert found["GIT_CONFIG_COUNT"] == "3"
    assert found["GIT_CONFIG_KEY_2"] == "credential.https://github.com.helper"
    assert (found["GH_TOKEN"], found["GIT_TERMINAL_PROMPT"]) == ("t", "0")


def test_git_uses_the_agent_s_account_at_its_forge_and_nowhere_else() -> None:
    """Each host has its own account, and each is asked for by its own helper."""
    forge = {"FORGE_URL": "https://git.example.com/", "FORGE_PASSWORD": "p", "FORGE_USER": "dev"}
    found = git.helper({"GITHUB_TOKEN": "t"} | forge)
    hosts = [found[f"GIT_CONFIG_KEY_{number}"] for number in range(2)]
    assert hosts == [
        "credential.https://github.com.helper",
        "credential.https://git.example.com.helper",
    ]
    assert "$FORGE_PASSWORD" in found["GIT_CONFIG_VALUE_1"]
    assert git.helper(forge).keys().isdisjoint({"GH_TOKEN"})


def test_without_a_token_git_is_left_alone() -> None:
    """No helper, no variables."""
    assert git.helper({"PATH": "/bin"}) == {}


def test_an_ssh_key_is_where_ssh_takes_it(stage: Stage) -> None:
    """0600, ending in a newline, named by GIT_SSH_COMMAND; who commits is set from the same credential."""
    stage.configure(credentials=["git_ssh:default"])
    stage.script(
        """
        stat -c '%a' $HOME/.ssh $HOME/.ssh/id_rsa; tail -c 1 $HOME/.ssh/id_rsa | od -An -c | tr -d ' '
        echo "$GIT_SSH_COMMAND" | sed "s|$HOME|~|g"; echo "$GIT_AUTHOR_NAME $GIT_COMMITTER_EMAIL" | wc -c
        """
    )
    options = "-o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new"
    values = {"id_rsa": KEY, "username": "A. Gent", "email": "agent@example.com"}
    done = stage.run(credentials={f"git_ssh/default/{k}": v for k, v in values.items()})
    assert done.output == [
        "700",
        "600",
        "\\n",
        f"ssh -i ~/.ssh/id_rsa {options} -o UserKnownHostsFile=~/.ssh/known_hosts",
        "26",
    ]
    assert "SSH key configured for git" in done.messages


def test_the_platforms_variables_are_not_the_agents(tmp_path: Path) -> None:
    """Its role's credentials, our references and our own import path are left out; the rest stays."""
    seen = visible(
        {
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x",
            "ECS_CONTAINER_METADATA_URI_V4": "u",
            "AL_SECRET": "name",
            "AL_TABLE": "t",
            "PYTHONPATH": f"{tmp_path}:/opt/mine",
            "PATH": "/usr/bin",
            "LANG": "C.UTF-8",
            "AL_AGENT": "dev",
        },
        library=tmp_path,
        commands=Path("/app/bin"),
    )
    assert seen == {
        "PYTHONPATH": "/opt/mine",
        "PATH": "/app/bin:/usr/bin",
        "LANG": "C.UTF-8",
        "AL_AGENT": "dev",
    }


def test_an_agent_sees_these_variables_and_no_other(stage: Stage) -> None:
    """What its image sets, what its credentials bring, and a closed list of ours: hooks and script alike."""
    stage.environ |= {"OF_THE_IMAGE": "x", "AL_FUTURE": "x", "AWS_FUTURE": "x", "SUDO_COMMAND": "x"}
    stage.configure(credentials=["github_token:default"], hooks={"pre": [NAMES, "echo then"]})
    stage.script(NAMES)
    done = stage.run(credentials={"github_token/default/token": "hunter2-hunter2"})
    seen = [names(part) - SHELL for part in "\n".join(done.output).split("then")]
    assert seen == [OURS | GITHUB | {"OF_THE_IMAGE"}] * 2


def test_everything_that_tools_write_to_is_writable(stage: Stage) -> None:
    """Outside of /tmp the file system is read-only on Lambda
    (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html): HOME, TMPDIR and the XDG directories are not."""
    stage.script(
        'for d in "$HOME" "$TMPDIR" "$XDG_CACHE_HOME" "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$AL_SIGNAL_DIR" .; '
        'do mkdir -p "$d" && touch "$d/x" && case "$(cd "$d" && pwd -P)" in '
        f"{stage.temporary}/*) echo ok;; *) echo outside: $d;; esac; done"
    )
    assert stage.run().output == ["ok"] * 7


def test_a_script_with_its_own_interpreter_is_run_by_it(stage: Stage) -> None:
    """An executable script's first line is honoured; a plain one is for sh."""
    script = stage.static / "test-script.sh"
    script.write_text("#!/usr/bin/env python3\nprint(6 * 7)\n")
    script.chmod(0o700)
    assert stage.run().output == ["42"]


def test_the_prompt_is_in_the_environment(stage: Stage) -> None:
    """A script gets what a model would be told about this run."""
    stage.script('echo "$PROMPT"')
    done = stage.run(prompt="fix the build")
    assert done.output == ["<user-prompt>", "fix the build", "</user-prompt>", "", "Do this task."]


def test_an_agents_file_cannot_stand_in_for_a_module(stage: Stage) -> None:
    """The commands work although the working directory has a `toolkit` and a `json.py`."""
    (stage.static / "json.py").write_text("raise SystemExit('hijacked')")
    stage.script("mkdir toolkit; touch toolkit/__init__.py; al-status fine")
    assert stage.run().output == ['{"ok":true}']


def test_the_commands_are_there_without_an_image(stage: Stage) -> None:
    """On this machine there is no /app/bin: the run brings its own."""
    shutil.rmtree(stage.app / "bin")
    stage.script("al-rerun")
    done = stage.run()
    assert (done.code, done.output) == (42, ['{"ok":true}'])
