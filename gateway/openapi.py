"""The API's description of itself: which answers each route may give, and what it asks of who asks.

Routes name their answers with `answers`; `describe` adds what the middleware answers for all of them.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .auth import OPEN
from .sessions import COOKIE

Schema = Mapping[str, Any]
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "hint": {"type": "string"}},
}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
OBJECT: Schema = {"type": "object"}
GUARDED = (401, 403, 429)  # of the key and the session
ALL = (
    413,
    500,
    502,
    503,
)  # of the body's bound, of a defect, and of a cloud that refuses or is busy
SCHEMES = {
    "key": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}


def listing(items: Schema = OBJECT) -> Schema:
    return {"type": "array", "items": items}


def fields(**schemas: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "required": list(schemas), "properties": schemas}


def body(**schemas: Schema) -> dict[str, Any]:
    """FastAPI's `openapi_extra` for a JSON body, none of whose fields is required by the reader of the body itself."""
    content = {"application/json": {"schema": {"type": "object", "properties": schemas}}}
    return {"requestBody": {"content": content}}


def answers(schema: Schema, *refusals: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses`: 200 with this JSON, and the statuses with which this route may refuse."""
    made: dict[int | str, dict[str, Any]] = {s: _json(s, ERROR) for s in refusals}
    return {200: _json(200, schema), **made}


def describe(app: FastAPI) -> None:
    """Complete the description when it is first asked for."""

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = completed(made)
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """With the answers of the middleware, and without 422: what a client sends is read by hand, and refused with 400."""
    document.get("components", {}).pop("schemas", None)
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        guarded = not OPEN.fullmatch(path)
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            for status in (*(GUARDED if guarded else ()), *ALL):
                responses.setdefault(str(status), _json(status, ERROR))
            operation["security"] = [{name: []} for name in SCHEMES] if guarded else []
    return document


def _json(status: int, schema: Schema) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(schema)}}
    return {"description": HTTPStatus(status).phrase, "content": content}
