"""Google's APIs.  In the embedded cloud all are there, and none can be turned off."""

from collections.abc import Iterable

from toolkit.sandbox.resources import Inputs, Made

from . import Google


class Api:
    def __init__(self, google: Google) -> None:
        self._google = google

    @staticmethod
    def ref(inputs: Inputs) -> str:
        return str(inputs["service"])

    def create(self, inputs: Inputs) -> Made:
        return self.ref(inputs), {}

    update = create

    def delete(self, ref: str) -> None:
        """It stays enabled, as `disableOnDestroy` = false says."""

    def present(self, ids: Iterable[str]) -> set[str]:
        return set(ids)

    def tags(self, ref: str) -> dict[str, str] | None:
        return None


WHOLES = {"gcp:projects/service:Service": Api}
PARTS: dict[str, type] = {}
