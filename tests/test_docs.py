"""The documentation says what is there: its links, commands, keys, routes and examples are held against the product.

`AL_UPDATE_DOCS=1` with pytest writes docs/cli.md anew.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.routes import (
    auth,
    control,
    dashboard,
    health,
    later,
    logs,
    runs,
    stats,
    status_stream,
)
from infra.desired.without_resource import IN_ROLES, OF_OPERATORS, Wide
from tests.cli_reference import reference
from tests.pages import DOCS, PAGES, ROOT, broken, fences, shown, text, wrong_calls
from toolkit.config.agent_schema import AgentConfig, AgentOverride, Hooks, ModelSection, Preflight
from toolkit.config.agent_schema import RuntimeSection as RuntimeTable
from toolkit.config.cloud_schema import Cloud, Images, Pulumi, Server
from toolkit.config.origin import Layer, Merged
from toolkit.config.problems import Findings
from toolkit.config.schema import Config, Forge, Gateway, Local, Telemetry, WebhookSource
from toolkit.config.section import Section, Tidier
from toolkit.config.triggers import SOURCES
from toolkit.config.user import UserConfig
from toolkit.config.validate import validated
from toolkit.llm.providers import PROVIDERS

TABLES: dict[str, type[Section]] = {
    "Top level": Config,
    "Models": ModelSection,
    "Local": Local,
    "Gateway": Gateway,
    "Webhooks": WebhookSource,
    "Telemetry": Telemetry,
    "Forge": Forge,
    "The agent's file": AgentConfig,
    "Hooks": Hooks,
    "Preflight": Preflight,
    "Runtime": RuntimeTable,
    "Cloud": Cloud,
    "Images": Images,
    "Pulumi": Pulumi,
    "Server": Server,
}


# what an example's first line says of it; otherwise it is of the project
FILES: dict[str, type[Section]] = {
    "# agents/": AgentConfig,
    "# ~/.action-llama/config.toml": UserConfig,
}


def rows(heading: str) -> dict[str, str]:
    """Key -> the cell of its default, of the table below a heading of docs/configuration.md."""
    section = re.split(
        rf"^### {re.escape(heading)}$", text(DOCS / "configuration.md"), flags=re.MULTILINE
    )
    table = re.split(r"^##", section[1], flags=re.MULTILINE)[0]
    cells = (line.split(" | ") for line in table.splitlines() if line.startswith("| `"))
    return {row[0].strip("| `"): row[2].strip("| ") for row in cells}


def keys(section: type[Section]) -> set[str]:
    return {info.alias or name for name, info in section.model_fields.items()}


def defaults(section: type[Section]) -> dict[str, str]:
    """Key -> its default in a cell, for those that have a plain one."""
    found = {
        info.alias or name: info.get_default(call_default_factory=True)
        for name, info in section.model_fields.items()
        if not info.is_required()
    }
    return {k: f"`{_plain(v)}`" for k, v in found.items() if isinstance(v, bool | int | str)}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def findings_of(page: Path) -> list[str]:
    """What the loader says against the page's examples in TOML."""
    found = []
    for example in fences(page, "toml"):
        section = next((kind for start, kind in FILES.items() if example.startswith(start)), Config)
        findings = Findings()
        values = Tidier(shown(page), findings).table(tomllib.loads(example), section)
        validated(section, Merged((Layer(name=shown(page), values=values),)), findings)
        found += [str(problem) for problem in findings.errors]
    return found


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading in it."""
    assert list(broken(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_command_exists(page: Path) -> None:
    """What a page tells the reader to type is taken by click: verb, options and arguments."""
    assert wrong_calls(page) == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_example_in_toml_would_be_accepted(page: Path) -> None:
    """A reader may copy them."""
    assert findings_of(page) == []


@pytest.mark.parametrize(("heading", "section"), TABLES.items(), ids=list(TABLES))
def test_the_configuration_page_has_the_keys_of_the_schema(
    heading: str, section: type[Section]
) -> None:
    """No key is missing, and none is there that the loader would refuse."""
    assert set(rows(heading)) == keys(section)


def test_the_configuration_page_has_the_keys_that_only_overrides_have() -> None:
    """`[agents.NAME]` knows more than an agent's own file."""
    assert set(rows("Agents")) == keys(AgentOverride) - keys(AgentConfig)


@pytest.mark.parametrize(("heading", "section"), TABLES.items(), ids=list(TABLES))
def test_the_configuration_page_has_the_defaults_of_the_schema(
    heading: str, section: type[Section]
) -> None:
    """Wherever the schema has a plain default, the page says the same."""
    told = rows(heading)
    assert {key: told[key] for key in defaults(section)} == defaults(section)


def test_the_configuration_page_has_the_filters_of_every_source() -> None:
    """One row for each type of webhook, with its filters."""
    page = text(DOCS / "configuration.md")
    told = re.findall(r"^\| ([\w-]+) \| ((?:`\w+` ?)+) \|$", page, re.MULTILINE)
    assert {name: set(re.findall(r"\w+", cell)) for name, cell in told} == {
        name: set(source.filters) for name, source in SOURCES.items()
    }


def test_the_page_of_commands_is_what_the_program_says_of_itself() -> None:
    """docs/cli.md is generated, and up to date."""
    page = DOCS / "cli.md"
    if os.environ.get("AL_UPDATE_DOCS"):
        page.write_text(reference(), encoding="utf-8")
    assert text(page) == reference()


def test_the_page_of_models_has_every_provider_with_its_variables_and_default() -> None:
    """As the table of the program has them."""
    page = text(DOCS / "models.md")
    missing = [
        name
        for name, known in PROVIDERS.items()
        if not re.search(
            rf"^\| `{name}` \|.*{'.*'.join(map(re.escape, known.key_variables))}"
            rf".*{re.escape(known.default_model or 'none')}",
            page,
            re.MULTILINE,
        )
    ]
    assert missing == []


def test_the_gateway_page_has_every_route() -> None:
    """Also those that answer 503."""
    routes: list[Any] = [r for room in (health, later, logs, runs) for r in room.router.routes]
    page = text(DOCS / "gateway.md")
    assert sorted({r.path for r in routes if r.path not in page}) == []


def test_the_page_of_steering_has_every_route() -> None:
    """Of log-ins, control, status and statistics."""
    rooms = (auth, control, dashboard, stats, status_stream)
    routes: list[Any] = [route for room in rooms for route in room.router.routes]
    page = text(DOCS / "gateway-api.md")
    assert sorted({route.path for route in routes if route.path not in page}) == []


@pytest.mark.parametrize("table", [IN_ROLES, OF_OPERATORS], ids=["roles", "operators"])
def test_the_page_of_permissions_has_the_whole_short_list(table: Mapping[str, Wide]) -> None:
    """Every action that may name all resources, with its reason."""
    page = text(DOCS / "permissions.md")
    assert [a for a, wide in table.items() if f"| `{a}` | {wide.why} |" not in page] == []


def test_pages_that_the_program_names_are_there() -> None:
    """A hint such as `see docs/aws.md` leads somewhere."""
    sources = [p for room in ("toolkit", "gateway", "infra", "runtimes")
               for p in (ROOT / room).rglob("*") if p.suffix in (".py", ".toml")]  # fmt: skip
    named = {name for source in sources for name in re.findall(r"docs/[\w-]+\.md", text(source))}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
