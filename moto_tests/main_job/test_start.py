"""`al start` for a cloud: one scheduler, and each agent on the runtime that the push has put it on."""

import signal

from .conftest import Stage, wait_until


def test_agents_of_one_project_run_side_by_side_on_their_runtimes(pushed: Stage) -> None:
    """A Lambda function and a Fargate task are started by the same process, which ends in order and leaves no secret."""
    started = pushed.start("start", "-H", "-E", "sandbox", "--port", "0")
    try:
        place = pushed.project / ".al" / "scheduler-sandbox.json"
        wait_until(lambda: place.exists() and place.read_text())
        quick, _ = pushed.run("quick")
        long, done = pushed.run("long")
    finally:
        started.send_signal(signal.SIGTERM)
        _, said = started.communicate(timeout=60)
    assert [(run["runtime"], run["state"]) for run in (quick, long)] == [
        ("aws_lambda", "succeeded"),
        ("ecs_fargate", "succeeded"),
    ]
    assert quick["return_value"] == f"done {quick['run']}"
    assert all(long["secret"].values()), done.stderr
    assert f"{quick['run']} succeeded after" in said
    assert f"{long['run']} succeeded after" in said
    assert started.returncode == 0
