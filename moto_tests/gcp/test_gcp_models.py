"""Who wins between flag, files and user, in what a session on Cloud Run really asks: the launcher's own secret, the embedded
Secret Manager, and the entry point as a real process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moto_tests.gcp.shelf import Shelf
from tests.inside.stage import Stage
from tests.llm.matrix import CLOUD, Asked, Servers, say, secret, servers
from toolkit.core.run import RunId
from toolkit.llm.candidates import Flags


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Everybody has a say here, this machine's variables too, which no cloud hears."""
    with servers() as there:
        say(there, ("variable",), tmp_path / "user", monkeypatch)
        yield there


@pytest.fixture
def stage(
    tmp_path: Path,
    job_environ: dict[str, str],
    allow_runs: Callable[[str], None],
    there: Servers,
) -> Stage:
    """The agent's container, with its image's model."""
    allow_runs("dev")
    stage = Stage(tmp_path / "stage", environ=job_environ)
    stage.configure(models=[there.model.to_dict()])
    return stage


@pytest.mark.parametrize(("flags", "asked"), CLOUD.values(), ids=CLOUD)
def test_the_session_of_a_job_asks_whom_the_highest_place_names(
    stage: Stage, shelf: Shelf, there: Servers, flags: Flags, asked: Asked
) -> None:
    """Provider, model, key and address, in the request itself; nobody else is asked."""
    run = RunId("dev-1a2b3c4d")
    name = stage.environ["AL_SECRET"] = shelf.names.run_secret(run)
    value = secret(shelf.context.environment, flags, there, shelf.context.home)
    shelf.store.put(name, value, tags=shelf.names.tags(run=run))
    done = stage.run(run)
    assert (done.code, there.asked()) == (0, [asked]), done.text
