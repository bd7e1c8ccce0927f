"""Model sessions, real down to the HTTP: the entry point, pydantic-ai, and a server that speaks the APIs."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fixtures.llm_server import LlmServer, Turn, llm_server
from tests.inside.stage import Finished, Stage

KEY = {"custom_key/default/token": "sk-custom-0123456789"}


def model(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "m", "provider": "custom", "model": "test-model", "baseUrl": url, **more}


def bash(command: str, **more: Any) -> tuple[str, Mapping[str, Any]]:
    return "bash", {"command": command, **more}


def said(done: Finished, msg: str) -> list[Mapping[str, Any]]:
    return [line for line in done.lines if line["msg"] == msg]


def answers(server: LlmServer) -> list[str]:
    """What the tools answered, as the model saw it in the last request."""
    return [m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool"]


def test_a_session_works_with_its_tools_until_it_is_done(stage: Stage) -> None:
    """bash, write, edit and read really happen, in order, and their answers go back to the model."""
    script = (
        Turn(text="looking", tools=[bash("echo hello from $AL_AGENT")]),
        Turn(
            tools=[
                ("write", {"path": "notes/a.txt", "content": "one two"}),
                ("edit", {"path": "notes/a.txt", "old": "one", "new": "three"}),
                ("read", {"path": "notes/a.txt"}),
            ]
        ),
        Turn(text="all done"),
    )
    with llm_server(*script) as server:
        stage.configure(models=[model(server.url)])
        done = stage.run(credentials=KEY)
    assert done.code == 0
    assert answers(server)[0] == "hello from dev\n"
    assert answers(server)[3] == "three two"
    assert [line["text"] for line in said(done, "assistant")] == ["looking", "all done"]
    assert [line["cmd"] for line in said(done, "bash")] == ["echo hello from $AL_AGENT"]
    assert server.keys[0] == "Bearer sk-custom-0123456789"
    assert [line["tool"] for line in said(done, "tool start")] == ["bash", "write", "edit", "read"]
    assert [line["resultLength"] for line in said(done, "tool done")][-1] == len("three two")
    # what a message says is in `assistant` and nowhere else
    assert "all done" not in json.dumps(said(done, "event"))
    assert len(said(done, "event")) == 3


def test_instructions_and_the_one_message_are_what_was_baked_and_this_run(stage: Stage) -> None:
    """SKILL.md is the system's part; the user's is the static prompt and this run's."""
    with llm_server(Turn(text="ok")) as server:
        stage.configure(models=[model(server.url)])
        stage.run(credentials=KEY, prompt="fix the build")
    system, user = server.requests[0]["messages"]
    assert (system["role"], system["content"]) == ("system", "Be useful.")
    assert user["role"] == "user"
    assert user["content"].startswith("<agent-config>")
    assert "skill-lock" not in user["content"]  # there is no gateway
    assert user["content"].endswith("<user-prompt>\nfix the build\n</user-prompt>\n\nDo this task.")


def test_inline_commands_of_the_instructions_are_run(stage: Stage) -> None:
    """What !`command` prints stands in the instructions, after hooks.pre; a command that fails leaves its error."""
    with llm_server(Turn(text="ok")) as server:
        hooks = {"pre": ["echo Friday > day", "setenv HOUR 12"]}
        stage.configure(models=[model(server.url)], hooks=hooks)
        (stage.static / "SKILL.md").write_text("Today: !`cat day; echo $HOUR`. Never: !`false`.")
        stage.run(credentials=KEY)
    assert server.requests[0]["messages"][0]["content"] == (
        "Today: Friday\n12. Never: [Error: [exit code 1]]."
    )


def test_usage_is_logged_and_reported(stage: Stage) -> None:
    """Tokens of all turns together."""
    with llm_server(
        Turn(tools=[bash("true")], usage=(100, 20)), Turn(text="ok", usage=(200, 30))
    ) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        done = stage.run(run)
    usage = (stage.mailbox(run).report or {})["usage"]
    assert (usage["inputTokens"], usage["outputTokens"], usage["turnCount"]) == (300, 50, 2)
    assert said(done, "token-usage")[0]["totalTokens"] == 350


def test_signals_decide_how_a_session_ends(stage: Stage) -> None:
    """al-exit wins over al-rerun, and the return value is recorded."""
    with llm_server(
        Turn(tools=[bash("al-rerun; al-return 'a b'; al-exit 16")]), Turn(text="ok")
    ) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        assert stage.run(run).code == 16
    report = stage.mailbox(run).report or {}
    assert (report["state"], report["return_value"]) == ("failed", "a b")


def test_a_session_can_ask_for_another_run(stage: Stage) -> None:
    """al-rerun alone is 42."""
    with llm_server(Turn(tools=[bash("al-rerun")]), Turn(text="ok")) as server:
        stage.configure(models=[model(server.url)])
        assert stage.run(credentials=KEY).code == 42


def test_the_model_sees_no_key_and_no_platform_variable(stage: Stage) -> None:
    """Neither its own key, nor the role's session, nor our references are in the tools' environment; and of the agent's
    credentials only names: not in what an inline command prints either."""
    stage.environ |= {"AWS_SECRET_ACCESS_KEY": "the-platforms-own"}
    command = "env; cat /proc/$PPID/environ | tr '\\0' '\\n'; find $AL_CREDENTIALS_PATH -type f"
    with llm_server(Turn(tools=[bash(command)]), Turn(text="ok")) as server:
        stage.configure(models=[model(server.url)], credentials=["github_token:default"])
        (stage.static / "SKILL.md").write_text("Log in with !`echo $GITHUB_TOKEN`.")
        run = stage.new_run(KEY | {"github_token/default/token": "hunter2-of-this-run"})
        stage.run(run)
    assert server.requests[0]["messages"][0]["content"] == "Log in with ***."
    seen = answers(server)[0]
    assert "GITHUB_TOKEN=***" in seen
    assert "hunter2" not in str(server.requests)
    assert "AL_RUN_ID" in seen
    assert "sk-custom" not in seen
    assert "the-platforms-own" not in seen
    assert stage.secret_name(run) not in seen


def test_a_rate_limit_is_waited_out_and_no_tool_runs_twice(stage: Stage) -> None:
    """The request is repeated after Retry-After, not the conversation."""
    script = (
        Turn(tools=[bash("echo x >> counted; cat counted")]),
        Turn(status=429, headers={"retry-after-ms": "1"}),
        Turn(text="ok"),
    )
    with llm_server(*script) as server:
        stage.configure(models=[model(server.url)])
        done = stage.run(credentials=KEY)
    assert (done.code, len(server.requests)) == (0, 3)
    assert answers(server) == ["x\n"]
    assert said(done, "all models exhausted, backing off")[0]["pass"] == 1


def test_the_next_model_takes_over_when_one_is_overloaded(stage: Stage) -> None:
    """Models are tried in their order, without waiting while there is another."""
    with (
        llm_server(Turn(status=429)) as busy,
        llm_server(Turn(tools=[bash("true")]), Turn(text="ok")) as free,
    ):
        stage.configure(models=[model(busy.url, model="first"), model(free.url, name="n")])
        done = stage.run(credentials=KEY)
    assert done.code == 0
    assert len(free.requests) == 2
    assert said(done, "rate limited, trying next model")[0]["model"] == "first"


def test_every_model_refused_in_every_pass_is_12(stage: Stage) -> None:
    """Rate limited to the end: the shared code for it, and the reason names the model."""
    with llm_server(Turn(status=429, headers={"retry-after-ms": "1"}, error="slow down")) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        assert stage.run(run).code == 12
    assert len(server.requests) == 4
    reason = (stage.mailbox(run).report or {})["reason"]
    assert "test-model" in reason
    assert "slow down" in reason


def test_a_refusal_that_waiting_cannot_help_ends_the_run_at_once(stage: Stage) -> None:
    """A wrong key is not tried again."""
    with llm_server(Turn(status=401, error="no")) as server:
        stage.configure(models=[model(server.url)])
        done = stage.run(credentials=KEY)
    assert (done.code, len(server.requests)) == (10, 1)


def test_a_budget_is_part_of_the_image_and_its_end_of_the_report(stage: Stage) -> None:
    """17, and the run has failed."""
    with llm_server(Turn(tools=[bash("true")])) as server:
        stage.configure(models=[model(server.url)], budget={"turns": 1})
        run = stage.new_run(KEY)
        assert stage.run(run).code == 17
    report = stage.mailbox(run).report or {}
    assert (report["state"], report["usage"]["turnCount"]) == ("failed", 1)
    assert report["reason"] == "the run's budget of 1 turns is used up"


def test_three_refusals_of_tools_end_the_session(stage: Stage) -> None:
    """Repeated permission failures will not get better: 15, before the model tries a fourth time."""
    refused = Turn(
        tools=[bash("echo 'git@github.com: Permission denied (publickey).' >&2; exit 128")]
    )
    with llm_server(refused) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        done = stage.run(run)
    assert (done.code, len(server.requests)) == (15, 3)
    assert "Aborting: repeated auth/permission failures" in done.messages
    assert "repeated auth" in (stage.mailbox(run).report or {})["reason"]


def test_custom_without_a_base_url_fails_when_the_session_starts(stage: Stage) -> None:
    """13, and the message says where to set it."""
    stage.configure(models=[model(None)])  # type: ignore[arg-type]
    run = stage.new_run(KEY)
    assert stage.run(run).code == 13
    assert "no baseUrl" in (stage.mailbox(run).report or {})["reason"]


def test_a_model_without_its_key_fails_with_the_credentials_name(stage: Stage) -> None:
    """10, naming what to add."""
    stage.configure(models=[model("http://127.0.0.1:9/v1", provider="openai")])
    run = stage.new_run()
    assert stage.run(run).code == 10
    assert "openai_key" in (stage.mailbox(run).report or {})["reason"]


def test_a_key_never_reaches_log_or_report(stage: Stage) -> None:
    """Also when a provider quotes it in its error, and the model in its text."""
    key = "sk-custom-0123456789"
    with llm_server(
        Turn(text=f"key {key}", tools=[bash(f"echo {key}")]), Turn(status=401, error=f"bad {key}")
    ) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        done = stage.run(run)
    assert done.code == 10
    assert key not in done.text
    assert key not in json.dumps(stage.mailbox(run).report)


def test_ending_a_run_ends_its_session_and_tools(stage: Stage) -> None:
    """A command that would sleep for an hour does not keep the run, and the usage so far is reported."""
    with llm_server(Turn(tools=[bash("sleep 3600")])) as server:
        stage.configure(models=[model(server.url)])
        run = stage.new_run(KEY)
        process = stage.start(run)
        assert process.stdout is not None
        heard = {"msg": ""}
        while heard["msg"] != "bash":
            heard = json.loads(process.stdout.readline())
        process.terminate()
        assert stage.finish(process).code == 143
    report = stage.mailbox(run).report or {}
    assert report["state"] == "stopped"
    assert report["usage"]["turnCount"] == 1


def test_anthropic_is_spoken_to_in_its_own_api(stage: Stage) -> None:
    """The Messages API, streamed as the SDK asks for it, tools included."""
    with llm_server(Turn(text="hm", tools=[bash("echo hi")]), Turn(text="ok")) as server:
        stage.configure(
            models=[model(server.root, provider="anthropic", model="claude-sonnet-4-5")]
        )
        done = stage.run(credentials={"anthropic_key/default/token": "sk-ant-api-0123"})
    assert done.code == 0
    assert [key.removeprefix("Bearer ") for key in server.keys] == ["sk-ant-api-0123"] * 2
    assert [line["text"] for line in said(done, "assistant")] == ["hm", "ok"]
    assert "hi" in json.dumps(server.requests[1]["messages"][-1])


def test_an_oauth_token_of_anthropic_is_a_bearer(stage: Stage) -> None:
    """authType oauth_token is no API key."""
    with llm_server(Turn(text="ok")) as server:
        stage.configure(
            models=[
                model(
                    server.root,
                    provider="anthropic",
                    model="claude-sonnet-4-5",
                    authType="oauth_token",
                )
            ]
        )
        assert stage.run(credentials={"anthropic_key/default/token": "sk-ant-oat-0123"}).code == 0
    assert server.keys == ["Bearer sk-ant-oat-0123"]


@pytest.mark.parametrize(
    ("provider", "auth"),
    [("anthropic", "api_key"), ("anthropic", "oauth_token"), ("openai", "api_key")],
)
def test_a_prompt_goes_nowhere_but_where_it_was_sent(
    stage: Stage, provider: str, auth: str
) -> None:
    """A redirect is not followed, and not asked for again and again."""
    with (
        llm_server(Turn(text="leaked")) as other,
        llm_server(Turn(status=307, headers={"location": f"{other.root}/v1/messages"})) as server,
    ):
        at = server.root if provider == "anthropic" else f"{server.root}/v1"
        stage.configure(models=[model(at, provider=provider, model="claude-x", authType=auth)])
        done = stage.run(credentials={f"{provider}_key/default/token": "sk-ant-0123"})
    assert done.code != 0
    assert (len(server.requests), other.requests) == (1, [])


def test_variables_of_the_image_change_neither_key_nor_place(stage: Stage) -> None:
    """Provider, address and key are one bundle from the configuration; SDKs' own variables are not asked."""
    stage.environ |= {"ANTHROPIC_API_KEY": "wrong", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    with llm_server(Turn(text="ok")) as server:
        stage.configure(
            models=[
                model(
                    server.root,
                    provider="anthropic",
                    model="claude-sonnet-4-5",
                    authType="oauth_token",
                )
            ]
        )
        assert stage.run(credentials={"anthropic_key/default/token": "sk-ant-oat-0123"}).code == 0
    assert server.keys == ["Bearer sk-ant-oat-0123"]
