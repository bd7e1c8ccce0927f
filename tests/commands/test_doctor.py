"""`al doctor` as it is typed: what it shows, what it asks, what it changes, and how it ends."""

import json
from pathlib import Path

import pytest

from tests.commands.program import Terminal, al
from toolkit.core.clock import now
from toolkit.core.environment import Environment, Scope
from toolkit.core.run import RunId
from toolkit.credentials.lease import open_lease
from toolkit.wiring import services

RUN = RunId("hello-00000001")
SOUND = 'name = "shop"\n[models.m]\nprovider = "anthropic"\nmodel = "claude"\n'
AGENT = 'models = ["m"]\nschedule = "* * * * *"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project that nothing is wrong with."""
    agent = tmp_path / "shop" / "agents" / "hello"
    agent.mkdir(parents=True)
    (agent / "SKILL.md").write_text("Work.")
    (agent / "test-script.sh").write_text("true\n")
    (agent / "config.toml").write_text(AGENT)
    (tmp_path / "shop" / "config.toml").write_text(SOUND)
    return tmp_path / "shop"


def left_behind(shop: Path) -> Path:
    """A run's secret that is past its time, as a launcher that died leaves it; its file."""
    here = Environment(name="local", scope=Scope(project="shop", environment="local"))
    made = services(None, here, directory=shop)
    past = now().replace(year=2000)
    lease = open_lease(
        made.run_secrets, made.context.names, run=RUN, payload={}, timeout=1, now=lambda: past
    )
    return shop / ".al" / "secrets" / lease.ref.name


# 0


def test_a_sound_project_ends_with_0(shop: Path) -> None:
    """And says that nothing is wrong."""
    done = al("doctor", "-E", "local", cwd=shop)
    assert (done.returncode, done.stdout) == (0, "nothing is wrong\n")


def test_warnings_end_with_0_unless_strict(shop: Path) -> None:
    """--strict is for CI that wants none of them."""
    (shop / "agents/hello/config.toml").write_text('models = ["m"]\n')
    assert al("doctor", "-E", "local", cwd=shop).returncode == 0
    assert al("doctor", "-E", "local", "--strict", cwd=shop).returncode == 1


# 1


def test_every_error_is_told_and_ends_with_1(shop: Path) -> None:
    """A credential that no agent may have does not hide one that is missing."""
    (shop / "agents/hello/config.toml").write_text(
        AGENT + 'credentials = ["gateway_api_key", "sentry_token"]\n'
    )
    done = al("doctor", "-E", "local", cwd=shop)
    assert done.returncode == 1
    assert "error: hello: gateway_api_key must not reach an agent" in done.stdout
    assert "error: sentry_token: missing credentials" in done.stdout
    assert done.stdout.endswith("2 findings: 2 errors\n")


def test_a_project_that_does_not_load_is_examined_all_the_same(shop: Path) -> None:
    """Its problems are findings like any other, on stdout, and the code is 1."""
    (shop / "config.toml").write_text(SOUND + "scale = 'two'\n[locl]\n")
    (shop / "agents/hello/config.toml").write_text(AGENT + "timeout = 'long'\n")
    done = al("doctor", "-E", "local", "--json", cwd=shop)
    answer = json.loads(done.stdout)
    assert done.returncode == answer["exit_code"] == 1
    assert len(answer["findings"]) >= 3
    assert {f["about"] for f in answer["findings"]} == {"config.toml", "agents/hello/config.toml"}


# 2


def test_outside_a_project_it_is_wrong_use(tmp_path: Path) -> None:
    """There is nothing to examine, so there are no findings either."""
    done = al("doctor", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "al new" in done.stderr


def test_fixing_and_changing_nothing_exclude_each_other(shop: Path) -> None:
    """Said before anything is looked at."""
    done = al("doctor", "--fix", "--check-only", cwd=shop)
    assert done.returncode == 2
    assert not (shop / ".al").exists()


def test_where_nobody_can_be_asked_nothing_is_deleted(shop: Path) -> None:
    """The findings are shown first; then -y or -H is missing."""
    secret = left_behind(shop)
    done = al("doctor", "-E", "local", "--fix", cwd=shop)
    assert done.returncode == 2
    assert f"leftover: {RUN}" in done.stdout
    assert "add -y" in done.stderr
    assert secret.exists()


# 3


def test_leftovers_end_with_3_and_stay(shop: Path) -> None:
    """Without --fix the doctor deletes nothing."""
    secret = left_behind(shop)
    for more in ((), ("--check-only",)):
        done = al("doctor", "-E", "local", *more, cwd=shop)
        assert done.returncode == 3
        assert f"leftover: {RUN}: its secret was left behind: it is past its time" in done.stdout
    assert secret.exists()


@pytest.mark.parametrize("consent", ["-H", "-y"])
def test_leftovers_are_deleted_with_consent(shop: Path, consent: str) -> None:
    """Shown first, then what was done; nothing is left, so the code is 0."""
    secret = left_behind(shop)
    done = al("doctor", "-E", "local", "--fix", consent, cwd=shop)
    assert done.returncode == 0
    shown = done.stdout.index(f"leftover: {RUN}")
    assert shown < done.stdout.index(f"fixed: {RUN}")
    assert not secret.exists()


def test_json_is_one_object_that_tells_what_was_done(shop: Path) -> None:
    """Also with --fix: the findings before it are part of the conversation, on stderr."""
    left_behind(shop)
    done = al("doctor", "-E", "local", "--fix", "-H", "--json", cwd=shop)
    answer = json.loads(done.stdout)
    assert (answer["exit_code"], done.returncode) == (0, 0)
    assert [(f["weight"], f["fixed"]) for f in answer["findings"]] == [("leftover", True)]
    assert f"leftover: {RUN}" in done.stderr


@pytest.mark.parametrize(("word", "code", "there"), [("y", 0, False), ("n", 3, True)])
def test_the_question_comes_after_what_it_is_about(
    shop: Path, word: str, code: int, there: bool
) -> None:
    """The user has seen what is to be deleted, and no spinner hides the question."""
    secret = left_behind(shop)
    terminal = Terminal("doctor", "-E", "local", "--fix", cwd=shop)
    terminal.answer("Delete this secret? [y/N]", word)
    assert terminal.end() == code
    before, _, after = terminal.shown.partition("Delete this secret?")
    assert f"leftover: {RUN}" in before
    assert (f"fixed: {RUN}" in after) is not there
    assert secret.exists() is there


# the issuers


def test_issuers_are_asked_only_when_it_is_wished_for(shop: Path) -> None:
    """Here through a proxy that nobody is at: asked, they cannot be reached, and no value is in the answer."""
    (shop / "agents/hello/config.toml").write_text(AGENT + 'credentials = ["github_token"]\n')
    assert al("creds", "add", "github_token", cwd=shop, given="s3cret-t0ken").returncode == 0
    quiet = al("doctor", "-E", "local", cwd=shop, HTTPS_PROXY="http://127.0.0.1:9")
    assert (quiet.returncode, quiet.stdout) == (0, "nothing is wrong\n")
    asked = al(
        "doctor", "-E", "local", "--check-credentials", cwd=shop, HTTPS_PROXY="http://127.0.0.1:9"
    )
    assert "warning: github_token: api.github.com could not be asked" in asked.stdout
    assert "s3cret" not in asked.stdout + asked.stderr


# webhooks


def test_a_missing_webhook_secret_is_told(shop: Path) -> None:
    """The source and the command that adds it are named; with the secret, nothing is wrong."""
    (shop / "config.toml").write_text(SOUND + '[webhooks.hub]\ntype = "github"\n')
    hello = AGENT + '[[webhooks]]\nsource = "hub"\nevents = ["push"]\n'
    (shop / "agents/hello/config.toml").write_text(hello)
    done = al("doctor", "-E", "local", cwd=shop)
    assert done.returncode == 1
    assert "the webhook source hub verifies its events with it" in done.stdout
    given = al("creds", "add", "github_webhook_secret", cwd=shop, given="x" * 20)
    assert given.returncode == 0, given.stderr
    assert al("doctor", "-E", "local", cwd=shop).returncode == 0


def test_an_agent_s_scale_beyond_the_project_s_is_an_error(shop: Path) -> None:
    """And scales that come to more than the project's are a warning."""
    (shop / "config.toml").write_text("scale = 2\n" + SOUND)
    hello = shop / "agents/hello/config.toml"
    hello.write_text("scale = 3\n" + AGENT)
    assert al("doctor", "-E", "local", cwd=shop).returncode == 1
    hello.write_text("scale = 2\n" + AGENT)
    second = shop / "agents/second"
    second.mkdir()
    for name in ("SKILL.md", "test-script.sh", "config.toml"):
        (second / name).write_text((hello.parent / name).read_text())
    done = al("doctor", "-E", "local", cwd=shop)
    assert done.returncode == 0
    assert "scales come to 4" in done.stdout


# without a cloud, and offline


@pytest.mark.parametrize("option", ["-c", "--prove", "--operator-policy"])
def test_identities_need_a_cloud(shop: Path, option: str) -> None:
    """On this machine there are none: wrong use, with the ways to name an environment."""
    done = al("doctor", "-E", "local", option, cwd=shop)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(way in done.stderr for way in ("-E", "AL_ENV", ".env.toml"))


def test_a_policy_is_printed_for_another_program(shop: Path) -> None:
    """One by name, as `aws iam create-policy` takes it; and all of them by name."""
    one = al("doctor", "-E", "sandbox", "--operator-policy", "run", cwd=shop)
    assert one.returncode == 0
    assert json.loads(one.stdout)["Statement"]
    every = json.loads(al("doctor", "-E", "sandbox", "--operator-policy", cwd=shop).stdout)
    assert every["run"] == json.loads(one.stdout)
    assert {"deploy", "deploy-without-iam"} <= every.keys()


def test_a_policy_that_there_is_not_is_wrong_use(shop: Path) -> None:
    """With the names that there are."""
    done = al("doctor", "-E", "sandbox", "--operator-policy", "everything", cwd=shop)
    assert (done.returncode, done.stdout) == (2, "")
    assert "deploy-without-iam" in done.stderr


def test_the_proof_is_a_table_and_a_verdict(shop: Path) -> None:
    """A row for each role, and how many pairs were judged."""
    done = al("doctor", "-E", "sandbox", "--prove", cwd=shop)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith("of  ")
    assert "nobody reaches what is another's" in done.stdout.splitlines()[-1]


def test_the_proof_in_json_is_in_the_one_document(shop: Path) -> None:
    """Beside the findings, of which there are none when nothing else was asked for."""
    answer = json.loads(al("doctor", "-E", "sandbox", "--prove", "--json", cwd=shop).stdout)
    assert (answer["exit_code"], answer["findings"], answer["plan"]) == (0, [], None)
    assert answer["proof"]["violations"] == []


def test_what_is_offline_starts_no_sandbox(shop: Path) -> None:
    """Neither the proof nor the policies need an account."""
    al("doctor", "-E", "sandbox", "--prove", cwd=shop)
    al("doctor", "-E", "sandbox", "--operator-policy", cwd=shop)
    assert not (shop / "home" / "sandbox" / "state.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--operator-policy", ""), "names no policy"),
        (("--operator-policy", "-c"), "only prints policies"),
        (("--operator-policy", "--prove"), "only prints policies"),
    ],
)
def test_a_wish_beside_the_policies_is_refused(
    shop: Path, words: tuple[str, ...], said: str
) -> None:
    """Rather than passed over in silence."""
    done = al("doctor", "-E", "sandbox", *words, cwd=shop)
    assert done.returncode == 2
    assert said in done.stderr
