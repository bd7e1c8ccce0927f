"""What agents are told of each sender's events."""

from typing import Any

import pytest

from tests.gateway.signing import request
from toolkit.wiring import webhook_provider

HUB: dict[str, Any] = {"repository": {"full_name": "acme/shop"}, "sender": {"login": "ada"}}
PULL = {
    "number": 5,
    "title": "Better",
    "user": {"login": "bob"},
    "head": {"ref": "fix"},
    "labels": [{"name": "bug"}, {"name": "big"}],
}
ALERT = {"title": "Boom", "web_url": "https://sentry.io/1"}
LINEAR = {"action": "create", "organizationId": "org", "actor": {"email": "ada@acme.com"}}
REACTION = {"type": "reaction_added", "reaction": "eyes", "user": "U1", "item": {"channel": "C2"}}

EVENTS: list[tuple[str, dict[str, str], dict[str, Any], dict[str, Any]]] = [
    (
        "github",
        {"x_github_event": "pull_request"},
        HUB | {"action": "opened", "pull_request": PULL},
        {"number": 5, "branch": "fix", "author": "bob", "labels": ["bug", "big"], "sender": "ada"},
    ),
    (
        "github",
        {"x_github_event": "issue_comment"},
        HUB
        | {"issue": PULL, "comment": {"body": "why?", "html_url": "u", "user": {"login": "eve"}}},
        {"number": 5, "comment": "why?", "url": "u", "author": "bob"},
    ),
    (
        "github",
        {"x_github_event": "pull_request_review"},
        HUB | {"pull_request": PULL, "review": {"body": "no", "html_url": "r"}},
        {"number": 5, "body": "no", "url": "r", "branch": "fix"},
    ),
    (
        "github",
        {"x_github_event": "push"},
        HUB
        | {
            "ref": "refs/heads/feature/x",
            "compare": "c",
            "head_commit": {"message": "Fix", "author": {"username": "bob"}},
        },
        {"branch": "feature/x", "url": "c", "title": "Fix", "author": "bob"},
    ),
    (
        "github",
        {"x_github_event": "workflow_run"},
        HUB
        | {
            "workflow_run": {
                "name": "CI",
                "head_branch": "main",
                "actor": {"login": "bob"},
                "conclusion": "failure",
                "pull_requests": [{"number": 5}, {"number": 6}],
            }
        },
        {
            "title": "CI",
            "branch": "main",
            "author": "bob",
            "conclusion": "failure",
            "number": 5,
        },
    ),
    (
        "github",
        {"x_github_event": "discussion"},
        HUB | {"action": "created", "discussion": {"number": 8, "title": "How?"}},
        {"event": "discussion", "action": "created", "number": 8, "title": "How?"},
    ),
    (
        "sentry",
        {"sentry_hook_resource": "event_alert"},
        {"action": "triggered", "data": {"event": ALERT, "triggered_rule": "often"}},
        {"event": "event_alert", "repo": "often", "title": "Boom", "url": "https://sentry.io/1"},
    ),
    (
        "sentry",
        {"sentry_hook_resource": "metric_alert"},
        {"data": {"metric_alert": {"organization": {"slug": "acme"}}, "description_title": "Slow"}},
        {"repo": "acme", "title": "Slow"},
    ),
    (
        "sentry",
        {"sentry_hook_resource": "issue"},
        {"data": {"issue": {"project": {"slug": "web"}, "assignedTo": {"email": "ada@acme.com"}}}},
        {"repo": "web", "assignee": "ada@acme.com"},
    ),
    (
        "sentry",
        {"sentry_hook_resource": "comment"},
        {"actor": {"name": "Ada"}, "data": {"comment": "hm", "project_slug": "web"}},
        {"comment": "hm", "repo": "web", "sender": "Ada"},
    ),
    (
        "linear",
        {},
        LINEAR | {"type": "Issue", "data": {"number": 3, "assignee": {"email": "bob@acme.com"}}},
        {"event": "issues", "repo": "org", "assignee": "bob@acme.com", "sender": "ada@acme.com"},
    ),
    (
        "linear",
        {},
        LINEAR | {"type": "Comment", "data": {"body": "hm", "issue": {"title": "It breaks"}}},
        {"event": "issue_comment", "comment": "hm", "title": "It breaks"},
    ),
    ("linear", {}, LINEAR | {"type": "Project"}, {"event": "project", "action": "create"}),
    (
        "mintlify",
        {},
        {"status": "failed", "project": "docs"},
        {
            "event": "build",
            "action": "failed",
            "repo": "docs",
            "branch": "main",
            "conclusion": "failure",
        },
    ),
    (
        "slack",
        {},
        {"type": "event_callback", "team_id": "T1", "event": REACTION},
        {"event": "reaction_added", "title": "eyes", "comment": "channel:C2", "repo": "T1"},
    ),
    (
        "discord",
        {},
        {"type": 3, "guild_id": "g", "channel_id": "c", "data": {"custom_id": "yes"}},
        {"event": "message_component", "action": "yes", "repo": "g", "branch": "c"},
    ),
    (
        "twitter",
        {},
        {"for_user_id": 9, "favorite_events": [{"user": {"screen_name": "ada"}}, {"user": None}]},
        {"event": "favorite_events", "repo": "9", "sender": "ada"},
    ),
    (
        "standard_webhooks",
        {},
        {"type": "user.created", "data": {"name": "Ada"}},
        {"event": "user.created", "title": "Ada", "source": "standard-webhooks"},
    ),
    (
        "test",
        {},
        {"event": "deploy", "action": "done", "repo": "r", "number": 1, "labels": ["a"]},
        {"event": "deploy", "action": "done", "repo": "r", "number": 1, "labels": ["a"]},
    ),
]


@pytest.mark.parametrize(
    ("name", "headers", "payload", "expected"),
    EVENTS,
    ids=[f"{name}-{n}" for n, (name, *_) in enumerate(EVENTS)],
)
def test_an_event_is_told_in_the_words_that_all_share(
    name: str, headers: dict[str, str], payload: dict[str, Any], expected: dict[str, Any]
) -> None:
    """One shape for all senders, so that one agent can serve several."""
    sent = request(name, payload, **headers)
    context = webhook_provider(name).context(sent, payload)
    assert context is not None
    told = context.to_dict(timestamp="2026-11-20T12:00:00.000Z")
    assert {key: told.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("github", {"action": "opened"}),
        ("github", HUB | {"repository": None}),
        ("linear", {"type": "Issue", "action": "create"}),
        ("linear", {"type": "Issue", "organizationId": "org"}),
        ("mintlify", {"project": "docs"}),
        ("slack", {"type": "app_rate_limited"}),
        ("discord", {"type": 99}),
        ("discord", {"type": [2]}),
        ("twitter", {"for_user_id": "9"}),
        ("standard_webhooks", {"data": {}}),
    ],
)
def test_what_lacks_its_essentials_is_no_event(name: str, payload: dict[str, Any]) -> None:
    """It is answered with success and starts nothing."""
    assert webhook_provider(name).context(request(name, payload), payload) is None


def test_long_texts_are_cut() -> None:
    """4000 characters and three dots: a run's secret holds what the agent is told."""
    payload = HUB | {"issue": {"body": "x" * 4001, "title": "y" * 4000}}
    context = webhook_provider("github").context(request("github", payload), payload)
    assert context is not None
    assert (context.body, context.title) == ("x" * 4000 + "...", "y" * 4000)
