"""Resource policies of functions, per qualifier, and who may call a public URL by them.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: a URL made since October 2025 needs both
`lambda:InvokeFunctionUrl` (for its auth type) and `lambda:InvokeFunction` with InvokedViaFunctionUrl.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from .calls import Answer, Call, Refusal
from .handlers import Ask, Handler
from .host import Host

LARGEST = 20 * 1024  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
Key = tuple[str, str]  # function, qualifier ("" for the function itself)


class Permissions:
    """moto keeps one policy for a function and all its versions, without the URL's conditions."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.statements: dict[Key, list[dict[str, Any]]] = {}

    def handlers(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[str, Handler] = {
            "AddPermission": self.add,
            "RemovePermission": self.remove,
            "GetPolicy": self.get,
        }
        return {("lambda", name): handler for name, handler in own.items()}

    def public_url(self, name: str, qualifier: str) -> bool:
        """Whether anybody may call the function through a URL of auth type NONE."""
        granted = {
            s["Action"]
            for s in self.statements.get((name, qualifier), ())
            if s["Principal"] == "*" and s["Effect"] == "Allow" and _through_url(s)
        }
        return {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} <= granted

    def forget(self, name: str) -> None:
        self.statements = {k: v for k, v in self.statements.items() if k[0] != name}

    def add(self, call: Call, _: Ask) -> Answer:
        key, asked = self._key(call), call.parameters
        known = self.statements.setdefault(key, [])
        if any(s["Sid"] == asked["StatementId"] for s in known):
            raise Refusal(
                "ResourceConflictException",
                f"The statement id ({asked['StatementId']}) provided already exists. Please provide a new statement "
                "id, or remove the existing statement.",
                409,
            )
        statement = self._statement(call, key)
        if len(json.dumps([*known, statement])) > LARGEST:
            raise Refusal(
                "PolicyLengthExceededException",
                f"The final policy size is bigger than the limit ({LARGEST}).",
                400,
            )
        known.append(statement)
        return _json({"Statement": json.dumps(statement)}, 201)

    def remove(self, call: Call, _: Ask) -> Answer:
        key, id_ = self._key(call), call.parameters["StatementId"]
        known = self.statements.get(key, [])
        if not any(s["Sid"] == id_ for s in known):
            raise Refusal(
                "ResourceNotFoundException",
                f"Statement {id_} is not found in resource policy.",
                404,
            )
        self.statements[key] = [s for s in known if s["Sid"] != id_]
        return Answer(status=204)

    def get(self, call: Call, _: Ask) -> Answer:
        known = self.statements.get(self._key(call))
        if not known:
            raise Refusal(
                "ResourceNotFoundException", "The resource you requested does not exist.", 404
            )
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": known}
        return _json({"Policy": json.dumps(policy), "RevisionId": str(uuid.uuid4())})

    def _key(self, call: Call) -> Key:
        """Raises moto's error when the function is unknown."""
        given = call.parameters["FunctionName"].split(":function:")[-1]
        name, _, inline = given.partition(":")
        qualifier = inline or call.parameters.get("Qualifier") or ""
        with self._host.cloud.backend("lambda", call.region) as backend:
            backend.get_function(name, qualifier or None)
        if qualifier == "$LATEST":
            raise Refusal(
                "InvalidParameterValueException",
                "We currently do not support adding policies for $LATEST.",
                400,
            )
        return name, qualifier

    def _statement(self, call: Call, key: Key) -> dict[str, Any]:
        asked, (name, qualifier) = call.parameters, key
        arn = f"arn:aws:lambda:{call.region}:{self._host.cloud.account}:function:{name}"
        statement = {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": _principal(asked["Principal"]),
            "Action": asked["Action"],
            "Resource": f"{arn}:{qualifier}" if qualifier else arn,
        }
        conditions = _conditions(asked)
        return {**statement, "Condition": conditions} if conditions else statement


def _conditions(asked: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for operator, key, name in (
        ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
        ("Bool", "lambda:InvokedViaFunctionUrl", "InvokedViaFunctionUrl"),
        ("ArnLike", "AWS:SourceArn", "SourceArn"),
        ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
        ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
        ("StringEquals", "lambda:EventSourceToken", "EventSourceToken"),
    ):
        if asked.get(name) is not None:
            value = str(asked[name])
            found.setdefault(operator, {})[key] = value.lower() if operator == "Bool" else value
    return found


def _through_url(statement: Mapping[str, Any]) -> bool:
    """Whether the statement's conditions are those of a public URL, or none."""
    met = {
        "StringEquals": {"lambda:FunctionUrlAuthType": "NONE"},
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
    }
    return all(
        met.get(operator, {}).get(key) == value
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, value in keys.items()
    )


def _principal(given: str) -> Any:
    if given == "*":
        return "*"
    return {"Service": given} if given.endswith(".amazonaws.com") else {"AWS": given}


def _json(value: object, status: int = 200) -> Answer:
    return Answer(
        status=status,
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(value).encode(),
    )
