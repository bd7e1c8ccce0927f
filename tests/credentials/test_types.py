"""The laws of every credential type, and the offline checks."""

import json
import re

import pytest

from toolkit.core import registry
from toolkit.core.credential import CredentialType
from toolkit.core.secrets import Secret

NAMES = registry.names("credential")
# what the predecessor gave to agents' tools; users' instructions rely on these names
VARIABLES = {
    "github_token": {"GITHUB_TOKEN", "GH_TOKEN"},
    "sentry_token": {"SENTRY_AUTH_TOKEN"},
    "linear_token": {"LINEAR_API_TOKEN"},
    "linear_oauth": {
        "LINEAR_CLIENT_ID",
        "LINEAR_CLIENT_SECRET",
        "LINEAR_ACCESS_TOKEN",
        "LINEAR_REFRESH_TOKEN",
    },
    "bugsnag_token": {"BUGSNAG_AUTH_TOKEN"},
    "netlify_token": {"NETLIFY_AUTH_TOKEN"},
    "mintlify_token": {"MINTLIFY_API_TOKEN"},
    "slack_bot_token": {"SLACK_BOT_TOKEN"},
    "discord_bot": {"DISCORD_APPLICATION_ID", "DISCORD_PUBLIC_KEY", "DISCORD_BOT_TOKEN"},
    "forge_bot": {"FORGE_URL", "FORGE_USER", "FORGE_TOKEN", "FORGE_PASSWORD"},
    "reddit_oauth": {
        "REDDIT_CLIENT_ID",
        "REDDIT_CLIENT_SECRET",
        "REDDIT_USERNAME",
        "REDDIT_PASSWORD",
        "REDDIT_USER_AGENT",
    },
    "x_twitter_api": {
        "X_CONSUMER_KEY",
        "X_CONSUMER_SECRET",
        "X_BEARER_TOKEN",
        "X_API_KEY",
        "X_API_SECRET",
        "X_ACCESS_TOKEN",
        "X_ACCESS_TOKEN_SECRET",
    },
    "x_twitter_user_oauth1": {"X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"},
    "x_twitter_user_oauth2": {
        "X_OAUTH2_CLIENT_ID",
        "X_OAUTH2_CLIENT_SECRET",
        "X_OAUTH2_ACCESS_TOKEN",
        "X_OAUTH2_REFRESH_TOKEN",
    },
    "aws": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"},
    "gcp_service_account": {"GOOGLE_APPLICATION_CREDENTIALS_JSON"},
}
NEVER_INJECTED = {
    "forge_admin",
    "github_webhook_secret",
    "sentry_client_secret",
    "linear_webhook_secret",
    "mintlify_webhook_secret",
    "slack_signing_secret",
    "standard_webhooks_secret",
    "gateway_api_key",
    "vultr_api_key",
    "hetzner_api_key",
    "cloudflare_api_token",
    "vps_ssh",
    "cloudflare_origin_cert",
    "pulumi_passphrase",
}
WITHOUT_VARIABLES = {
    "git_ssh",
    "anthropic_key",
    "openai_key",
    "groq_key",
    "google_key",
    "xai_key",
    "mistral_key",
    "openrouter_key",
    "custom_key",
}


def find(name: str) -> CredentialType:
    found: CredentialType = registry.find("credential", name)
    return found


def complaints(name: str, **values: str) -> list[str]:
    check = find(name).check
    assert check is not None
    return check({field: Secret(value) for field, value in values.items()})


def test_every_type_is_accounted_for() -> None:
    """A new type is put into one of the three groups."""
    assert set(NAMES) == VARIABLES.keys() | NEVER_INJECTED | WITHOUT_VARIABLES


@pytest.mark.parametrize("name", NAMES)
def test_a_type_is_named_after_its_file(name: str) -> None:
    """The reference in an agent's configuration is the file's name."""
    assert find(name).id == name


@pytest.mark.parametrize("name", NAMES)
def test_a_type_can_be_shown_and_asked_for(name: str) -> None:
    """It has a label, fields with labels, and something that is required."""
    kind = find(name)
    assert kind.label
    assert kind.required
    assert all(field.label for field in kind.fields)


@pytest.mark.parametrize("name", NAMES)
def test_a_field_s_name_suits_every_place_where_it_is_kept(name: str) -> None:
    """A path, and secrets' names of both clouds: no hyphen, so that none ends like an ARN."""
    assert all(re.fullmatch(r"[a-z0-9_]{1,64}", field.name) for field in find(name).fields)


@pytest.mark.parametrize("name", NAMES)
def test_fields_and_variables_are_unique_and_known(name: str) -> None:
    """Two fields never share a variable, and an alias stands for a field that exists."""
    kind = find(name)
    names = [field.name for field in kind.fields]
    variables = [field.env for field in kind.fields if field.env] + list(kind.aliases)
    assert len(set(names)) == len(names)
    assert len(set(variables)) == len(variables)
    assert set(kind.aliases.values()) <= set(names)


@pytest.mark.parametrize("name", NAMES)
def test_every_type_has_a_secret_field(name: str) -> None:
    """Otherwise it is configuration."""
    assert any(field.secret for field in find(name).fields)


@pytest.mark.parametrize(("name", "variables"), VARIABLES.items())
def test_agents_find_the_variables_that_they_know(name: str, variables: set[str]) -> None:
    """The predecessor's names, and a sentence for the agent about them."""
    kind = find(name)
    assert set(kind.environment) == variables
    assert kind.inject
    assert kind.context


# field -> variable, where the name of the one does not end the other
OTHERWISE = {
    "github_token": {"token": {"GITHUB_TOKEN", "GH_TOKEN"}},
    "sentry_token": {"token": {"SENTRY_AUTH_TOKEN"}},
    "linear_token": {"token": {"LINEAR_API_TOKEN"}},
    "bugsnag_token": {"token": {"BUGSNAG_AUTH_TOKEN"}},
    "netlify_token": {"token": {"NETLIFY_AUTH_TOKEN"}},
    "mintlify_token": {"token": {"MINTLIFY_API_TOKEN"}},
    "slack_bot_token": {"token": {"SLACK_BOT_TOKEN"}},
    "forge_bot": {
        "url": {"FORGE_URL"},
        "username": {"FORGE_USER"},
        "token": {"FORGE_TOKEN"},
        "password": {"FORGE_PASSWORD"},
    },
    "gcp_service_account": {"key_json": {"GOOGLE_APPLICATION_CREDENTIALS_JSON"}},
}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_each_variable_holds_the_field_that_it_is_named_after(name: str) -> None:
    """X_CONSUMER_SECRET is consumer_secret; and no field of a type with variables is left without one."""
    kind = find(name)
    named: dict[str, set[str]] = {}
    for variable, field in kind.environment.items():
        named.setdefault(field, set()).add(variable)
    by_name = {
        field.name: {v for v in VARIABLES[name] if v.endswith(f"_{field.name.upper()}")}
        for field in kind.fields
    }
    assert named == OTHERWISE.get(name, by_name)


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_an_agent_is_told_the_names_of_its_variables(name: str) -> None:
    """Its instructions need them: each is named, or its beginning with a star."""
    kind = find(name)
    told = re.findall(r"[A-Z][A-Z0-9_]+\*?", kind.context)
    starts = tuple(word.removesuffix("*") for word in told if word.endswith("*"))
    untold = {v for v in kind.environment if v not in told and not v.startswith(starts or ("-",))}
    assert untold <= {"FORGE_PASSWORD"}  # which is for git, and git knows it


@pytest.mark.parametrize("name", sorted(NEVER_INJECTED))
def test_the_gateway_s_and_provisioning_s_own_reach_no_agent(name: str) -> None:
    """No variable, whatever their fields say."""
    assert find(name).inject is False
    assert find(name).environment == {}


@pytest.mark.parametrize("name", sorted(WITHOUT_VARIABLES))
def test_keys_of_models_are_in_the_secret_but_in_no_variable(name: str) -> None:
    """The session reads them; the agent's tools do not see them."""
    assert find(name).inject is True
    assert find(name).environment == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_complaint_shows_a_value(name: str) -> None:
    """Complaints are printed."""
    check = find(name).check or (lambda values: [])
    secret = "hunter2"
    found = check({field.name: Secret(secret) for field in find(name).fields})
    assert secret not in " ".join(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_copes_with_missing_fields(name: str) -> None:
    """Updating one field hands in only that one."""
    check = find(name).check or (lambda values: [])
    assert isinstance(check({}), list)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("openai_key", "sk-1", "pk-1"),
        ("groq_key", "gsk_1", "sk-1"),
        ("xai_key", "xai-1", "sk-1"),
        ("openrouter_key", "sk-or-1", "sk-1"),
    ],
)
def test_a_key_of_another_provider_is_noticed(name: str, good: str, bad: str) -> None:
    """By its beginning."""
    assert complaints(name, token=good) == []
    assert len(complaints(name, token=bad)) == 1


@pytest.mark.parametrize("name", ["linear_webhook_secret", "slack_signing_secret"])
def test_a_short_webhook_secret_is_noticed(name: str) -> None:
    """Eight characters are the least."""
    assert complaints(name, secret="x" * 8) == []
    assert complaints(name, secret="x" * 7) == ["secret has 7 characters instead of at least 8"]


def test_an_aws_key_has_its_lengths() -> None:
    """16 to 128 characters, and at least 40."""
    assert complaints("aws", access_key_id="A" * 16, secret_access_key="s" * 40) == []
    assert len(complaints("aws", access_key_id="A" * 129, secret_access_key="s" * 39)) == 2


@pytest.mark.parametrize(("name", "field"), [("git_ssh", "id_rsa"), ("vps_ssh", "private_key")])
def test_a_public_key_is_not_a_private_one(name: str, field: str) -> None:
    """The wrong file is easily picked."""
    assert complaints(name, **{field: "-----BEGIN OPENSSH PRIVATE KEY-----"}) == []
    assert len(complaints(name, **{field: "ssh-ed25519 AAAA"})) == 1


KEY = {"type": "service_account", "private_key": "k", "client_email": "e", "project_id": "p"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(KEY), []),
        ("{", ["key_json is not JSON"]),
        ("[]", ["key_json is not the key of a service account"]),
        (json.dumps({"type": "user"}), ["key_json is not the key of a service account"]),
        (json.dumps({**KEY, "private_key": ""}), ["key_json has no private_key"]),
    ],
)
def test_a_google_key_file_is_whole(text: str, expected: list[str]) -> None:
    """It is a service account's, with all three parts."""
    assert complaints("gcp_service_account", key_json=text) == expected


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        (("consumer_key", "consumer_secret"), True),
        (("api_key", "api_secret"), True),
        (("consumer_key", "api_secret"), False),
        ((), False),
    ],
)
def test_an_x_application_has_one_whole_pair(fields: tuple[str, ...], good: bool) -> None:
    """Today's names, or the older ones."""
    assert (complaints("x_twitter_api", **dict.fromkeys(fields, "x")) == []) is good
