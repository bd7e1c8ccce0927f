"""A program that takes the arguments of the Pulumi CLI: it keeps stacks as files, plays back events, and writes down
how it was called.  It runs no Pulumi program and changes no cloud.  `moto_tests/pulumi_double.py` sets it up.
"""

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent.parent
STACKS, LOCK, CALLS = HERE / "stacks", HERE / "lock", HERE / "calls.jsonl"
SHOWN = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")


def main(words: list[str]) -> int:
    if words == ["version"]:
        return say((HERE / "version").read_text())
    write_down(words)
    match [w for w in words if w != "--non-interactive"]:
        case ["stack", what, *rest]:
            return stack(what, rest)
        case ["cancel", *_]:
            LOCK.unlink()
            return 0
        case ["plugin", "install", *_]:
            return refused() or 0
        case ["refresh", *rest]:
            return refresh(rest)
        case [("up" | "preview"), *rest]:
            return update(rest)
    return fail(f"this double knows no {words}")


def stack(what: str, rest: list[str]) -> int:
    match what:
        case "select":
            known = (STACKS / rest[-1]).exists()
            return 0 if known else fail(f"error: no stack named '{rest[-1]}' found")
        case "init":
            (STACKS / rest[0]).touch()
        case "rm":
            (STACKS / rest[-1]).unlink()
    answers = {"export": (HERE / "state.json").read_text(), "output": OUTPUTS, "history": HISTORY}
    return say(answers.get(what, ""))


def refresh(rest: list[str]) -> int:
    if "--clear-pending-creates" in rest and not LOCK.exists():
        state = json.loads((HERE / "state.json").read_text())
        state["deployment"].pop("pending_operations", None)
        (HERE / "state.json").write_text(json.dumps(state))
    return update(rest)


def update(rest: list[str]) -> int:
    log = Path(rest[rest.index("--event-log") + 1])
    if LOCK.exists():
        log.write_text('{"cancelEvent": {}}\n')
        return fail(LOCK.read_text())
    if (HERE / "hangs").exists():
        until_interrupted()
    ends = '{"summaryEvent": {"durationSeconds": 1}}\n{"cancelEvent": {}}\n'
    log.write_text((HERE / "events.jsonl").read_text() + ends)
    return refused() or say("done")


def until_interrupted() -> None:
    try:
        (HERE / "hanging").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        (HERE / "interrupted").touch()


def refused() -> int | None:
    failure = HERE / "failure"
    return fail(failure.read_text()) if failure.exists() else None


def write_down(words: list[str]) -> None:
    variables = {name: os.environ[name] for name in SHOWN if name in os.environ}
    settings = {p.name: p.read_text() for p in Path.cwd().glob("Pulumi*.yaml")}
    call = {"words": words, "variables": variables, "settings": settings, "cwd": str(Path.cwd())}
    with CALLS.open("a") as file:
        file.write(json.dumps(call) + "\n")


def say(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 0


def fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 255


OUTPUTS = '{"gateway_url": "https://x"}'
HISTORY = json.dumps(
    [
        {
            "kind": "update",
            "startTime": "2026-11-20T12:00:00.000Z",
            "endTime": "2026-11-20T12:00:01.000Z",
            "message": "",
            "environment": {},
            "config": {},
            "result": "succeeded",
        }
    ]
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
