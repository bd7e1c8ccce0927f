"""From variables, flags, files and stored keys to one bundle: the cases that users meet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from toolkit.core.agent import Model
from toolkit.core.errors import ConfigError, CredentialError
from toolkit.core.secrets import Secret
from toolkit.llm.bundle import Resolution
from toolkit.llm.candidates import (
    Flags,
    Rank,
    from_flags,
    from_model,
    from_stored,
    from_user,
    from_variables,
)
from toolkit.llm.names import TABLE
from toolkit.llm.providers import Provider
from toolkit.llm.resolve import resolve

CLAUDE = {"ANTHROPIC_API_KEY": "sk-ant-1"}
SONNET = Model(
    name="sonnet",
    provider="anthropic",
    model="claude-sonnet-4-5",
    options={"max_tokens": 5, "context_window": 9, "top_p": 0.5},
    origin="config.toml [models.sonnet]",
)
GPU = Model(
    name="gpu", provider="custom", model="qwen", base_url="http://gpu:8081", origin="config.toml"
)


def resolved(
    variables: Mapping[str, str] = {},
    flags: Flags = Flags(),  # noqa: B008 - frozen
    model: Model | None = None,
    stored: Mapping[str, str] = {},
    user: Mapping[str, Any] = {},
) -> Resolution:
    found = [*from_flags(flags, TABLE), *from_variables(variables, TABLE)]
    found += from_model(model) if model else ()
    found += from_user(user, "the user's file", TABLE)
    keys = {name: Secret(text) for name, text in stored.items()}
    refs = {name: provider.stored_key for name, provider in TABLE.providers.items()}
    return resolve([*found, *from_stored(keys, refs, "stored")])


def said(found: Resolution, name: str) -> tuple[Any, str]:
    return found.choices[name].value, found.choices[name].origin


def refused(found: Resolution) -> str:
    with pytest.raises(ConfigError) as caught:
        found.bundle()
    return caught.value.message


# the smart default


def test_without_anything_it_is_ollama() -> None:
    """No key, no file, no variable: a model on this machine."""
    found = resolved()
    assert said(found, "provider") == ("ollama", "default: no API key found")
    assert found.bundle().model == "qwen2.5-coder:7b"
    assert found.key_state == "not needed"


def test_a_key_alone_means_its_provider() -> None:
    """With a model of the provider's."""
    found = resolved(CLAUDE)
    assert said(found, "provider") == ("anthropic", "default: key found in ANTHROPIC_API_KEY")
    bundle = found.bundle()
    assert bundle.model == "claude-sonnet-5-5"
    assert (bundle.auth_type, bundle.key is not None) == ("api_key", True)


def test_a_stored_key_means_its_provider_too() -> None:
    """`al creds add groq_key` is enough."""
    found = resolved(stored={"groq": "gsk_1"})
    assert said(found, "provider") == ("groq", "default: key found in groq_key, stored")


def test_an_empty_variable_is_not_set() -> None:
    """As shells leave them."""
    found = resolved({"LLM_PROVIDER": "", "LLM_MODEL": "  ", "ANTHROPIC_API_KEY": ""})
    assert found.provider.name == "ollama"


def test_a_friendly_name_and_its_id_are_both_kept() -> None:
    """What was asked for, and what is sent."""
    bundle = resolved(CLAUDE, Flags(model="claude-sonnet-4.5")).bundle()
    assert (bundle.name, bundle.model) == ("claude-sonnet-4.5", "claude-sonnet-4-5-20250929")


# who wins


def test_a_flag_beats_the_variable_and_the_key_is_not_passed_on() -> None:
    """The key of the other provider is neither used nor needed."""
    found = resolved({**CLAUDE, "LLM_PROVIDER": "anthropic"}, Flags(provider="ollama"))
    assert said(found, "provider") == ("ollama", "--llm-provider")
    assert found.bundle().key is None
    assert "key (ANTHROPIC_API_KEY: it is for anthropic)" in found.notes[0]


def test_a_variable_beats_the_files() -> None:
    """What they gave for their provider goes with it."""
    found = resolved({"LLM_PROVIDER": "ollama"}, model=SONNET)
    bundle = found.bundle()
    assert (bundle.model, bundle.options) == ("qwen2.5-coder:7b", {})
    assert "claude-sonnet-4-5 (config.toml [models.sonnet]: it is for anthropic)" in found.notes[0]


def test_our_own_variable_beats_the_plain_one_and_says_so() -> None:
    """Two tools may want different models on one machine."""
    found = resolved({"AL_LLM_MODEL": "qwen3:8b", "LLM_MODEL": "llama3.2"})
    assert found.bundle().model == "qwen3:8b"
    assert found.notes == ("AL_LLM_MODEL is used, and LLM_MODEL differs",)


def test_another_model_of_the_same_provider_keeps_its_limits_and_not_its_window() -> None:
    """The window and the options stood beside the other model."""
    bundle = resolved(CLAUDE, Flags(model="claude-opus-4.5"), SONNET).bundle()
    assert (bundle.model, bundle.options) == ("claude-opus-4-5-20251101", {"max_tokens": 5})


def test_a_configured_model_is_the_bundle_of_its_own_files() -> None:
    """Nothing said elsewhere: as it is, with its key."""
    bundle = resolved(model=SONNET, stored={"anthropic": "sk-ant-2", "openai": "sk-3"}).bundle()
    assert bundle.as_model().options == {"max_tokens": 5, "context_window": 9, "top_p": 0.5}
    assert bundle.key is not None
    assert bundle.key.reveal() == "sk-ant-2"


def test_the_key_of_the_environment_beats_the_stored_one() -> None:
    key = resolved(CLAUDE, model=SONNET, stored={"anthropic": "sk-ant-2"}).bundle().key
    assert key is not None
    assert key.reveal() == "sk-ant-1"


def test_a_login_of_anthropic_is_known_by_its_beginning() -> None:
    """It is sent as a bearer."""
    bundle = resolved({"ANTHROPIC_API_KEY": "sk-ant-oat01-x"}).bundle()
    assert bundle.auth_type == "oauth_token"


def test_the_user_s_own_settings_come_before_the_default() -> None:
    user = {"provider": "ollama", "model": "qwen3:8b", "max_tokens": 7}
    bundle = resolved(CLAUDE, user=user).bundle()
    assert (bundle.provider.name, bundle.model, bundle.options) == (
        "ollama",
        "qwen3:8b",
        {"max_tokens": 7},
    )


@pytest.mark.parametrize(
    ("model", "used"), [("qwen3:8b", "qwen3:8b"), ("claude-opus-4.8", None), ("brain-9", None)]
)
def test_a_variable_that_names_no_provider_counts_for_the_one_that_a_flag_names(
    model: str, used: str | None
) -> None:
    """An address of a server without keys, a limit, and a model whose name says that it can be meant."""
    variables = {"LLM_BASE_URL": "http://gpu:11434", "LLM_MODEL": model, "AL_LLM_MAX_TOKENS": "7"}
    bundle = resolved(variables, Flags(provider="ollama"), SONNET).bundle()
    assert (bundle.base_url, bundle.options) == ("http://gpu:11434", {"max_tokens": 7})
    assert bundle.model == (used or "qwen2.5-coder:7b")


def test_a_setting_of_the_user_s_that_does_not_fit_is_for_other_runs() -> None:
    """It is not told each time."""
    found = resolved(CLAUDE, model=SONNET, user={"model": "qwen3:8b", "base_url": "http://gpu"})
    assert (found.bundle().model, found.notes) == ("claude-sonnet-4-5", ())


# what contradicts itself stops, with both origins


@pytest.mark.parametrize(
    ("variables", "flags", "model", "words"),
    [
        (
            {"LLM_PROVIDER": "ollama"},
            Flags(model="claude-opus-4"),
            None,
            "claude-opus-4 (--llm-model) is no model of ollama (LLM_PROVIDER)",
        ),
        (
            CLAUDE,
            Flags(model="gpt-4o"),
            SONNET,
            "gpt-4o (--llm-model) is no model of anthropic (config.toml [models.sonnet])",
        ),
        (
            {"LLM_PROVIDER": "groq", "LLM_MODEL": "openai:gpt-4o"},
            Flags(),
            None,
            "openai:gpt-4o (LLM_MODEL) is no model of groq (LLM_PROVIDER)",
        ),
        (
            {},
            Flags(provider="ollama", anthropic_key=Secret("sk-ant-1")),
            None,
            "--anthropic-key is given, and the provider is ollama (--llm-provider)",
        ),
        (
            {**CLAUDE, "LLM_BASE_URL": "http://gpu:8081"},
            Flags(),
            SONNET,
            (
                "LLM_BASE_URL does not say whose server it is, and the provider is anthropic "
                "(config.toml [models.sonnet])"
            ),
        ),
    ],
)
def test_a_contradiction_names_both_origins(
    variables: Mapping[str, str], flags: Flags, model: Model | None, words: str
) -> None:
    """Before anything is asked of anybody."""
    assert refused(resolved(variables, flags, model)) == words


def test_a_contradiction_below_the_provider_that_wins_is_none() -> None:
    """It is dropped with everything else of that place."""
    variables = {"LLM_PROVIDER": "ollama", "LLM_MODEL": "anthropic:claude-opus-4", **CLAUDE}
    assert resolved(variables, Flags(provider="anthropic")).bundle().provider.name == "anthropic"


def test_a_model_that_nobody_knows_needs_a_provider() -> None:
    """The error shows the form, and the families that are known."""
    with pytest.raises(ConfigError, match="'brain-9'") as caught:
        resolved({"LLM_MODEL": "brain-9"}).bundle()
    assert "PROVIDER:MODEL" in caught.value.hint
    assert "xai, mistral" in caught.value.hint
    assert "claude (anthropic)" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("antropic:claude-9", "did you mean 'anthropic'?"), ("bogus:thing", "use one of: anthropic")],
)
def test_a_provider_that_there_is_not_is_no_part_of_a_model_s_name(typed: str, hint: str) -> None:
    """A hosted provider would answer that it knows no such model."""
    found = resolved(CLAUDE, Flags(model=typed), SONNET)
    assert refused(found).startswith(f"{typed} (--llm-model): no LLM provider named ")
    assert found.problems[0].hint.startswith(hint)


@pytest.mark.parametrize(
    ("variables", "model"),
    [
        ({"LLM_PROVIDER": "ollama"}, "mine:v2"),
        ({"LLM_BASE_URL": "http://gpu:8081"}, "mine:v2"),
        ({"LLM_PROVIDER": "openrouter", "OPENROUTER_API_KEY": "k"}, "meta/any-70b:free"),
        ({"OPENAI_API_KEY": "k"}, "ft:gpt-4o-mini:acme::1a2b"),
        ({"LLM_PROVIDER": "openai", "OPENAI_API_KEY": "k"}, "openai:ft:gpt-4o:acme::1a2b"),
    ],
)
def test_a_colon_may_be_a_part_of_a_name(variables: Mapping[str, str], model: str) -> None:
    """Tags of servers of one's own, OpenRouter's variants, and what was tuned at OpenAI."""
    bundle = resolved(variables, Flags(model=model)).bundle()
    assert bundle.model == model.removeprefix("openai:")


def test_a_missing_key_names_its_variable_and_the_way_without() -> None:
    with pytest.raises(CredentialError, match="openai needs a key") as caught:
        resolved({"LLM_PROVIDER": "openai"}).bundle()
    assert caught.value.hint == (
        "set OPENAI_API_KEY, or `al creds add openai_key`; without a key: --llm-provider ollama"
    )


@pytest.mark.parametrize("url", ["gpu:11434", "ftp://gpu", "http://", "http://me:s3cret@gpu"])
def test_an_address_that_cannot_be_used_names_its_setting(url: str) -> None:
    """And a password in it is not repeated."""
    found = resolved({"LLM_PROVIDER": "ollama", "LLM_BASE_URL": url})
    assert "LLM_BASE_URL" in refused(found)
    assert "s3cret" not in found.line() + refused(found)


def test_a_custom_server_needs_an_address_and_a_model() -> None:
    """It has no default for either."""
    found = resolved({"LLM_PROVIDER": "custom"})
    assert [problem.message for problem in found.problems] == [
        "there is no model of custom, which has no default (LLM_PROVIDER)",
        "there is no address of the custom server (LLM_PROVIDER)",
    ]


# addresses and keys of servers of one's own


def test_an_address_alone_is_that_of_ollama() -> None:
    """As the default says, at another place."""
    bundle = resolved({"LLM_BASE_URL": "http://gpu:11434"}).bundle()
    assert (bundle.provider.name, bundle.base_url) == ("ollama", "http://gpu:11434")


def test_an_address_with_a_model_of_no_family_is_a_server_of_one_s_own() -> None:
    variables = {"LLM_BASE_URL": "http://gpu:8081/v1", "LLM_MODEL": "unsloth/Thing-35B"}
    bundle = resolved({**variables, **CLAUDE}).bundle()
    assert (bundle.provider.name, bundle.model, bundle.key) == ("custom", "unsloth/Thing-35B", None)


def test_a_proxy_is_named_beside_its_provider() -> None:
    """Then the key goes there, and any model may be behind it."""
    variables = {"LLM_PROVIDER": "openai", "LLM_BASE_URL": "https://proxy.example/v1"}
    more = {"OPENAI_API_KEY": "sk-1", "LLM_MODEL": "claude-opus-4"}
    bundle = resolved({**variables, **more}).bundle()
    assert (bundle.base_url, bundle.model) == ("https://proxy.example/v1", "claude-opus-4")


def test_a_stored_key_of_a_server_is_not_shown_to_another() -> None:
    """LLM_BASE_URL leads elsewhere than the file for which the key was stored."""
    found = resolved({"LLM_BASE_URL": "http://other:1"}, model=GPU, stored={"custom": "k"})
    assert found.bundle().key is None
    assert "not shown to another server" in found.notes[0]
    assert resolved(model=GPU, stored={"custom": "k"}).bundle().key is not None


def test_a_server_that_wants_no_key_gets_none() -> None:
    """authType none: another server's stored key stays where it is."""
    found = resolved(model=replace(GPU, auth_type="none"), stored={"custom": "k"})
    assert (found.bundle().key, found.bundle().auth_type) == (None, "none")


def test_a_key_of_nobody_in_particular_needs_a_provider_beside_it() -> None:
    """AL_LLM_API_KEY may be anybody's."""
    alone = resolved({"AL_LLM_API_KEY": "k"}, model=SONNET)
    assert alone.key_state == "missing"
    assert "AL_LLM_API_KEY: nothing beside it says whose key it is" in alone.notes[0]
    beside = resolved({"AL_LLM_API_KEY": "k", "LLM_PROVIDER": "anthropic"}, model=SONNET)
    assert beside.key_state == "set"


# what is said, and what a container gets


def test_a_run_says_which_model_and_why() -> None:
    assert resolved({"LLM_BASE_URL": "http://gpu:11434"}).line() == (
        "llm: provider=ollama (default: no API key found)  "
        "model=qwen2.5-coder:7b (default for ollama)  "
        "base_url=http://gpu:11434 (LLM_BASE_URL)  key=not needed"
    )


def test_the_run_itself_comes_before_flags() -> None:
    """A place of its own, above all others."""
    told = [*from_flags(Flags(provider="groq"), TABLE)]
    told += from_flags(Flags(provider="xai", rank=Rank.RUN), TABLE)
    assert resolve(told).provider.name == "xai"


def test_a_provider_of_the_user_s_is_a_custom_one_in_the_container() -> None:
    """Which has no table but ours: it gets the address and whose API it is."""
    corp = Provider(name="corp", api="anthropic", base_url="https://llm.corp", of_user=True,
                    key_variables=("CORP_KEY",), default_model="big")  # fmt: skip
    table = TABLE.with_more(providers={"corp": corp}, friendly={}, families={})
    found = resolve(from_variables({"LLM_PROVIDER": "corp", "CORP_KEY": "k"}, table), table)
    model = found.bundle().as_model()
    assert (model.provider, model.wire, model.base_url, model.model) == (
        "custom",
        "anthropic",
        "https://llm.corp",
        "big",
    )


def test_a_price_of_the_user_s_goes_with_the_model() -> None:
    """By the name that was asked for or by the id; the model's own price is nearer."""
    price = {"input": 1.0, "output": 2.0}
    table = TABLE.with_more(
        providers={}, friendly={}, families={}, prices={"qwen2.5-coder:7b": price}
    )
    found = [*from_flags(Flags(provider="ollama", model="qwen2.5-coder"), table)]
    assert resolve(found, table).bundle().options == {"price": price}
    own = Model(name="m", provider="ollama", model="qwen2.5-coder", options={"price": {"input": 9}})
    assert resolve([*from_model(own)], table).bundle().options == {"price": {"input": 9}}
