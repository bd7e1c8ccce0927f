"""A key that no header can hold: it is never shown, and nobody is asked with it again and again."""

from pathlib import Path

import pytest

from tests.inside.talks import model, talk
from toolkit.core.agent import Model
from toolkit.core.errors import CredentialError
from toolkit.core.secrets import Secret
from toolkit.llm.candidates import from_variables
from toolkit.llm.keys import in_header
from toolkit.llm.names import TABLE
from toolkit.llm.ollama_server import OllamaServer
from toolkit.llm.probe import probe
from toolkit.llm.resolve import resolve

NOWHERE = "http://127.0.0.1:9"
BROKEN = "sk-0123456789abcdef\n"


@pytest.mark.parametrize("text", ["sk-ant-api03-a_b", "a b", '"quoted"'])
def test_what_a_header_holds_is_a_key(text: str) -> None:
    assert in_header(Secret(text), "openai") == text


@pytest.mark.parametrize("text", ["sk-1\n", "sk-1\r\nX: y", "sk-\u2026", "sk-\x00", "\ufeffsk-1"])
def test_what_no_header_holds_is_refused_by_the_provider_s_name(text: str) -> None:
    """A file's last line break, and what editors and mail programs put in."""
    with pytest.raises(CredentialError, match="the key for openai") as caught:
        in_header(Secret(text), "openai")
    assert "sk-" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("provider", ["anthropic", "openai", "custom", "groq", "ollama"])
def test_a_session_ends_before_its_first_request(tmp_path: Path, provider: str) -> None:
    """With the code of a credential that is wrong, and without a word of it in the log."""
    done = talk(tmp_path, model(NOWHERE, provider=provider, key=BROKEN))
    assert (done.code, "0123456789" in done.text + done.reason) == (10, False)


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"])
def test_nothing_begins_with_it(variable: str) -> None:
    """Wherever it is from: it is seen where a run's models are decided."""
    found = resolve(from_variables({variable: "sk-1\nsk-2"}, TABLE))
    with pytest.raises(CredentialError, match="has a line break"):
        found.bundle()


@pytest.mark.parametrize("provider", ["anthropic", "custom", "ollama"])
def test_a_probe_does_not_quote_it(provider: str) -> None:
    wrong = Model(name="m", provider=provider, model="m", base_url=NOWHERE)
    with pytest.raises(CredentialError, match=f"the key for {provider}"):
        probe(wrong, Secret(BROKEN))


def test_a_look_at_ollama_s_shelf_does_not_quote_it() -> None:
    with pytest.raises(CredentialError, match="the key for ollama"):
        OllamaServer(NOWHERE, Secret(BROKEN)).models()
