"""Which credentials are needed, and that a missing one stops everything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.agent import Agent, AgentName, CredentialRef, Model, Project, WebhookTrigger
from toolkit.core.environment import Environment, Scope
from toolkit.core.errors import ConfigError, CredentialError, UnknownPlugin
from toolkit.core.names import Names
from toolkit.core.ports import Context
from toolkit.core.secrets import Secret
from toolkit.credentials.resolve import fields, project_credentials, required, resolve, resolve_all
from toolkit.credentials.stores.local_files import LocalFiles

Put = Callable[..., None]


def agent(*credentials: str, **more: Any) -> Agent:
    return Agent(
        name=AgentName("dev"),
        directory=Path(),
        instructions="",
        credentials=tuple(map(CredentialRef.parse, credentials)),
        **more,
    )


def model(provider: str, auth_type: str = "api_key") -> Model:
    return Model(name="m", provider=provider, model="x", auth_type=auth_type)


def project(*agents: Agent, **sources: dict[str, Any]) -> Project:
    return Project(name="p", directory=Path(), agents=agents, webhook_sources=sources)


def texts(refs: tuple[CredentialRef, ...]) -> list[str]:
    return [str(ref) for ref in refs]


@pytest.fixture
def store(tmp_path: Path) -> LocalFiles:
    environment = Environment(name="local", scope=Scope(project="p", environment="local"))
    return LocalFiles(Context(environment=environment, home=tmp_path, project=tmp_path))


@pytest.fixture
def put(store: LocalFiles) -> Put:
    def write(*names: str) -> None:
        for name in names:
            store.put(name, Secret(f"value of {name}"), tags={})

    return write


def test_an_agent_needs_what_it_declares_and_its_models_keys() -> None:
    """In order, each once."""
    worker = agent("github_token", models=(model("anthropic"), model("openai"), model("openai")))
    assert texts(required(worker)) == ["github_token", "anthropic_key", "openai_key"]


@pytest.mark.parametrize(
    "free", [model("anthropic", "pi_auth"), model("ollama"), model("custom", "none")]
)
def test_a_model_without_a_key_needs_none(free: Model) -> None:
    """A login of this machine, a local server, a server without keys."""
    assert required(agent(models=(free,))) == ()


def test_a_script_needs_no_model_s_key() -> None:
    """It runs instead of the model."""
    assert required(agent(models=(model("anthropic"),), script=True)) == ()


@pytest.mark.parametrize("name", ["github_webhook_secret", "gateway_api_key", "hetzner_api_key"])
def test_an_agent_cannot_have_the_gateway_s_or_provisioning_s_secrets(name: str) -> None:
    """They would let it forge events, or make machines."""
    with pytest.raises(CredentialError, match="must not reach an agent"):
        required(agent(name))


def test_an_unknown_type_has_a_near_match() -> None:
    """As everywhere."""
    with pytest.raises(UnknownPlugin) as refused:
        required(agent("github_tokn"))
    assert refused.value.hint == "did you mean 'github_token'?"


SIGNED = {"type": "github", "allowUnsigned": False, "credentials": ["github_webhook_secret:Org"]}
TRIGGER = (WebhookTrigger(source="w"),)


def test_a_project_needs_its_agents_and_its_sources() -> None:
    """The union, each once."""
    found = project_credentials(project(agent("aws"), agent("aws", webhooks=TRIGGER), w=SIGNED))
    assert texts(found) == ["aws", "github_webhook_secret:Org"]


def test_an_agent_that_is_off_needs_nothing() -> None:
    """Nor do the sources that only it refers to."""
    found = project_credentials(project(agent("aws", scale=0, webhooks=TRIGGER), w=SIGNED))
    assert texts(found) == []


def test_a_source_that_takes_unsigned_events_needs_no_secret() -> None:
    """The user has said so."""
    source = {**SIGNED, "allowUnsigned": True}
    found = project_credentials(project(agent(webhooks=TRIGGER), w=source))
    assert texts(found) == []


def test_a_source_that_nobody_refers_to_needs_no_secret() -> None:
    """Only what is used is taken along."""
    assert texts(project_credentials(project(agent(), w=SIGNED))) == []


def test_values_come_by_type_instance_and_field(store: LocalFiles, put: Put) -> None:
    """As the files of a run's credentials are named."""
    put("github_token/acme/token", "anthropic_key/default/token", "aws/default/access_key_id")
    found = resolve(agent("github_token:acme", models=(model("anthropic"),)), store)
    assert {name: secret.reveal() for name, secret in found.items()} == {
        "github_token/acme/token": "value of github_token/acme/token",
        "anthropic_key/default/token": "value of anthropic_key/default/token",
    }


def test_an_optional_field_comes_when_it_is_there(store: LocalFiles, put: Put) -> None:
    """And is not missed when it is not."""
    put("x_twitter_api/default/bearer_token", "x_twitter_api/default/api_key")
    assert sorted(resolve(agent("x_twitter_api"), store)) == [
        "x_twitter_api/default/api_key",
        "x_twitter_api/default/bearer_token",
    ]


def test_every_missing_field_is_named_with_its_command(store: LocalFiles, put: Put) -> None:
    """One error for all of them."""
    put("git_ssh/acme/id_rsa")
    with pytest.raises(CredentialError) as refused:
        resolve(agent("github_token", "git_ssh:acme", models=(model("openai"),)), store)
    assert refused.value.message == (
        "missing credentials: github_token:default.token, git_ssh:acme.username, "
        "git_ssh:acme.email, openai_key:default.token"
    )
    assert refused.value.hint == (
        "run `al creds add github_token`, `al creds add git_ssh:acme`, `al creds add openai_key`"
    )


def test_an_empty_value_is_missing(store: LocalFiles) -> None:
    """A file that was touched is not a credential."""
    store.put("github_token/default/token", Secret("  "), tags={})
    with pytest.raises(CredentialError, match=r"github_token:default\.token"):
        resolve(agent("github_token"), store)


def test_no_error_shows_a_value(store: LocalFiles, put: Put) -> None:
    """Not even of the fields that are there."""
    put("git_ssh/default/id_rsa")
    with pytest.raises(CredentialError) as refused:
        resolve(agent("git_ssh"), store)
    assert "value of" not in f"{refused.value}{refused.value.hint}{refused.getrepr()}"


def test_another_store_has_its_own_names(store: LocalFiles) -> None:
    """An environment's store is asked by the environment's names; the answer's keys stay the same."""
    names = Names(Scope(project="p", environment="prod"))
    ref = CredentialRef(type="github_token")
    store.put(names.credential(ref, "token"), Secret("x"), tags={})
    assert list(resolve(agent("github_token"), store, names.credential)) == [
        "github_token/default/token"
    ]


def test_several_references_are_resolved_at_once(store: LocalFiles, put: Put) -> None:
    """What a push takes along."""
    put("github_token/default/token", "gateway_api_key/default/key")
    refs = (CredentialRef(type="github_token"), CredentialRef(type="gateway_api_key"))
    assert sorted(resolve_all(refs, store)) == [
        "gateway_api_key/default/key",
        "github_token/default/token",
    ]


def test_one_credential_s_fields_come_by_their_names(store: LocalFiles, put: Put) -> None:
    """For looking at its values."""
    put("github_token/default/token")
    assert list(fields(CredentialRef(type="github_token"), store)) == ["token"]
    with pytest.raises(CredentialError, match=r"github_token:other\.token"):
        fields(CredentialRef(type="github_token", instance="other"), store)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("github_token", "github_token"),
        (" github_token : acme ", "github_token:acme"),
        ("github_token:", "github_token"),
        ("github_token:default", "github_token"),
        ("cloudflare_origin_cert:agents.example.com", "cloudflare_origin_cert:agents.example.com"),
    ],
)
def test_a_reference_is_read_forgivingly(text: str, shown: str) -> None:
    """Trimmed, split at the first colon, `default` when no instance is named."""
    assert str(CredentialRef.parse(text)) == shown


@settings(deadline=None)
@given(
    kind=st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
    instance=st.from_regex(r"[A-Za-z0-9_@+=][A-Za-z0-9_.@+=-]{0,127}", fullmatch=True),
)
def test_a_reference_stays_itself(kind: str, instance: str) -> None:
    """What is shown can be typed again."""
    ref = CredentialRef.parse(f"{kind}:{instance}")
    assert (ref.type, ref.instance) == (kind, instance)
    assert CredentialRef.parse(str(ref)) == ref


UNSAFE = ["", ":x", "a/b", "a:..", "a:.x", "a:b/c", "a:b c", "A", "a:b\0", "a:-x", "a:" + "x" * 129]


@pytest.mark.parametrize("text", UNSAFE)
def test_what_is_unsafe_in_a_path_is_no_reference(text: str) -> None:
    """Nor what a cloud's secret names would not take."""
    with pytest.raises(ConfigError, match="is not a credential reference"):
        CredentialRef.parse(text)
