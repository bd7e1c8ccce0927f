"""Every kind of thing that a Google Cloud project holds of an environment, made without the inventory; and a picture of
all that is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud import artifactregistry_v1, run_v2, secretmanager_v1
from google.cloud.firestore_admin_v1 import FirestoreAdminClient
from google.cloud.firestore_v1.services.firestore import FirestoreClient

from infra import state_bucket_gcp as state_bucket
from infra.desired.gcp import RUNS
from infra.desired.gcp_marks import mark
from moto_tests.gcp.deployed import Console
from moto_tests.gcp.run_world import CloudRun
from moto_tests.gcp.storage_world import Storage
from toolkit.clouds.gcp import GcpClients
from toolkit.core.gcp_names import GcpNames, labels_of, secret_id
from toolkit.core.names import Names

KINDS = (
    *("execution", "run_service", "job", "image_repository", "secret", "service_account"),
    *("custom_role", "bucket", "database"),
)
SLEEPS = "import time\ntime.sleep(600)"
SERVES = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"here")
    def log_message(self, *_): pass
http.server.HTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
"""


@dataclass(frozen=True)
class World:
    """The contract's World on the embedded Google cloud."""

    run: CloudRun
    clients: GcpClients
    names: Names

    @property
    def google(self) -> GcpNames:
        return GcpNames(self.names.scope)

    @property
    def console(self) -> Console:
        return Console(self.clients.cloud)

    def called(self, kind: str) -> str:
        return {
            "execution": self.google.job("dev"),
            "job": self.google.job("dev"),
            "run_service": self.google.service,
            "image_repository": self.google.repository,
            "secret": f"{self.names.secrets}github_token/default/token",
            "service_account": self.google.service_account("dev"),
            "custom_role": self.google.role(RUNS),
            "bucket": state_bucket.name(self.names, self.clients.number),
            "database": self.google.database,
        }[kind]

    def make(self, kind: str, tags: Mapping[str, str]) -> None:
        getattr(self, f"_{kind}")(self.called(kind), dict(tags))

    def picture(self) -> Mapping[Any, Any]:
        """Everything by kind and name; the helper repository that programs lie in is left out."""
        secrets, location, parent = self._secrets, self.clients.location, self.clients.parent
        found: dict[Any, Any] = {}
        for kind, listed in {
            "job": self.run.jobs.list_jobs(parent=location),
            "run_service": self._services.list_services(parent=location),
            "secret": secrets.list_secrets(parent=parent),
            "image_repository": self._registry.list_repositories(parent=location),
        }.items():
            found |= {(kind, one.name): str(one.labels) for one in listed}
        found = {key: value for key, value in found.items() if not key[1].endswith("/al")}
        found |= {("service_account", name): "" for name in self.console.accounts()}
        found |= {("custom_role", name): "" for name in self.console.roles()}
        found |= {("bucket", one["name"]): str(one.get("labels")) for one in self.storage.buckets()}
        databases = self._admin.list_databases(parent=parent).databases
        found |= {("database", one.name): "" for one in databases}
        members = {role: sorted(who) for role, who in self.console.members().items()}
        return found | {("policy", ""): {role: who for role, who in members.items() if who}}

    # each makes one thing, under this name and with these tags

    def _job(self, name: str, tags: dict[str, str]) -> None:
        job = self.run.job(self.run.image(SLEEPS))
        job.labels = labels_of(tags)
        self.run.create(job, name)

    def _execution(self, name: str, tags: dict[str, str]) -> None:
        self._job(name, tags)
        self.run.run(f"{self.clients.location}/jobs/{name}")

    def _run_service(self, name: str, tags: dict[str, str]) -> None:
        container = {"image": self.run.image(SERVES)}
        service = {"labels": labels_of(tags), "template": {"containers": [container]}}
        request = {"parent": self.clients.location, "service_id": name, "service": service}
        self._services.create_service(request=request).result(timeout=30)

    def _secret(self, name: str, tags: dict[str, str]) -> None:
        secret = {"replication": {"automatic": {}}, "labels": labels_of(tags)}
        made = self._secrets.create_secret(
            parent=self.clients.parent, secret_id=secret_id(name), secret=secret
        )
        self._secrets.add_secret_version(parent=made.name, payload={"data": b"x"})

    def _image_repository(self, name: str, tags: dict[str, str]) -> None:
        repository = {"format_": "DOCKER", "labels": labels_of(tags)}
        request = {"parent": self.clients.location, "repository_id": name, "repository": repository}
        self._registry.create_repository(request=request).result(timeout=5)

    def _service_account(self, name: str, tags: dict[str, str]) -> None:
        self.console.make_account(name, mark(tags))
        self.console.give(self.console.member(name), "roles/logging.viewer")

    def _custom_role(self, name: str, tags: dict[str, str]) -> None:
        about = {"title": "t", "description": mark(tags), "included_permissions": ["run.jobs.run"]}
        request = {"parent": self.clients.parent, "role_id": name, "role": about}
        self.console.iam.create_role(request=request)

    def _bucket(self, name: str, tags: dict[str, str]) -> None:
        """With a state in it, of which there is an earlier version."""
        self.storage.make(name, labels_of(tags))
        for _ in range(2):
            self.storage.put(
                name,
                f".pulumi/stacks/{self.names.scope.project}/{self.names.scope.environment}.json",
            )

    def _database(self, name: str, tags: dict[str, str]) -> None:
        wanted = {"type_": "FIRESTORE_NATIVE", "location_id": self.clients.cloud.region}
        request = {"parent": self.clients.parent, "database": wanted, "database_id": name}
        self._admin.create_database(request=request).result(timeout=5)
        if tags:
            self._own(f"{self.clients.parent}/databases/{name}/documents", tags)

    def _own(self, documents: str, tags: dict[str, str]) -> None:
        fields = {k: {"string_value": tags[f"al:{k}"]} for k in ("project", "environment")}
        self.clients.client(FirestoreClient).create_document(
            request={
                "parent": documents,
                "collection_id": "al",
                "document_id": "owner",
                "document": {"fields": fields},
            }
        )

    @property
    def storage(self) -> Storage:
        return Storage(self.clients)

    @property
    def _services(self) -> Any:
        return self.clients.client(run_v2.ServicesClient)

    @property
    def _secrets(self) -> Any:
        return self.clients.client(secretmanager_v1.SecretManagerServiceClient)

    @property
    def _registry(self) -> Any:
        return self.clients.client(artifactregistry_v1.ArtifactRegistryClient)

    @property
    def _admin(self) -> Any:
        return self.clients.client(FirestoreAdminClient)
