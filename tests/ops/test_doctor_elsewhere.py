"""Agents that name another environment, as `al doctor` sees them: real files, and an account that nobody can reach."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.test_places import CLOUD
from tests.scheduler.served import Served, made
from toolkit.core.agent import Project
from toolkit.ops.doctor import elsewhere
from toolkit.ops.doctor.findings import Weight
from toolkit.ops.load import load_services
from toolkit.wiring import Services


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    with made(tmp_path) as served:
        environments = served.directory / "environments"
        environments.mkdir()
        (environments / "lab.toml").write_text("")
        (environments / "production.toml").write_text(CLOUD)
        served.agent("dev", "true", 'environment = "lab"\ncredentials = ["github_token"]\n')
        yield served


def loaded(served: Served) -> tuple[Services, Project]:
    services = load_services(served.directory, "local", note=lambda _: None)
    assert services.project is not None
    return services, services.project


def test_it_says_where_an_agent_runs(shop: Served) -> None:
    """On which runtime, and which setting says so; that is nothing wrong."""
    (found,) = elsewhere.found(*loaded(shop))
    assert (found.weight, found.about) == (Weight.NOTE, "dev")
    assert "its runs are in lab, on local" in found.message


def test_an_environment_that_there_is_not_is_an_error(shop: Served) -> None:
    """With the known ones, and the agent's name."""
    shop.config("dev", 'environment = "prodction"\n')
    (found,) = elsewhere.found(*loaded(shop))
    assert (found.weight, found.about) == (Weight.ERROR, "dev")
    assert "no environment named 'prodction'" in found.message
    assert "production" in found.remedy


def test_credentials_are_asked_of_this_machine_only_for_what_runs_on_it(shop: Served) -> None:
    """Those of an agent in a cloud were pushed there."""
    services, project = loaded(shop)
    assert elsewhere.asked_here(services, project).agents[0].credentials != ()
    shop.config("dev", 'environment = "production"\ncredentials = ["github_token"]\n')
    services, project = loaded(shop)
    assert elsewhere.asked_here(services, project).agents[0].credentials == ()
