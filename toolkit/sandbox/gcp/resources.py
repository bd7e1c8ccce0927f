"""Names of resources: whose project they are in, what they are in, and how IAM's conditions see them.

https://cloud.google.com/iam/docs/conditions-resource-attributes and, for each type, its own page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.desired.gcp_conditions import Resource

from .refusals import Refused, invalid


@dataclass(frozen=True, slots=True)
class _Shape:
    pattern: re.Pattern[str]
    type: str
    by_number: bool = False  # whether `resource.name` has the project's number, as secrets have


def _shape(path: str, kind: str, *, by_number: bool = False) -> _Shape:
    pattern = re.compile(path.replace("*", "[^/]+") + "(?:/.*)?")
    return _Shape(pattern, kind, by_number)


_PLACE = "projects/*/locations/*"
# the deepest first
_SHAPES = (
    _shape(
        "projects/*/secrets/*/versions/*",
        "secretmanager.googleapis.com/SecretVersion",
        by_number=True,
    ),
    _shape("projects/*/secrets/*", "secretmanager.googleapis.com/Secret", by_number=True),
    _shape(f"{_PLACE}/jobs/*/executions/*", "run.googleapis.com/Execution"),
    _shape(f"{_PLACE}/jobs/*", "run.googleapis.com/Job"),
    _shape(f"{_PLACE}/services/*", "run.googleapis.com/Service"),
    _shape(f"{_PLACE}/repositories/*", "artifactregistry.googleapis.com/Repository"),
    _shape(_PLACE, "cloudresourcemanager.googleapis.com/Location"),
    _shape("projects/*/serviceAccounts/*", "iam.googleapis.com/ServiceAccount"),
    _shape("projects/*/roles/*", "iam.googleapis.com/Role"),
    _shape("projects/*/databases/*", "firestore.googleapis.com/Database"),
    _shape("projects/*", "cloudresourcemanager.googleapis.com/Project"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectNames:
    """One project under its id and its number."""

    project: str
    number: str

    def canonical(self, name: str) -> str:
        """The name with the project's number.  Raises Refused for other projects, and for what is no name."""
        return self._with(name, self.number)

    def by_id(self, name: str) -> str:
        """The name with the project's id.  Raises as `canonical`."""
        return self._with(name, self.project)

    def resource(self, name: str) -> Resource:
        """As conditions see it."""
        shape = next((s for s in _SHAPES if s.pattern.fullmatch(name)), None)
        kind = shape.type if shape else ""
        seen = self.canonical(name) if shape and shape.by_number else self.by_id(name)
        return Resource(name=seen, type=kind, service=kind.partition("/")[0])

    def lineage(self, name: str) -> Iterator[str]:
        """The canonical names of the resource and of everything that it is in, the project last."""
        parts = self.canonical(name).split("/")
        for length in range(len(parts) - len(parts) % 2, 1, -2):
            yield "/".join(parts[:length])

    def _with(self, name: str, project: str) -> str:
        head, _, rest = name.partition("/")
        given, slash, inner = rest.partition("/")
        if head != "projects" or not given:
            raise invalid("name", f"'{name}' does not name a resource of a project")
        anywhere = given == "-" and inner.startswith("serviceAccounts/")
        if given not in {self.project, self.number} and not anywhere:
            raise Refused(
                "PERMISSION_DENIED",
                f"Permission denied on resource project {given}.",
                reason="CONSUMER_INVALID",
            )
        return f"projects/{project}{slash}{inner}"
