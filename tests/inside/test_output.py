"""What an agent prints arrives: all of it, in order, as it appears, redacted, in lines that no driver cuts."""

import base64
import json

from tests.inside.stage import Stage

SECRET = "ghp_S3cr3t/T0ken+0123456789"
TOKEN = {"github_token/default/token": SECRET}


def test_both_streams_are_wrapped(stage: Stage) -> None:
    """Each line says which stream it came from, and carries the run and a time."""
    stage.script("echo out; echo err >&2")
    run = stage.new_run()
    done = stage.run(run)
    wrapped = {(line["stream"], line["text"]) for line in done.lines if line["msg"] == "output"}
    assert wrapped == {("stdout", "out"), ("stderr", "err")}
    assert {line["run"] for line in done.lines} == {run}
    assert all(line["_log"] is True for line in done.lines)


def test_times_never_go_back(stage: Stage) -> None:
    """`ts` is epoch milliseconds, and lines come in its order."""
    stage.script("seq 500")
    times = [line["ts"] for line in stage.run().lines]
    assert times == sorted(times)


def test_a_megabyte_arrives_whole(stage: Stage) -> None:
    """20,000 lines of 50 characters, none lost, none twice."""
    stage.script("seq -f '%050.0f' 20000")
    assert stage.run().output == [f"{number:050}" for number in range(1, 20001)]


def test_one_line_of_a_megabyte_is_cut_below_the_drivers_limit(stage: Stage) -> None:
    """awslogs cuts at 16 KiB (https://docs.docker.com/engine/logging/drivers/awslogs/): numbered parts stay below."""
    stage.script("head -c 1000000 /dev/zero | tr '\\0' '\\001'; echo; echo after")
    done = stage.run()
    parts = [line for line in done.lines if line["msg"] == "output" and "part" in line]
    assert [line["part"] for line in parts] == list(range(1, len(parts) + 1))
    assert [line.get("end", False) for line in parts] == [False] * (len(parts) - 1) + [True]
    assert "".join(line["text"] for line in parts) == "\x01" * 1_000_000
    assert max(len(json.dumps(line, ensure_ascii=False)) for line in done.lines) < 16_000
    assert done.output[-1] == "after"


def test_invalid_utf8_becomes_valid_lines(stage: Stage) -> None:
    """Bytes that are no text are replaced, and the lines around them stay."""
    stage.script("printf 'a\\377b\\n\\303'; sleep 0.1; printf '\\251\\n\\000\\n'")
    assert stage.run().output == ["a\ufffdb", "é", "\x00"]


def test_a_last_line_without_its_end_is_printed(stage: Stage) -> None:
    """What stands before the end of the output is not lost."""
    stage.script("printf 'no newline'")
    assert stage.run().output == ["no newline"]


def test_lines_appear_while_the_script_runs(stage: Stage) -> None:
    """A line is there long before the script ends."""
    stage.script("echo first; sleep 60")
    process = stage.start(stage.new_run())
    assert process.stdout is not None
    heard = json.loads(process.stdout.readline())
    while heard["msg"] != "output":
        heard = json.loads(process.stdout.readline())
    assert heard["text"] == "first"
    assert process.poll() is None
    process.terminate()
    stage.finish(process)


def test_a_secret_is_masked_however_it_is_printed(stage: Stage) -> None:
    """Plain, in pieces, base64 alone or inside something, URL-quoted: none of them reaches the log."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        """
        echo "token is $GITHUB_TOKEN!"
        for part in $(printf %s "$GITHUB_TOKEN" | sed 's/./& /g'); do printf %s "$part"; sleep 0.01; done; echo
        printf %s "$GITHUB_TOKEN" | base64
        printf %s "x-access-token:$GITHUB_TOKEN" | base64
        echo "$GITHUB_TOKEN" >&2
        python3 -c 'import os; raise SystemError(os.environ)'
        """
    )
    done = stage.run(credentials=TOKEN)
    assert done.output[:2] == ["token is ***!", "***"]
    assert SECRET not in done.text
    assert base64.b64encode(SECRET.encode()).decode()[:20] not in done.text
    assert base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()[24:44] not in done.text


def test_a_secret_across_the_cut_of_a_long_line_is_masked(stage: Stage) -> None:
    """Lines are cut after they are redacted."""
    stage.configure(credentials=["github_token:default"])
    stage.script(
        """head -c 12270 /dev/zero | tr '\\0' x; printf %s "$GITHUB_TOKEN"; head -c 99 /dev/zero | tr '\\0' x"""
    )
    done = stage.run(credentials=TOKEN)
    whole = "".join(done.output)
    assert whole == "x" * 12270 + "***" + "x" * 99


def test_every_line_of_a_key_is_masked(stage: Stage) -> None:
    """A key of many lines is printed by nobody, not even one line of it."""
    key = "-----BEGIN KEY-----\nAAAAlineone\nBBBBlinetwo\n-----END KEY-----"
    stage.configure(credentials=["git_ssh:default"])
    stage.script("cat $HOME/.ssh/id_rsa; tail -n 2 $AL_CREDENTIALS_PATH/git_ssh/default/id_rsa")
    done = stage.run(credentials={"git_ssh/default/id_rsa": key})
    assert set(done.output) == {"***"}
    assert "line" not in "".join(done.output)


AWS = {"aws/default/default_region": "us-east-1", "aws/default/secret_access_key": "wJalrXUtnFEMI"}


def test_a_field_that_is_no_secret_is_not_masked(stage: Stage) -> None:
    """A region, a name, an address: hiding them would blot out the log, and hide nothing."""
    stage.configure(credentials=["aws:default"], hooks={"pre": [": us-east-1"]})
    stage.script("echo $AWS_DEFAULT_REGION $AWS_SECRET_ACCESS_KEY; al-return us-east-1")
    run = stage.new_run(AWS)
    done = stage.run(run)
    assert done.output == ["us-east-1 ***", '{"ok":true}']
    assert "hooks.pre: [1/1]: : us-east-1" in done.messages
    assert (stage.mailbox(run).report or {})["return_value"] == "us-east-1"


def test_an_image_that_does_not_say_what_is_secret_has_only_secrets(stage: Stage) -> None:
    """One that an older `al` has built; and whatever the agent does not declare, as its model's key."""
    stage.configure(credentials=["git_ssh:default"])
    stage.script("echo $GIT_AUTHOR_NAME us-east-1 sk-ant-0123456789")
    values = {"git_ssh/default/id_rsa": "a-key", "git_ssh/default/username": "A. Gent"}
    keys = {"anthropic_key/default/token": "sk-ant-0123456789"}
    assert stage.run(credentials=AWS | values | keys).output == ["*** *** ***"]


def test_neither_report_nor_status_shows_a_secret(stage: Stage) -> None:
    """The mailbox is no place for secrets, whatever the agent puts there."""
    stage.configure(credentials=["github_token:default"])
    stage.script('al-return "$GITHUB_TOKEN"; al-status "using $GITHUB_TOKEN"')
    run = stage.new_run(TOKEN)
    stage.run(run)
    box = stage.mailbox(run)
    assert (box.report or {})["return_value"] == "***"
    assert box.status == "using ***"


def test_the_run_token_is_masked_too(stage: Stage) -> None:
    """It opens the gateway for this run, so it is as secret as a credential."""
    stage.script("echo $GATEWAY_URL $SHUTDOWN_SECRET")
    assert stage.run(gateway="https://gateway.test").output == ["https://gateway.test ***"]


def test_a_reader_who_goes_away_does_not_end_the_run(stage: Stage) -> None:
    """The report is written although nobody takes the output any more."""
    stage.script("yes | head -c 1000000; exit 9")
    run = stage.new_run()
    process = stage.start(run)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 9
    assert (stage.mailbox(run).report or {})["exit_code"] == 9
