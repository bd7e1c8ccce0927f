"""`al start` with agents in Docker: they are built while the gateway answers already, and outlive the process."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.dockerd import BASE, client_at, missing
from tests.fakes import eventually
from tests.scheduler.served import SECONDS, made
from toolkit.core.run import RunState

pytestmark = [
    pytest.mark.needs_docker,
    pytest.mark.skipif(bool(missing()), reason=missing() or "it is there"),
]
ON = "/tmp/on"  # noqa: S108 - in a container of its own
CONFIG = """
name = "shop"
[local]
runtime = "docker"
dockerHost = "{address}"
image = "{image}"
memory = "256m"
"""


def test_a_container_is_taken_over_by_the_next_start(tmp_path: Path, address: str) -> None:
    """It goes on while nobody is there; then its end, its answer and its receipt are recorded."""
    with made(tmp_path) as served:
        served.agent("dev", f"until [ -e {ON} ]; do sleep 0.1; done; al-return done")
        (served.directory / "config.toml").write_text(CONFIG.format(address=address, image=BASE))
        served.start()
        run = served.trigger("dev")
        began = eventually(
            lambda: served.run(run) if served.run(run).handle else None, seconds=SECONDS
        )
        served.stop()
        served.start()
        assert served.scheduler.going() == [run]
        assert began.handle is not None
        with closing(client_at(address)) as client:
            container = began.handle.ids["container"]
            told = client.exec_create(container, ["touch", ON])["Id"]
            client.exec_start(told)
        done = served.ended(run)
        assert (done.state, done.return_value) == (RunState.SUCCEEDED, "done")
        assert done.receipt.verified_absent
