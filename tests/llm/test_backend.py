"""Which server a model occupies, by whatever address, and how many sessions it bears."""

from typing import Any

import pytest

from toolkit.core.agent import Model
from toolkit.llm.addresses import Reach, normalised, reach_of
from toolkit.llm.backend import Backend, backends_of

HERE = "http://127.0.0.1:8081"


def model(provider: str = "custom", url: str | None = HERE, **more: Any) -> Model:
    return Model(name="m", provider=provider, model="m", base_url=url, **more)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8081",
        "http://LOCALHOST:8081/",
        "http://127.0.0.1:8081/v1",
        "http://127.0.0.1:8081/v1/",
        "http://[::1]:8081",
        "http://0.0.0.0:8081",
        "http://localhost.:8081",
        "http://host.docker.internal:8081/v1",
        "HTTP://api.localhost:8081",
    ],
)
def test_one_server_is_one_backend_however_it_is_written(url: str) -> None:
    """Names of this machine, case, and what stands at the end."""
    assert backends_of([model(url=url)]) == (Backend(id=HERE, limit=1),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://gpu", "http://gpu:80/v1"),
        ("https://GPU.example", "https://gpu.example:443/"),
        ("http://[fd00::1]:1", "http://[FD00::1]:1/"),
    ],
)
def test_default_ports_need_not_be_written(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    "other",
    ["http://127.0.0.1:8082", "http://10.0.0.2:8081", "https://127.0.0.1:8081", f"{HERE}/gpu-2/v1"],
)
def test_different_servers_stay_apart(other: str) -> None:
    """Another port, another machine, and another server behind one proxy."""
    assert normalised(other) != HERE


def test_what_a_provider_hosts_has_no_limit() -> None:
    """At its own address, whether it is written or not."""
    assert backends_of([model("anthropic", None), model("openai", None)]) == ()
    assert backends_of([model("anthropic", "https://api.anthropic.com/v1")]) == ()


def test_a_hosted_provider_at_another_address_is_a_server_of_ones_own() -> None:
    """A proxy, or a server at home that speaks Anthropic's API."""
    assert backends_of([model("anthropic", HERE)]) == (Backend(id=HERE, limit=1),)


def test_ollama_without_an_address_is_on_this_machine() -> None:
    assert backends_of([model("ollama", None)]) == (Backend(id="http://127.0.0.1:11434", limit=1),)


def test_a_limit_that_is_said_counts_for_hosted_ones_too() -> None:
    """`maxParallel`, as files and tables of free options write it."""
    assert backends_of([model(options={"max_parallel": 4})]) == (Backend(id=HERE, limit=4),)
    (hosted,) = backends_of([model("anthropic", None, options={"maxParallel": 2})])
    assert hosted == Backend(id="https://api.anthropic.com:443", limit=2)


def test_a_name_stands_for_all_addresses_of_a_server() -> None:
    """`backendId`, for what no look at the addresses can tell."""
    options = {"backend_id": "gpu-1"}
    both = [model(options=options), model(url="http://gpu.local:8081", options=options)]
    assert backends_of(both) == (Backend(id="gpu-1", limit=1),)


def test_one_login_bears_one_session() -> None:
    """It is renewed while it is used; each agent's own login is another one."""
    shared = model("anthropic", None, auth_type="oauth_token")
    own = model("anthropic", None, auth_type="oauth_token", key_instance="dev")
    assert backends_of([shared]) == (Backend(id="login:anthropic_key", limit=1),)
    assert backends_of([own]) == (Backend(id="login:anthropic_key:dev", limit=1),)


def test_every_model_that_a_session_may_change_to_counts() -> None:
    """In one order, each server once, with the smallest limit that is said."""
    found = backends_of(
        [
            model(url="http://z:1"),
            model(options={"max_parallel": 3}),
            model("anthropic", None),
            model(url="http://localhost:8081/v1", options={"max_parallel": 2}),
        ]
    )
    assert found == (Backend(id=HERE, limit=2), Backend(id="http://z:1", limit=1))


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://localhost:1", Reach.LOOPBACK),
        ("http://127.8.8.8", Reach.LOOPBACK),
        ("http://[::ffff:127.0.0.1]:1", Reach.LOOPBACK),
        ("http://192.168.1.4", Reach.PRIVATE),
        ("http://[fe80::1%25eth0]:1", Reach.PRIVATE),
        ("http://169.254.169.254", Reach.PRIVATE),
        ("http://100.101.102.103:11434", Reach.PRIVATE),
        ("http://nas.fritz.home.arpa", Reach.PRIVATE),
        ("http://gpu", Reach.PRIVATE),
        ("https://models.example.com", Reach.PUBLIC),
        ("http://8.8.8.8", Reach.PUBLIC),
    ],
)
def test_an_address_says_who_reaches_it(url: str, reach: Reach) -> None:
    assert reach_of(url) is reach
