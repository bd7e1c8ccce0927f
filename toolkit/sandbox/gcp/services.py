"""Which class answers for which gRPC service.  The modules are imported at a service's first call."""

from collections.abc import Mapping

TABLE: Mapping[str, str] = {
    "google.cloud.secretmanager.v1.SecretManagerService": "secret_manager:SecretManager",
    "google.iam.admin.v1.IAM": "iam:Iam",
    "google.cloud.resourcemanager.v3.Projects": "resource_manager:Projects",
    "google.logging.v2.LoggingServiceV2": "logs:Logging",
    "google.cloud.run.v2.Jobs": "run_jobs:Jobs",
    "google.cloud.run.v2.Executions": "executions:Executions",
    "google.cloud.run.v2.Tasks": "tasks:Tasks",
    "google.cloud.run.v2.Services": "run_services:Services",
    "google.cloud.scheduler.v1.CloudScheduler": "timers:CloudScheduler",
    "google.devtools.artifactregistry.v1.ArtifactRegistry": "artifact_registry:ArtifactRegistry",
    "google.firestore.v1.Firestore": "firestore:Firestore",
    "google.firestore.admin.v1.FirestoreAdmin": "firestore_admin:FirestoreAdmin",
    "google.longrunning.Operations": "operations:OperationsService",
}
