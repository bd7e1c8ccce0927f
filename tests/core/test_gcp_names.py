"""The names that Google Cloud takes: short, of few characters, and the same on every machine."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.environment import Scope
from toolkit.core.gcp_names import (
    GcpNames,
    annotations_of,
    label,
    labels_of,
    secret_id,
    secret_name,
    tags_of,
)
from toolkit.core.names import GATEWAY

NAMES = GcpNames(Scope(project="shop", environment="production"))
AGENTS = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True).filter(lambda a: len(a) <= 64)
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=30)


@given(AGENTS)
def test_a_job_has_a_name_that_leaves_room_for_its_executions(agent: str) -> None:
    """Letters, digits and hyphens, a letter first, no hyphen last; with `-xxxxx` still under 63 characters
    (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/create)."""
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", NAMES.job(agent))


@given(AGENTS)
def test_a_service_account_has_6_to_30_characters(agent: str) -> None:
    """https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create."""
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", NAMES.service_account(agent))


@pytest.mark.parametrize("agent", ["a", "d"])
def test_a_short_name_without_a_scope_is_lengthened(agent: str) -> None:
    """`al-a` would have four characters."""
    legacy = GcpNames(Scope(project="shop", environment="production", legacy_names=True))
    assert len(legacy.service_account(agent)) >= 6


@given(AGENTS)
def test_no_agent_has_the_gateways_account(agent: str) -> None:
    """Not even one that is called `gateway`."""
    assert NAMES.service_account(agent) != NAMES.service_account(GATEWAY)


@given(st.lists(PARTS, min_size=1, max_size=6))
def test_a_secrets_id_can_be_read_back(parts: list[str]) -> None:
    """Two names never share an id, whatever is in them."""
    name = "/".join(parts)
    assert secret_name(secret_id(name)) == name


@given(st.lists(PARTS, min_size=1, max_size=6))
def test_a_secrets_id_has_only_what_secret_manager_takes(parts: list[str]) -> None:
    """Letters, digits, hyphens and underscores
    (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", secret_id("/".join(parts)))


def test_an_ordinary_credential_keeps_its_readable_name() -> None:
    """The form that the predecessor used."""
    name = "action-llama/shop/production/github_token/default/token"
    assert secret_id(name) == "action-llama--shop--production--github_token--default--token"


def test_a_run_secrets_id_begins_with_its_agents_prefix_and_no_other_agents() -> None:
    """The prefix is what an agent's role is limited to: `dev` must not open what is `dev-ops`'s."""
    id_ = secret_id("action-llama/shop/production/runs/dev-ops/dev-ops-1a2b3c4d-00ff_")
    assert id_.startswith(NAMES.run_secrets("dev-ops"))
    assert not id_.startswith(NAMES.run_secrets("dev"))


@given(st.text(max_size=100))
def test_a_label_is_one(value: str) -> None:
    """https://cloud.google.com/resource-manager/docs/labels-overview#requirements."""
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", label(value))


def test_labels_that_had_to_change_do_not_meet() -> None:
    """`Shop` and `shop` are two projects."""
    assert label("Shop") != label("shop")


def test_tags_survive_as_labels_and_annotations() -> None:
    """Labels to find and to own by, annotations for what a label cannot hold
    (https://cloud.google.com/resource-manager/docs/labels-overview)."""
    tags = {
        "al:project": "Shop",
        "al:run": "dev-1a2b3c4d",
        "al:expires": "2026-11-20T12:00:00.000Z",
    }
    labels, annotations = labels_of(tags), annotations_of(tags)
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", value) for value in labels.values())
    assert set(annotations) == {"al.project", "al.expires"}
    assert tags_of(labels, annotations) == tags


def test_other_peoples_labels_are_no_tags() -> None:
    """Whoever else labels our secrets has keys of their own."""
    assert tags_of({"team": "x", "al-run": "dev-1a2b3c4d"}, {"note": "y"}) == {
        "al:run": "dev-1a2b3c4d"
    }


def test_a_foreign_id_that_is_no_text_is_still_a_name() -> None:
    """Its codes may stand for bytes that are no UTF-8."""
    assert secret_name("a--_xff") == "a/\ufffd"
