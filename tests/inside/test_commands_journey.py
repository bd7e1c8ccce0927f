"""A whole run that shares with others: the real entry point, a model, its shell, and a gateway on loopback."""

import json
from pathlib import Path

from tests.fixtures.llm_server import Turn, llm_server
from tests.gateway.party import ISSUE, party
from tests.inside.stage import Stage
from toolkit.core.agent import AgentName
from toolkit.core.run import Run, RunId, TriggerKind
from toolkit.core.secrets import Secret
from toolkit.scheduler.sharing import sharing

SCRIPT = f"""
rlock {ISSUE}
printf 'check "this"\\nand that' | al-call beta
al-status busy
al-return done
"""


def test_a_model_locks_and_calls_as_its_prompt_says(stage: Stage, tmp_path: Path) -> None:
    """What it is told of is there and works; its token is not in the log, and the answer goes to its caller."""
    here = party(tmp_path / "party")
    caller = here.guest("gamma")
    call = caller.call("alpha")
    stage.agent = AgentName("alpha")
    run = RunId.new(stage.agent)
    here.ledger.add(record(run, call))
    here.ledger.calls.update(call, run=run)
    guest = here.begin(run)
    with (
        here.serving() as address,
        llm_server(Turn(tools=[("bash", {"command": SCRIPT})]), Turn(text="ok")) as server,
    ):
        stage.configure(
            models=[{"name": "m", "provider": "custom", "model": "x", "baseUrl": server.url}]
        )
        body = {
            "credentials": {"custom_key/default/token": "sk-custom-0123456789"},
            "trigger": {"kind": "call", "source": caller.run.id, "context": {"context": "go"}},
            "token": guest.token,
            "gateway": address,
            "sharing": sharing(here.roster, guest.run),
        }
        stage.secrets.put(stage.secret_name(run), Secret(json.dumps(body)), tags={"al:run": run})
        done = stage.run(run)
    assert done.code == 0, done
    told = server.requests[0]["messages"][1]["content"]
    assert told.index("<environment>") < told.index("<skill-lock>") < told.index("<agent-call>")
    assert "- beta: does beta\n- gamma: does gamma\n" in told
    (lock,) = here.ledger.locks.held(run, moment=here.clock())
    assert lock.key == ISSUE
    (placed,) = here.ledger.calls.of_caller(run)
    assert (placed.target, placed.context, placed.depth) == ("beta", 'check "this"\nand that', 2)
    assert here.placed(call).return_value == "done"
    assert guest.token not in json.dumps(done.lines)


def record(run: RunId, call: str) -> Run:
    return Run(
        id=run,
        agent=run.agent,
        runtime="memory",
        trigger=TriggerKind.CALL,
        created="2026-11-20T12:00:00.000Z",
        call=call,
        depth=1,
    )
