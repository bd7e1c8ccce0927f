"""Routes of the API that come later, as data: each answers 503 with the reason, so that no client takes silence for success."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

PAGES = "this version has no web pages and no chat yet: see /api/docs and `al stat`"

LATER: tuple[tuple[str, str, str], ...] = (
    ("POST", "/api/logs/agents/{agent}/{run}/summarize", PAGES),
    ("GET POST DELETE", "/api/chat/{rest:path}", PAGES),
    *(
        ("GET", page, PAGES)
        for page in ("/", "/login", "/activity", "/stats", "/triggers", "/jobs")
    ),
    *(
        ("GET", page, PAGES)
        for page in ("/dashboard", "/dashboard/{rest:path}", "/chat/{rest:path}")
    ),
)


def _refusal(reason: str) -> JSONResponse:
    hint = "the CHANGELOG says what each version brings"
    return JSONResponse({"error": reason, "hint": hint}, status_code=503)


def _route(router: APIRouter, methods: str, path: str, reason: str) -> None:
    def refuse() -> JSONResponse:
        return _refusal(reason)

    router.add_api_route(path, refuse, methods=methods.split(), include_in_schema=False)


router = APIRouter()
for _methods, _path, _reason in LATER:
    _route(router, _methods, _path, _reason)
