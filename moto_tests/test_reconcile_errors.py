"""What IAM refuses, as our errors, through the one place that all its calls are made in."""

import pytest

from infra.reconcile.iam import PATIENCE, Iam
from moto_tests.answers import answer, refusal
from tests.fakes import FakeClock
from toolkit.clouds.aws import clients_for, cloud_of, code_of
from toolkit.core.errors import AlError, AlreadyExists, Conflict, LimitExceeded, NotFound, Throttled
from toolkit.core.ports import Context

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and its neighbours
REFUSALS = {
    "EntityAlreadyExists": (AlreadyExists, "choose another name"),
    "NoSuchEntity": (NotFound, "run `al push`"),
    "DeleteConflict": (Conflict, "remove what uses it first"),
    "LimitExceeded": (LimitExceeded, "Service Quotas"),
    "MalformedPolicyDocument": (AlError, "the message says which setting"),
    "UnmodifiableEntity": (AlError, "action named above"),
    "InvalidInput": (AlError, "the message says which setting"),
}
PASSING = {
    "ConcurrentModification": Conflict,
    "EntityTemporarilyUnmodifiable": Conflict,
    "Throttling": Throttled,
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_said_at_once(aws_context: Context, code: str) -> None:
    """With AWS's words, the role, and what to do; never tried again."""
    kind, hint = REFUSALS[code]
    iam, clock = an_iam(aws_context)
    seen = answer(client_of(aws_context), "PutRolePolicy", refusal(code, "no"))
    with pytest.raises(kind, match="IAM put role policy, dev: no") as caught:
        iam.call("put_role_policy", RoleName="dev", PolicyName="grants", PolicyDocument="hunter2")
    assert (code_of(caught.value), len(seen), clock.monotonic()) == (code, 1, 0)
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_waited_for(aws_context: Context, code: str) -> None:
    """Again and again for a minute; what has not passed by then is said."""
    iam, clock = an_iam(aws_context)
    seen = answer(client_of(aws_context), "DeleteRole", *[refusal(code, "later")] * 1000)
    with pytest.raises(PASSING[code]):
        iam.call("delete_role", RoleName="dev")
    assert len(seen) > 3
    assert PATIENCE / 2 < clock.monotonic() <= PATIENCE


def an_iam(context: Context) -> tuple[Iam, FakeClock]:
    clock = FakeClock()
    return Iam(clients_for(cloud_of(context.environment)), clock.sleep, clock.monotonic), clock


def client_of(context: Context) -> object:
    return clients_for(cloud_of(context.environment)).client("iam")
