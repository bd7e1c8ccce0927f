"""Functions made from images, their URLs, how long their events are tried, and who may call them."""

from collections.abc import Iterable
from typing import Any

from . import Clients, Inputs, Made, by_name

FUNCTION = "aws:lambda/function:Function"
_WAIT = {"Delay": 0.1, "MaxAttempts": 600}  # a minute


class Function:
    """Lambda refuses a change while another is under way, so each waits for its own end
    (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html)."""

    ref = staticmethod(by_name)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made | None:
        service = self._clients("lambda")
        try:
            service.create_function(
                **_configuration(inputs),
                PackageType=inputs["packageType"],
                Code={"ImageUri": inputs["imageUri"]},
                Tags=dict(inputs["tags"]),
            )
        except service.exceptions.ResourceConflictException:
            return None
        return self._settled(inputs["name"])

    def update(self, inputs: Inputs) -> Made:
        service, name = self._clients("lambda"), inputs["name"]
        service.update_function_code(FunctionName=name, ImageUri=inputs["imageUri"])
        self._settled(name)
        service.update_function_configuration(**_configuration(inputs))
        made = self._settled(name)
        service.tag_resource(Resource=made[1]["arn"], Tags=dict(inputs["tags"]))
        return made

    def delete(self, ref: str) -> None:
        service = self._clients("lambda")
        try:
            service.delete_function(FunctionName=ref)
        except service.exceptions.ResourceNotFoundException:
            return

    def present(self, ids: Iterable[str]) -> set[str]:
        pages = self._clients("lambda").get_paginator("list_functions").paginate()
        return set(ids) & {f["FunctionName"] for page in pages for f in page["Functions"]}

    def tags(self, ref: str) -> dict[str, str] | None:
        service = self._clients("lambda")
        try:
            return dict(service.get_function(FunctionName=ref).get("Tags", {}))
        except service.exceptions.ResourceNotFoundException:
            return None

    def _settled(self, name: str) -> Made:
        service = self._clients("lambda")
        for waiter in ("function_active_v2", "function_updated_v2"):
            service.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=_WAIT)
        found = service.get_function_configuration(FunctionName=name)
        return name, {"arn": found["FunctionArn"]}


class FunctionUrl:
    whole = FUNCTION

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        """A URL that is there is kept, because people have its address; moto would give it a new one."""
        service = self._clients("lambda")
        try:
            service.get_function_url_config(FunctionName=inputs["functionName"])
        except service.exceptions.ResourceNotFoundException:
            answer = service.create_function_url_config(**_url(inputs))
            return inputs["functionName"], {"functionUrl": answer["FunctionUrl"]}
        return self.update(inputs)

    def update(self, inputs: Inputs) -> Made:
        answer = self._clients("lambda").update_function_url_config(**_url(inputs))
        return inputs["functionName"], {"functionUrl": answer["FunctionUrl"]}

    def delete(self, ref: str) -> None:
        service = self._clients("lambda")
        try:
            service.delete_function_url_config(FunctionName=ref)
        except service.exceptions.ResourceNotFoundException:
            return

    def of(self, ref: str) -> str:
        return ref


class EventInvokeConfig:
    """Writes over one that is there."""

    whole = FUNCTION

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        self._clients("lambda").put_function_event_invoke_config(
            FunctionName=inputs["functionName"],
            MaximumEventAgeInSeconds=inputs["maximumEventAgeInSeconds"],
            MaximumRetryAttempts=inputs["maximumRetryAttempts"],
        )
        return inputs["functionName"], {}

    update = create

    def delete(self, ref: str) -> None:
        service = self._clients("lambda")
        try:
            service.delete_function_event_invoke_config(FunctionName=ref)
        except service.exceptions.ResourceNotFoundException:
            return

    def of(self, ref: str) -> str:
        return ref


class Permission:
    """Its id is `function/statement`.  A statement cannot be changed and its id is taken once, so it is taken away
    and added again (https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html)."""

    whole = FUNCTION

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create(self, inputs: Inputs) -> Made:
        ref = f"{inputs['function']}/{inputs['statementId']}"
        self.delete(ref)
        self._clients("lambda").add_permission(**_permission(inputs))
        return ref, {}

    update = create

    def delete(self, ref: str) -> None:
        service = self._clients("lambda")
        function, _, statement = ref.partition("/")
        try:
            service.remove_permission(FunctionName=function, StatementId=statement)
        except service.exceptions.ResourceNotFoundException:
            return

    def of(self, ref: str) -> str:
        return ref.partition("/")[0]


def _configuration(inputs: Inputs) -> dict[str, Any]:
    return {
        "FunctionName": inputs["name"],
        "Role": inputs["role"],
        "Timeout": inputs["timeout"],
        "MemorySize": inputs["memorySize"],
        "Environment": {"Variables": dict(inputs["environment"]["variables"])},
    }


def _url(inputs: Inputs) -> dict[str, Any]:
    return {
        "FunctionName": inputs["functionName"],
        "AuthType": inputs["authorizationType"],
        "InvokeMode": inputs["invokeMode"],
    }


def _permission(inputs: Inputs) -> dict[str, Any]:
    optional = {
        "FunctionUrlAuthType": inputs.get("functionUrlAuthType"),
        "InvokedViaFunctionUrl": inputs.get("invokedViaFunctionUrl"),
        "SourceArn": inputs.get("sourceArn"),
    }
    return {
        "FunctionName": inputs["function"],
        "StatementId": inputs["statementId"],
        "Action": inputs["action"],
        "Principal": inputs["principal"],
    } | {key: value for key, value in optional.items() if value is not None}


WHOLES = {FUNCTION: Function}
PARTS = {
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": EventInvokeConfig,
    "aws:lambda/functionUrl:FunctionUrl": FunctionUrl,
    "aws:lambda/permission:Permission": Permission,
}
