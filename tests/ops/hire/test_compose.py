"""The Compose file: what is in it, what is not, and that nothing in it starts by itself."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.hire.forgejo import ForgeState
from tests.ops.hire.project import LOCAL, Shop
from toolkit import __version__
from toolkit.config.load import load_project
from toolkit.core.errors import ConfigError, Conflict, CredentialError
from toolkit.credentials.stores.local_files import LocalFiles
from toolkit.ops import compose
from toolkit.ops.handed import handed_name, take

GOLDEN = Path(__file__).parent / "compose.agents.yaml"
BASE = "registry.example.com/al-base@sha256:0123"


@pytest.fixture
def fleet(shop: Shop, forge: ForgeState) -> Shop:
    """A local agent and a hosted one, with accounts."""
    shop.with_forge(forge)
    shop.hire("dev-qwen", base_url=LOCAL)
    shop.hire("rev", "review", key="sk-ant-rev")
    return shop


def text(shop: Shop, base: str | None = None) -> str:
    return compose.composed(load_project(shop.directory), base=base).text


def document(shop: Shop, base: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text(shop, base))
    return found


def test_the_file_is_as_it_was_agreed(fleet: Shop) -> None:
    """The golden file, to the letter; al's version aside."""
    assert text(fleet).replace(f"al-agent:{__version__}", "al-agent:VERSION") == GOLDEN.read_text()


def test_every_agent_is_a_service_that_only_its_profile_starts(fleet: Shop) -> None:
    """A plain `up` starts nothing."""
    services = document(fleet)["services"]
    profiles = {name: service["profiles"] for name, service in services.items()}
    assert profiles == {"agents-dev-qwen": ["agents-dev-qwen"], "agents-rev": ["agents-rev"]}


def test_no_two_services_share_a_place_a_secret_or_a_network(fleet: Shop) -> None:
    """The project is common, and cannot be written."""
    one, two = document(fleet)["services"].values()
    own = [{v["source"] for v in s["volumes"] if not v["read_only"]} for s in (one, two)]
    assert own[0].isdisjoint(own[1])
    assert set(one["secrets"]).isdisjoint(two["secrets"])
    assert set(one["networks"]).isdisjoint(two["networks"])


def test_a_service_may_do_what_a_container_of_a_run_may(fleet: Shop) -> None:
    """No capability, no new privileges, a read-only root, and limits."""
    service = document(fleet)["services"]["agents-rev"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (service["read_only"], service["pids_limit"]) == (True, 512)
    assert service["mem_limit"] == service["memswap_limit"] == 4 * 1024**3
    assert "ports" not in service
    assert not any("docker.sock" in str(volume) for volume in service["volumes"])


def test_no_value_of_a_credential_is_in_the_file(fleet: Shop) -> None:
    """Only where each is kept."""
    written = text(fleet)
    stored = [p for p in (fleet.home / "credentials").rglob("*") if p.name in ("token", "password")]
    assert [p for p in stored if p.read_text().strip() in written] == []
    files = {one["file"] for one in document(fleet)["secrets"].values()}
    assert "${AL_HOME:-~/.action-llama}/credentials/anthropic_key/rev/token" in files


def test_a_service_has_a_health_check_and_comes_back(fleet: Shop) -> None:
    """One that answers nothing is seen."""
    service = document(fleet)["services"]["agents-rev"]
    assert service["restart"] == "unless-stopped"
    assert "/health" in " ".join(service["healthcheck"]["test"])


def test_the_image_is_pinned(fleet: Shop) -> None:
    """To this version, or to what the project names; one without a digest is told of."""
    assert (
        document(fleet)["services"]["agents-rev"]["image"]
        == f"${{AL_IMAGE:-al-agent:{__version__}}}"
    )
    assert document(fleet, BASE)["services"]["agents-rev"]["image"] == BASE
    project = load_project(fleet.directory)
    assert compose.composed(project, base=BASE).notes == ()
    (note,) = compose.composed(project, base="al-base:latest").notes
    assert "is not pinned" in note


def test_a_server_that_its_container_cannot_reach_is_told(shop: Shop) -> None:
    """The machine's loopback is not the container's."""
    shop.hire("dev", base_url="http://localhost:8081")
    (note,) = compose.composed(load_project(shop.directory), base=None).notes
    assert "http://host.docker.internal:8081" in note


def test_hiring_writes_a_file_that_is_there_anew(fleet: Shop) -> None:
    """And makes none where nobody uses Compose."""
    assert not (fleet.directory / compose.FILE).exists()
    compose.write(fleet.directory, text(fleet))
    fleet.hire("third", base_url=LOCAL)
    assert "agents-third" in yaml.safe_load(fleet.read(compose.FILE))["services"]


def test_a_file_of_somebody_else_is_not_overwritten(fleet: Shop) -> None:
    """It says how to get ours."""
    fleet.write(compose.FILE, "services: {}\n")
    with pytest.raises(Conflict):
        compose.write(fleet.directory, text(fleet))
    assert fleet.read(compose.FILE) == "services: {}\n"


def test_without_hired_agents_there_is_no_file(shop: Shop) -> None:
    """Nor an empty one that looks healthy."""
    shop.write("agents/plain/SKILL.md", "Work.")
    shop.write("agents/plain/test-script.sh", "true")
    with pytest.raises(ConfigError, match="no hired agent"):
        text(shop)


def store(root: Path) -> LocalFiles:
    return LocalFiles(None, root=root)  # type: ignore[arg-type] # with a root it asks for nothing else


def test_what_is_handed_to_a_container_is_what_its_agent_gets(tmp_path: Path) -> None:
    """One file for each field; an instance may have dots."""
    names = ("forge_bot/dev-qwen/token", "custom_key/gpu.1/token")
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / handed_name(name)).write_text(f"value of {name}\n")
    made = store(tmp_path / "out")
    assert take(tmp_path / "in", made) == 2
    assert [found.reveal() for name in names if (found := made.get(name))] == [
        f"value of {name}" for name in names
    ]


def test_a_handed_file_that_is_no_credential_is_refused(tmp_path: Path) -> None:
    """With its name, and without its content."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "password").write_text("hunter2")
    with pytest.raises(CredentialError, match="in/password is no credential") as refused:
        take(tmp_path / "in", store(tmp_path / "out"))
    assert not re.search("hunter2", refused.value.message + refused.value.hint)
