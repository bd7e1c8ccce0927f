"""Whether the gateway is there.  Open to everyone, and says nothing that everyone may not know."""

from fastapi import APIRouter

router = APIRouter()


@router.head("/health", include_in_schema=False)
@router.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
