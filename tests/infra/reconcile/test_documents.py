"""Policy documents by what they mean: no phantom differs, and no difference is overlooked."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from infra.reconcile.documents import deleted_principals, parsed, same

ALLOW = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"],
    "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
}
OTHER = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}


def document(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


def changed(**elements: Any) -> dict[str, Any]:
    """The document with these elements of its first statement."""
    return document({**ALLOW, **elements}, OTHER)


WAYS = {
    "statements in another order": document(OTHER, ALLOW),
    "actions in another order": changed(Action=["s3:PutObject", "s3:GetObject"]),
    "actions in another case": changed(Action=["S3:getobject", "s3:PUTOBJECT"]),
    "an action twice": changed(Action=[*ALLOW["Action"], "s3:GetObject"]),
    "resources in another order": changed(Resource=["arn:aws:s3:::b/*", "arn:aws:s3:::a/*"]),
    "a list of one": document(ALLOW, {**OTHER, "Action": ["s3:DeleteObject"], "Resource": ["*"]}),
    "a condition key in another case": changed(
        Condition={"StringEquals": {"AWS:sourceaccount": ["123456789012"]}}
    ),
    "a statement twice": document(ALLOW, OTHER, ALLOW),
    "an id": document(ALLOW, OTHER, Id="made-by-the-console"),
}
DIFFERENCES = {
    "an action": changed(Action=["s3:GetObject"]),
    "a resource in another case": changed(Resource=["arn:aws:s3:::A/*", "arn:aws:s3:::b/*"]),
    "an effect": changed(Effect="Deny"),
    "a condition": changed(Condition={}),
    "a condition's operator": changed(
        Condition={"StringLike": {"aws:SourceAccount": "123456789012"}}
    ),
    "a condition's value": changed(
        Condition={"StringEquals": {"aws:SourceAccount": "210987654321"}}
    ),
    "a statement's name": changed(Sid="Write"),
    "a statement": document(ALLOW),
    "NotAction instead of Action": document(
        ALLOW, {"Effect": "Deny", "NotAction": "s3:DeleteObject", "Resource": "*"}
    ),
    "an older version": {"Statement": [ALLOW, OTHER]},
    "nothing at all": None,
    "text that is no document": "{}",
}


@pytest.mark.parametrize("way", WAYS)
def test_another_way_of_writing_means_the_same(way: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"""
    assert same(document(ALLOW, OTHER), WAYS[way])
    assert same(WAYS[way], document(ALLOW, OTHER))


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_another_meaning_is_a_difference(difference: str) -> None:
    """Whatever changes who may do what is seen."""
    assert not same(document(ALLOW, OTHER), DIFFERENCES[difference])
    assert not same(DIFFERENCES[difference], document(ALLOW, OTHER))


def test_nothing_is_the_same_as_nothing() -> None:
    """A policy that is absent on both sides is no drift."""
    assert same(None, None)


def test_truth_is_a_word_in_conditions() -> None:
    """JSON's true and IAM's "true"
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)."""
    spoken = changed(Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert same(spoken, changed(Condition={"Bool": {"aws:SecureTransport": True}}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"AWS": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}),
        ("*", {"AWS": "*"}),
        ({"Service": "a.amazonaws.com"}, {"Service": ["a.amazonaws.com"]}),
    ],
)
def test_principals_have_several_names(one: Any, other: Any) -> None:
    """IAM writes an account as its root user, and a list of one as one
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    assert same(document({**trust, "Principal": one}), document({**trust, "Principal": other}))


@pytest.mark.parametrize("encode", [json.dumps, lambda d: quote(json.dumps(d)), lambda d: d])
def test_documents_arrive_encoded(encode: Any) -> None:
    """As RFC 3986 text, which botocore decodes where it knows of it
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html)."""
    assert parsed(encode(document(ALLOW))) == document(ALLOW)


def test_ids_of_deleted_principals_are_told_from_names() -> None:
    """Roles' and users' ids, wherever in the document; no account, no service, no ARN
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html)."""
    principals = ["AROA1234567890EXAMPLE", "123456789012", "arn:aws:iam::123456789012:role/AROAX"]
    trust = document(
        {"Principal": {"AWS": principals, "Service": "lambda.amazonaws.com"}},
        {"NotPrincipal": {"AWS": "AIDA1234567890EXAMPLE"}},
    )
    assert deleted_principals(trust) == ("AIDA1234567890EXAMPLE", "AROA1234567890EXAMPLE")
    assert deleted_principals("{}") == ()
