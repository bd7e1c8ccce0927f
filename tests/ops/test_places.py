"""Agents that name another environment: what `al start` makes of that before anything runs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scheduler.served import Served, made
from tests.services import FakeServices
from toolkit.core.agent import Agent, AgentName, Project
from toolkit.core.environment import AwsCloud, Environment, Scope
from toolkit.core.errors import ConfigError, NotFound
from toolkit.ops.load import load_services
from toolkit.ops.start import places
from toolkit.scheduler import switches
from toolkit.scheduler.desk import recorded_roster
from toolkit.scheduler.dispatch import answers_in
from toolkit.scheduler.roster import FACT, of_project
from toolkit.wiring import Services

CLOUD = """\
[cloud]
provider = "ecs"
awsRegion = "us-east-1"
accountId = "123456789012"

[images]
base = "example.com/base:1"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Served]:
    """`here` runs on this machine, `far` in an account that nobody asks, `near` in another environment of this machine."""
    with made(tmp_path) as served:
        environments = served.directory / "environments"
        environments.mkdir()
        (environments / "production.toml").write_text(CLOUD)
        (environments / "lab.toml").write_text("")
        served.agent("here", "true", 'credentials = ["github_token"]\n')
        served.agent("far", "true", 'environment = "production"\ncredentials = ["github_token"]\n')
        served.agent("near", "true", 'environment = "lab"\n')
        yield served


def loaded(served: Served) -> tuple[Services, Project]:
    services = load_services(served.directory, "local", note=lambda _: None)
    assert services.project is not None
    return services, services.project


def test_each_agent_has_the_runtime_of_its_own_environment(shop: Served) -> None:
    """Records name the environment where it is not the scheduler's."""
    services, project = loaded(shop)
    assert {str(a.name): places.planned(services, a) for a in project.agents} == {
        "here": "local",
        "far": "aws_lambda@production",
        "near": "local@lab",
    }


def test_only_what_runs_on_this_machine_is_made_and_provided_for_here(shop: Served) -> None:
    """The credentials of the others are where a push has put them."""
    services, project = loaded(shop)
    assert sorted(places.made_here(services, project)) == ["here", "near"]
    asked = {str(a.name): len(a.credentials) for a in places.asked_here(services, project).agents}
    assert asked == {"here": 1, "near": 0, "far": 0}


def test_an_environment_that_there_is_not_is_named_with_its_agent(shop: Served) -> None:
    """Before anything begins, with the known ones."""
    shop.config("far", 'environment = "prodction"\n')
    with pytest.raises(ConfigError, match=r"far is to run in prodction: no environment named"):
        shop.start()


def test_what_can_be_no_environment_is_refused_with_its_file(shop: Served) -> None:
    """As every other value."""
    shop.config("far", 'environment = "Über all"\n')
    with pytest.raises(
        ConfigError, match=r"agents/far/config.toml: environment: .*environment name"
    ):
        loaded(shop)


def test_a_project_is_served_where_its_agents_environment_is_its_own(shop: Served) -> None:
    """In production the key means nothing, and in the other environments only production is elsewhere."""
    services = load_services(shop.directory, "production", note=lambda _: None)
    assert services.project is not None
    assert list(places.elsewhere(services, services.project)) == ["lab"]


def test_a_gateway_without_other_environments_leaves_such_agents_alone(shop: Served) -> None:
    """A deployed one cannot reach a laptop: whoever can has their schedules and webhooks."""
    services, project = loaded(shop)
    services.ledger.prepare()
    services.ledger.set_fact(FACT, of_project(project).to_fact())
    deployed = Services(services.context)
    assert sorted(recorded_roster(services).posts) == ["far", "here", "near"]
    assert sorted(recorded_roster(deployed).posts) == ["here"]
    with pytest.raises(NotFound, match=r"production cannot be reached from here"):
        deployed.at("production")


AWS = AwsCloud(region="us-east-1", account="123456789012")
ANY = Environment(name="any", scope=Scope(project="shop", environment="any"), cloud=AWS)


@pytest.mark.parametrize(
    ("cloud", "url", "answers"),
    [
        (None, "http://127.0.0.1:8080", True),
        (replace(AWS, endpoint="http://127.0.0.1:1"), "http://127.0.0.1:8080", True),
        (AWS, "http://127.0.0.1:8080", False),
        (AWS, "http://localhost:8080", False),
        (AWS, "https://al.example.com", True),
    ],
)
def test_a_cloud_reaches_no_address_of_this_machine(
    cloud: AwsCloud | None, url: str, answers: bool
) -> None:
    """A run there would wait for a gateway that never answers; the embedded clouds are this machine."""
    assert answers_in(replace(ANY, cloud=cloud), url) is answers


def test_an_agent_in_another_environment_of_this_machine_runs_with_its_settings(
    shop: Served,
) -> None:
    """One scheduler, one queue; the run is the other environment's, and its lines are read all the same."""
    shop.remove("far")
    shop.config("here", "")
    shop.start()
    run = shop.ended(shop.trigger("near"))
    assert (run.runtime, run.exit_code) == ("local@lab", 0)
    assert "run completed" in shop.ask("GET", f"/api/logs/agents/near/{run.id}").text


@pytest.fixture
def apart(tmp_path: Path) -> tuple[FakeServices, FakeServices, Project]:
    """A scheduler at an address of this machine, production, and an agent with a schedule that runs there."""
    dev = Agent(
        name=AgentName("dev"), directory=tmp_path, instructions="", environment="production",
        schedule="0 12 * * *",
    )  # fmt: skip
    project = Project(name="shop", directory=tmp_path, agents=(dev,))
    here, there = FakeServices(tmp_path, project), FakeServices(tmp_path, project)
    url = {"gateway_url": "http://127.0.0.1:8080"}
    here.__dict__["context"] = replace(here.context, environment=replace(here.environment, **url))
    there.__dict__["context"] = replace(there.context, environment=replace(ANY, name="production"))
    here.__dict__["elsewhere"] = {"production": there.environment}.__getitem__
    here._places["production"] = there
    return here, there, project


def test_what_a_run_elsewhere_cannot_do_is_said_at_the_start(
    apart: tuple[FakeServices, FakeServices, Project],
) -> None:
    """With what would let it."""
    here, _, project = apart
    (note,) = places.notes(here, project)
    assert note.startswith("dev: what runs in production cannot reach http://127.0.0.1:8080")
    assert "[gateway] url" in note


def test_who_else_starts_an_agent_is_said_until_it_is_disabled_there(
    apart: tuple[FakeServices, FakeServices, Project],
) -> None:
    """Two schedulers with two ledgers would each start it."""
    here, there, project = apart
    there.ledger.set_fact("gateway", {"url": "https://al.example.com"})
    assert any("`al pause AGENT -E production`" in note for note in places.notes(here, project))
    switches.disable(there.ledger, "dev")
    assert not any("al pause" in note for note in places.notes(here, project))
