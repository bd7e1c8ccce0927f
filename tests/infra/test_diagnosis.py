"""What Pulumi's engine says went wrong becomes an error of ours, with the cloud's own words."""

from typing import Any

import pytest
from pulumi.automation import CommandError, CommandResult, ConcurrentUpdateError
from pulumi.automation.events import EngineEvent

from infra import provider_gcp
from infra.diagnosis import Diagnosis
from infra.provider_aws import meaning_of
from infra.secrets_provider import NOTHING, Protection
from toolkit.core.errors import AccessDenied, AlError, Conflict
from toolkit.core.secrets import Secret

STACK = "urn:pulumi:production::shop::pulumi:pulumi:Stack::shop-production"
ROLE = "urn:pulumi:production::shop::al:aws:Identity$aws:iam/role:Role::al-dev"
DENIED = (
    "sdk-v2/provider2.go:572: creating IAM Role (al-dev): operation error IAM: CreateRole, https response error"
    " StatusCode: 403, api error AccessDenied: User: arn:aws:iam::123456789012:user/ci is not authorized to"
    " perform: iam:CreateRole\n"
)


def said(message: str, urn: str = ROLE, severity: str = "error", **more: Any) -> EngineEvent:
    content = {"message": message, "urn": urn, "severity": severity, **more}
    return EngineEvent.from_json({"diagnosticEvent": content})


def failed(stderr: str = "", stdout: str = "") -> CommandError:
    return CommandError(CommandResult(stdout, stderr, 255))


def diagnosed(*events: EngineEvent) -> Diagnosis:
    diagnosis = Diagnosis(meaning=lambda text: meaning_of(text) or provider_gcp.meaning_of(text))
    for event in events:
        diagnosis.hear(event)
    return diagnosis


def test_a_failure_names_the_resource_and_quotes_the_cloud() -> None:
    """Not Pulumi's table of everything else."""
    diagnosis = diagnosed(said("<{%reset%}>it is taken<{%reset%}>\n"))
    with pytest.raises(AlError) as error, diagnosis.translated("applying", NOTHING):
        raise failed("a long table")
    assert error.value.message == "applying: role al-dev: it is taken"
    assert "the same command again" in error.value.hint


def test_a_refusal_of_aws_is_our_error_for_it_with_its_remedy() -> None:
    """The provider hands AWS's code through; what it means is known in one place."""
    diagnosis = diagnosed(said(DENIED))
    with pytest.raises(AccessDenied, match="iam:CreateRole"), diagnosis.translated("x", NOTHING):
        raise failed()


def test_a_refusal_of_google_is_our_error_for_it_with_its_remedy() -> None:
    """As its provider passes it on: the status, and the API's own sentence."""
    words = "error creating: googleapi: Error 403: Permission 'iam.roles.create' denied on resource, forbidden"
    diagnosis = diagnosed(said(words))
    with pytest.raises(AccessDenied, match=r"iam\.roles\.create") as error, diagnosis.translated("x", NOTHING):  # fmt: skip
        raise failed()
    assert "docs/gcp.md" in error.value.hint


def test_every_failure_is_told_once_and_the_stack_adds_nothing() -> None:
    """Pulumi goes on beside a failure, so there may be several."""
    diagnosis = diagnosed(said("a"), said("b"), said("a"), said("update failed", STACK))
    assert diagnosis.problems == ("role al-dev: a", "role al-dev: b")


def test_of_many_failures_the_first_are_told_and_the_rest_counted() -> None:
    """A missing permission fails for every agent."""
    diagnosis = diagnosed(*(said(f"failure {n}") for n in range(9)))
    with pytest.raises(AlError) as error, diagnosis.translated("applying", NOTHING):
        raise failed()
    assert "failure 4; and 4 more" in error.value.message
    assert "failure 5" not in error.value.message


@pytest.mark.parametrize(
    "event",
    [said("careful", severity="warning"), said("hello", severity="info"), said("", ephemeral=True)],
)
def test_only_errors_are_failures(event: EngineEvent) -> None:
    """Warnings of a provider are not ours to repeat."""
    assert diagnosed(event).problems == ()


def test_without_events_the_last_of_what_was_printed_is_told() -> None:
    """The CLI may fail before its engine starts."""
    with pytest.raises(AlError, match="no credentials for the backend"), Diagnosis().translated("x", NOTHING):  # fmt: skip
        raise failed("error: no credentials for the backend")


def test_a_passphrase_is_in_no_error_whatever_was_printed() -> None:
    """Neither in the message nor in the error that it came from, which a traceback would show."""
    mine = Protection(passphrase=Secret("correct horse"))
    with pytest.raises(AlError) as error, Diagnosis().translated("applying", mine):
        raise failed("panic: PULUMI_CONFIG_PASSPHRASE=correct horse")
    assert error.value.message.endswith("PULUMI_CONFIG_PASSPHRASE=***")
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_another_passphrase_is_told_as_such() -> None:
    """A machine without the variable would otherwise get a riddle."""
    with pytest.raises(AlError, match="is another one") as error, Diagnosis().translated("x", NOTHING):  # fmt: skip
        raise failed("error: getting secrets manager: incorrect passphrase")
    assert "PULUMI_CONFIG_PASSPHRASE" in error.value.hint


def test_a_lock_is_told_with_its_owner() -> None:
    """Whom to ask."""
    lock = "the stack is currently locked by 1 lock(s).\n  s3://b/x.json: created by ci@runner (pid 7) at 2026-11-20T12:00:00Z"
    with pytest.raises(Conflict, match="ci@runner pid 7 since 2026-11-20T12:00:00Z"), Diagnosis().translated("x", NOTHING):  # fmt: skip
        raise ConcurrentUpdateError(CommandResult("", lock, 255))


def test_errors_that_are_not_pulumis_pass_through() -> None:
    """They say already what is to be said."""
    with pytest.raises(Conflict, match="taken"), Diagnosis().translated("x", NOTHING):
        raise Conflict("taken", hint="rename it")
