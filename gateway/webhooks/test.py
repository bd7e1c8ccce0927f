"""Events for trying things out: the body's fields are the event's.  Nothing is signed, so the source must say
`allowUnsigned = true`."""

from toolkit.core.webhook import Payload, Provider, WebhookContext, WebhookRequest

from ._fields import first, names, number, text


def context(request: WebhookRequest, payload: Payload) -> WebhookContext | None:
    copied = ("action", "repo", "title", "body", "url", "author", "assignee", "branch")
    told = {name: text(payload, name) for name in (*copied, "channel", "conclusion", "comment")}
    said = text({"": request.headers.get("x-test-event")}, "")
    return WebhookContext(
        source="test",
        event=first(text(payload, "event"), said) or "test",
        sender=text(payload, "sender") or "test",
        number=number(payload, "number"),
        labels=names(payload, "labels"),
        **told,
    )


PLUGIN = Provider(name="test", marks=frozenset({"x-test-event"}), context=context)
