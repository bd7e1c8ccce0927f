"""Cloud Storage as somebody without `al` sees it: buckets made, filled and listed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from toolkit.clouds.gcp import GcpClients


@dataclass(frozen=True)
class Storage:
    clients: GcpClients

    def make(self, bucket: str, labels: Mapping[str, str] = {}) -> None:
        wanted = {"name": bucket, "location": "EU", "labels": dict(labels)}
        self._ask("POST", f"storage/v1/b?project={self.clients.cloud.project}", json=wanted)

    def put(self, bucket: str, key: str) -> None:
        """A new version of an object; its contents are nobody's business."""
        query = {"uploadType": "media", "name": key}
        self._ask("POST", f"upload/storage/v1/b/{bucket}/o", params=query, content=b"{}")

    def buckets(self) -> list[dict[str, Any]]:
        return list(self._ask("GET", "storage/v1/b")["items"])

    def bucket(self, name: str) -> dict[str, Any]:
        """Its metadata."""
        return self._ask("GET", f"storage/v1/b/{name}")

    def keys(self, bucket: str) -> list[str]:
        """What it holds, one for every version."""
        found = self._ask("GET", f"storage/v1/b/{bucket}/o", params={"versions": "true"})
        return [one["name"] for one in found["items"]]

    def _ask(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        url = f"{self.clients.cloud.http_endpoint}/{path}"
        answer = httpx.request(verb, url, trust_env=False, **more)
        answer.raise_for_status()
        return dict(answer.json())
