"""Webhook triggers: their sources, their filters, and what was meant."""

from collections.abc import Callable

import pytest

from toolkit.config.triggers import SOURCES

from .conftest import AGENT, Load

Problems = Callable[..., list[str]]
DEV = "agents/dev/config.toml"


def files(kind: str, entry: str) -> dict[str, str]:
    source = f'[webhooks.w]\ntype = "{kind}"\n'
    trigger = f"models = ['m']\n[[webhooks]]\nsource = 'w'\n{entry}\n"
    return {"config.toml": AGENT["config.toml"] + source, DEV: trigger}


FILTERS = [(kind, name) for kind, source in SOURCES.items() for name in sorted(source.filters)]


@pytest.mark.parametrize(("kind", "name"), FILTERS)
def test_every_filter_of_a_type_is_accepted(load: Load, kind: str, name: str) -> None:
    """The validator and the table are the same thing."""
    (trigger,) = load(files(kind, f"{name} = ['x']")).project.agents[0].webhooks
    assert trigger.filters == {name: ["x"]}


@pytest.mark.parametrize(
    ("kind", "wrong", "meant"),
    [
        ("github", "repository", "repos"),
        ("github", "repo", "repos"),
        ("github", "event", "events"),
        ("github", "action", "actions"),
        ("github", "label", "labels"),
        ("github", "branch", "branches"),
        ("linear", "organization", "organizations"),
        ("discord", "guild", "guilds"),
        ("discord", "channel", "channels"),
        ("discord", "command", "commands"),
        ("mintlify", "projects", "repos"),
        ("twitter", "users", "repos"),
        ("sentry", "resource", "resources"),
    ],
)
def test_another_field_is_answered_with_what_was_meant(
    problems: Problems, kind: str, wrong: str, meant: str
) -> None:
    """A filter that is ignored would let everything through."""
    (line,) = problems(files(kind, f"{wrong} = ['x']"))
    expected = f"{DEV}: webhooks[0].{wrong}: is no filter of {kind} → did you mean {meant!r}?"
    assert line == expected


@pytest.mark.parametrize("value", ["3", "[]", "[1]", "true", "{ a = 1 }"])
def test_a_filter_is_text_or_a_list_of_texts(problems: Problems, value: str) -> None:
    """An empty list would match nothing, a number never anything."""
    (line,) = problems(files("github", f"repos = {value}"))
    assert "webhooks[0].repos: must be text or a list of texts" in line


def test_a_trigger_s_source_must_exist(problems: Problems) -> None:
    """With the nearest of those that do."""
    (line,) = problems(files("github", "") | {DEV: "models=['m']\n[[webhooks]]\nsource='ww'\n"})
    assert line.endswith("webhooks[0].source: no webhook source named 'ww' → did you mean 'w'?")


def test_a_source_of_another_type_s_secret_is_refused(problems: Problems) -> None:
    """A GitHub source cannot verify with Linear's secret."""
    source = '[webhooks.w]\ntype = "github"\nlinear_webhook_secret = "x"\n'
    (line,) = problems({"config.toml": AGENT["config.toml"] + source})
    assert "webhooks.w.linear_webhook_secret: is no secret of github" in line


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ('type = "github"', ["github_webhook_secret:default"]),
        ('type = "github"\ncredential = "Org"', ["github_webhook_secret:Org"]),
        (
            'type = "github"\ncredential = "github_webhook_secret:Org"',
            ["github_webhook_secret:Org"],
        ),
        ('type = "slack"\nslack_signing_secret = "S"', ["slack_signing_secret:S"]),
        ('type = "standard-webhooks"', ["standard_webhooks_secret:default"]),
        ('type = "test"', []),
    ],
)
def test_a_source_has_the_secret_of_its_type(load: Load, text: str, secrets: list[str]) -> None:
    """The instance is `default` unless the source names one."""
    config = AGENT["config.toml"] + f"[webhooks.w]\n{text}\n"
    found = load({"config.toml": config}).project.webhook_sources["w"]
    assert found["credentials"] == secrets


def test_a_source_may_be_limited(load: Load, problems: Problems) -> None:
    """Deliveries a minute and address; nothing is limited that does not ask for it."""
    config = AGENT["config.toml"] + '[webhooks.w]\ntype = "github"\n'
    assert "rateLimit" not in load({"config.toml": config}).project.webhook_sources["w"]
    limited = load({"config.toml": f"{config}rateLimit = 60\n"})
    assert limited.project.webhook_sources["w"]["rateLimit"] == 60
    (line,) = problems({"config.toml": f"{config}rateLimit = 0\n"})
    assert "webhooks.w.rateLimit" in line
