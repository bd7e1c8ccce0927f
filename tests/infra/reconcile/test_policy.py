"""The evaluator's laws, each with AWS's page about it.  What cannot be decided never grants."""

import json
from typing import Any

import pytest

from infra.reconcile.policy import Need, Who, admits, allowed, mentions, possible

GET = Need(action="s3:GetObject", resource="arn:aws:s3:::b/k")
CURRENT = "2012-10-17"


def document(*statements: dict[str, Any], version: str | None = CURRENT) -> str:
    whole = [{"Effect": "Allow", "Action": "*", "Resource": "*", **s} for s in statements]
    return json.dumps({**({"Version": version} if version else {}), "Statement": whole})


def without(key: str, **more: Any) -> str:
    """A document whose statement lacks `key`, and says `more` instead."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", **more}
    statement.pop(key)
    return json.dumps({"Version": CURRENT, "Statement": statement})


EVERYTHING = document({})
DENY_S3 = document({"Effect": "Deny", "Action": "s3:*"})


@pytest.mark.parametrize(
    ("documents", "verdict"),
    [
        ([], False),
        ([EVERYTHING], True),
        ([EVERYTHING, DENY_S3], False),
        ([DENY_S3, EVERYTHING], False),
        ([DENY_S3], False),
    ],
)
def test_an_explicit_deny_wins_and_nothing_is_allowed_by_default(
    documents: list[str], verdict: bool
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html."""
    assert allowed(documents, GET) is verdict


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("s3:GetObject", True),
        ("S3:getobject", True),
        ("s3:get*", True),
        ("s3:Ge?Object", True),
        (["s3:PutObject", "s3:GetObject"], True),
        ("s3:Put*", False),
        ("s3:GetObjec", False),
        ("s3", False),
    ],
)
def test_actions_are_told_apart_without_case(action: Any, verdict: bool) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html."""
    assert allowed([document({"Action": action})], GET) is verdict


def test_not_action_is_everything_else() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html."""
    assert allowed([without("Action", NotAction="s3:Put*")], GET)
    assert not allowed([without("Action", NotAction=["s3:Put*", "s3:Get*"])], GET)


@pytest.mark.parametrize(
    ("pattern", "resource", "verdict"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::B/k", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::[b]/k", "arn:aws:s3:::b/k", False),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/x.jpg", True),
        ("arn:aws:logs:r:1:log-group:a*", "arn:aws:logs:r:1:log-group:a-b:log-stream:c", True),
        ("arn:aws:logs:r:1:log-group:a*:log-stream:c", "arn:aws:logs:r:1:log-group:a:x:log-stream:c", True),
        ("arn:aws:iam::*x:role/r", "arn:aws:iam::1:role/x:role/r", False),
        ("arn:aws:logs:r:1:log-group:a:*", "arn:aws:logs:r:1:log-group:a-b:log-stream:c", False),
        ("arn:aws:secretsmanager:r:1:secret:n-??????", "arn:aws:secretsmanager:r:1:secret:n-AbCdEf", True),
        ("arn:aws:secretsmanager:r:1:secret:n-??????", "arn:aws:secretsmanager:r:1:secret:n-more-AbCdEf", False),
    ],
)  # fmt: skip
def test_resources_have_case_and_two_wildcards(pattern: str, resource: str, verdict: bool) -> None:
    """A wildcard at the end of a segment reaches over colons, one within may not, and brackets are brackets
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html)."""
    need = Need(action="s3:GetObject", resource=resource)
    assert allowed([document({"Resource": pattern})], need) is verdict


def test_not_resource_is_everything_else() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html."""
    assert allowed([without("Resource", NotResource="arn:aws:s3:::c/*")], GET)
    assert not allowed([without("Resource", NotResource="arn:aws:s3:::b/*")], GET)


def test_a_boundary_gives_nothing_and_takes_what_it_does_not_allow() -> None:
    """Both must allow (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""
    reads = document({"Action": "s3:Get*"})
    assert allowed([EVERYTHING], GET, boundary=[reads])
    assert not allowed([EVERYTHING], Need(action="s3:PutObject"), boundary=[reads])
    assert not allowed([], GET, boundary=[reads])
    assert not allowed([EVERYTHING], GET, boundary=[EVERYTHING, DENY_S3])


UNDECIDABLE = {"StringSounds": {"aws:color": "red"}}


def test_an_undecidable_allow_grants_nothing_and_an_undecidable_deny_denies() -> None:
    """Unknown things never grant: an operator that nobody knows, on either side."""
    assert not allowed([document({"Condition": UNDECIDABLE})], GET)
    assert not allowed([EVERYTHING, document({"Effect": "Deny", "Condition": UNDECIDABLE})], GET)
    assert possible([document({"Condition": UNDECIDABLE})], GET)
    assert possible([EVERYTHING, document({"Effect": "Deny", "Condition": UNDECIDABLE})], GET)


def test_an_action_without_resource_needs_all_of_them() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html."""
    need = Need(action="ecr:GetAuthorizationToken")
    assert allowed([EVERYTHING], need)
    assert not allowed([document({"Resource": "arn:aws:ecr:r:1:repository/*"})], need)


# variables


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("arn:aws:s3:::b/${aws:username}", True),
        ("arn:aws:s3:::b/${AWS:UserName}", True),
        ("arn:aws:s3:::b/${aws:userid}", False),
        ("arn:aws:s3:::b/${aws:userid, 'k'}", True),
        ("arn:aws:s3:::${aws:starry}/k", False),
        ("arn:aws:s3:::b/${aws:many}", False),
    ],
)
def test_a_variable_is_what_the_request_says_or_it_grants_nothing(text: str, verdict: bool) -> None:
    """One that is not there has its default or resolves to nothing, and one with several values is none
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html)."""
    keys = {"aws:username": ["k"], "aws:starry": ["*"], "aws:many": ["k", "l"]}
    need = Need(action="s3:GetObject", resource="arn:aws:s3:::b/k", keys=keys)
    assert allowed([document({"Resource": text})], need) is verdict


def test_a_variable_that_is_not_known_denies() -> None:
    """Whom a Deny is about may be the very one who asks (same page)."""
    deny = document({"Effect": "Deny", "Resource": "arn:aws:s3:::b/${aws:userid}"})
    assert not allowed([EVERYTHING, deny], GET)


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_older_documents_know_no_variables(version: str | None) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html."""
    keys = {"aws:username": ["k"]}
    need = Need(action="s3:GetObject", resource="arn:aws:s3:::b/k", keys=keys)
    text = {"Resource": "arn:aws:s3:::b/${aws:username}"}
    assert not allowed([document(text, version=version)], need)
    condition = {"Condition": {"StringEquals": {"aws:username": "${aws:username}"}}}
    assert allowed([document(condition)], need)
    assert not allowed([document(condition, version=version)], need)


# who may come in


def trust(**statement: Any) -> str:
    whole = {"Effect": "Allow", "Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": CURRENT, "Statement": [whole]})


LAMBDA = Who(kind="Service", name="lambda.amazonaws.com")
ANN = Who(kind="AWS", name="arn:aws:iam::111122223333:user/ann")


@pytest.mark.parametrize(
    ("principal", "who", "verdict"),
    [
        ({"Service": "lambda.amazonaws.com"}, LAMBDA, True),
        ({"Service": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]}, LAMBDA, True),
        ({"Service": "ecs-tasks.amazonaws.com"}, LAMBDA, False),
        ({"Service": "*.amazonaws.com"}, LAMBDA, False),
        ({"AWS": "lambda.amazonaws.com"}, LAMBDA, False),
        ("*", LAMBDA, True),
        ("*", ANN, True),
        ({"AWS": "*"}, ANN, True),
        ({"AWS": "111122223333"}, ANN, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, ANN, True),
        ({"AWS": "arn:aws:iam::444455556666:root"}, ANN, False),
        ({"AWS": "arn:aws:iam::111122223333:user/ann"}, ANN, True),
        ({"AWS": "arn:aws:iam::111122223333:user/*"}, ANN, False),
        ({"AWS": "AROAEXAMPLE"}, ANN, False),
        (None, ANN, False),
    ],
)
def test_a_trust_policy_lets_in_whom_it_names(principal: Any, who: Who, verdict: bool) -> None:
    """Names are whole names; an account stands for all that it lets
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""
    document = trust(**({"Principal": principal} if principal else {}))
    assert admits(document, who, Need(action="sts:AssumeRole")) is verdict


def test_a_trust_policy_of_another_action_lets_nobody_in() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    tagging = trust(Principal="*", Action="sts:TagSession")
    assert not admits(tagging, LAMBDA, Need(action="sts:AssumeRole"))


def test_a_condition_of_a_trust_policy_counts() -> None:
    """The confused deputy is kept out by the account that a service works for
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html)."""
    ours = trust(Principal="*", Condition={"StringEquals": {"aws:SourceAccount": "1"}})
    assert admits(ours, LAMBDA, Need(action="sts:AssumeRole", keys={"aws:sourceaccount": ["1"]}))
    assert not admits(
        ours, LAMBDA, Need(action="sts:AssumeRole", keys={"aws:sourceaccount": ["2"]})
    )
    assert not admits(ours, LAMBDA, Need(action="sts:AssumeRole"))


def test_not_principal_denies_all_others() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html."""
    both = json.dumps({"Version": CURRENT, "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "NotPrincipal": {"AWS": ANN.name}, "Action": "*", "Resource": "*"},
    ]})  # fmt: skip
    bob = Who(kind="AWS", name="arn:aws:iam::111122223333:user/bob")
    assert admits(both, ANN, GET)
    assert not admits(both, bob, GET)


# what might be


def test_possible_takes_every_condition_for_met_that_is_not_known() -> None:
    """A request has more keys than we know (its address, its time), so a proof must not count on their absence."""
    home = document({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}})
    assert not allowed([home], GET)
    assert possible([home], GET)
    assert not possible([home], Need(action="s3:GetObject", keys={"aws:sourceip": ["11.1.1.1"]}))
    assert not possible([home], Need(action="s3:GetObject", keys={"aws:sourceip": []}))


def test_possible_judges_all_that_a_pattern_stands_for() -> None:
    """One thing of another's that can be reached is one too many."""
    one_of_them = document({"Resource": "arn:aws:s3:::b/agents/x/0*"})
    theirs = Need(action="s3:GetObject", resource="arn:aws:s3:::b/agents/x/*")
    assert possible([one_of_them], theirs)
    assert not allowed([one_of_them], theirs)
    assert allowed([document({"Resource": "arn:aws:s3:::b/agents/*"})], theirs)
    assert not possible([document({"Resource": "arn:aws:s3:::b/agents/x-y/*"})], theirs)


def test_a_deny_of_a_part_proves_nothing() -> None:
    """What is denied for some requests is possible for the others."""
    theirs = Need(action="s3:GetObject", resource="arn:aws:s3:::b/*")
    some = document({"Effect": "Deny", "Resource": "arn:aws:s3:::b/0*"})
    assert possible([EVERYTHING, some], theirs)
    assert not possible(
        [EVERYTHING, document({"Effect": "Deny", "Resource": "arn:aws:s3:::b*"})], theirs
    )


def test_a_service_is_mentioned_by_what_may_allow_some_of_it() -> None:
    """Also by everything but something else."""
    assert mentions([document({"Action": "s3:GetObject"})], "s3")
    assert mentions([without("Action", NotAction="iam:*")], "s3")
    assert not mentions([document({"Action": "iam:*"}), DENY_S3], "s3")
