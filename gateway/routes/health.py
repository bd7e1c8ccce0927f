"""Whether the gateway is there.  Open to everyone, and says nothing that everyone may not know."""

from fastapi import APIRouter

router = APIRouter()


@router.api_route("/health", methods=["GET", "HEAD"])
def health() -> dict[str, str]:
    return {"status": "ok"}
