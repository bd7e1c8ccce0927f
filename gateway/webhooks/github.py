"""GitHub's webhooks.

Signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
Events: https://docs.github.com/en/webhooks/webhook-events-and-payloads

GitHub signs no time, so an old delivery is known only by its number, which the ledger remembers.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from toolkit.core.secrets import Secret
from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import at, first, items, names, number, text
from ._signing import hex_hmac, same

SIGNATURE = "x-hub-signature-256"
Told = dict[str, Any]


def verify(request: WebhookRequest, secret: Secret, moment: datetime) -> bool:
    return same(request.headers.get(SIGNATURE), f"sha256={hex_hmac(secret, request.body)}")


def delivery(request: WebhookRequest, payload: Payload) -> str | None:
    return request.headers.get("x-github-delivery")


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    """None for a ping, and for what belongs to no repository."""
    event = text({"": request.headers.get("x-github-event")}, "")
    repo = text(payload, "repository", "full_name")
    if event is None or event == "ping" or repo is None:
        return None
    return WebhookContext(
        source="github",
        event=event,
        action=text(payload, "action"),
        repo=repo,
        sender=text(payload, "sender", "login") or "unknown",
        **_READERS.get(event, _other)(payload),
    )


def _thread(thread: Any) -> dict[str, Any]:
    """An issue or a pull request."""
    return {
        "number": number(thread, "number"),
        "title": text(thread, "title"),
        "body": text(thread, "body"),
        "url": text(thread, "html_url"),
        "author": text(thread, "user", "login"),
        "assignee": text(thread, "assignee", "login"),
        "labels": names(thread, "labels"),
    }


def _issues(payload: Payload) -> Told:
    return _thread(at(payload, "issue"))


def _pull_request(payload: Payload) -> Told:
    pull = at(payload, "pull_request")
    return _thread(pull) | {"branch": text(pull, "head", "ref")}


def _issue_comment(payload: Payload) -> Told:
    said = {"comment": text(payload, "comment", "body")}
    return _issues(payload) | said | {"url": text(payload, "comment", "html_url")}


def _review(payload: Payload) -> Told:
    review = at(payload, "review")
    told = {"url": text(review, "html_url"), "body": text(review, "body")}
    return _pull_request(payload) | told


def _push(payload: Payload) -> Told:
    author = at(payload, "head_commit", "author")
    return {
        "branch": (text(payload, "ref") or "").removeprefix("refs/heads/") or None,
        "url": text(payload, "compare"),
        "title": text(payload, "head_commit", "message"),
        "author": first(
            text(author, "username"), text(author, "name"), text(payload, "pusher", "name")
        ),
    }


def _workflow_run(payload: Payload) -> Told:
    run = at(payload, "workflow_run")
    pulls = items(run, "pull_requests")
    return {
        "title": text(run, "name"),
        "branch": text(run, "head_branch"),
        "url": text(run, "html_url"),
        "author": text(run, "actor", "login"),
        "conclusion": text(run, "conclusion"),
        "number": number(pulls[0], "number") if pulls else None,
    }


def _other(payload: Payload) -> Told:
    """Of the many other events: the pull request, issue or discussion that they are about, where there is one."""
    if at(payload, "pull_request"):
        return _pull_request(payload)
    return _thread(at(payload, "issue") or at(payload, "discussion"))


_READERS: Mapping[str, Callable[[Payload], Told]] = {
    "issues": _issues,
    "pull_request": _pull_request,
    "issue_comment": _issue_comment,
    "pull_request_review": _review,
    "push": _push,
    "workflow_run": _workflow_run,
}

PLUGIN = Provider(
    name="github",
    secrets={"github_webhook_secret": ("secret",)},
    signatures=frozenset({SIGNATURE, "x-hub-signature"}),
    marks=frozenset({"x-github-event", "x-github-delivery"}),
    verify=verify,
    delivery=delivery,
    context=context,
)
