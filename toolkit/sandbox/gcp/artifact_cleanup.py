"""Artifact Registry's cleanup policies: which versions of a repository's images go by themselves.

https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview: a background job, about once a day; what
one policy keeps no other deletes.  Decides only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.cloud import artifactregistry_v1 as ar

from .refusals import Violation

EVERY = timedelta(days=1)
LONGEST_ID = 128
Action = ar.CleanupPolicy.Action
_Tagged = ar.CleanupPolicyCondition.TagState


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A version, as policies see it."""

    package: str
    digest: str
    created: datetime
    tags: tuple[str, ...]


def policy_violations(policies: Mapping[str, ar.CleanupPolicy]) -> Iterator[Violation]:
    """What a repository's policies may not say."""
    for key, policy in policies.items():
        field = f"repository.cleanup_policies[{key}]"
        if not key or len(key) >= LONGEST_ID or policy.id not in {"", key}:
            yield Violation(f"{field}.id", f"must be the key, shorter than {LONGEST_ID} characters")
        if policy.action not in {Action.DELETE, Action.KEEP}:
            yield Violation(f"{field}.action", "must be DELETE or KEEP")
        counted = "most_recent_versions" in policy
        if counted and policy.action != Action.KEEP:
            yield Violation(f"{field}.most_recent_versions", "can be used with KEEP only")
        if not counted and "condition" not in policy:
            yield Violation(field, "needs a condition or most_recent_versions")


def condemned(
    policies: Sequence[ar.CleanupPolicy], versions: Sequence[Candidate], now: datetime
) -> list[Candidate]:
    """The versions that the policies delete and do not keep."""
    deleting = [p for p in policies if p.action == Action.DELETE]
    kept = {
        (version.package, version.digest)
        for policy in policies
        if policy.action == Action.KEEP
        for version in _chosen(policy, versions, now)
    }
    chosen = [version for policy in deleting for version in _chosen(policy, versions, now)]
    return [v for v in dict.fromkeys(chosen) if (v.package, v.digest) not in kept]


def _chosen(
    policy: ar.CleanupPolicy, versions: Sequence[Candidate], now: datetime
) -> list[Candidate]:
    if "most_recent_versions" in policy:
        return _newest(policy.most_recent_versions, versions)
    return [version for version in versions if _meets(policy.condition, version, now)]


def _newest(
    rule: ar.CleanupPolicyMostRecentVersions, versions: Sequence[Candidate]
) -> list[Candidate]:
    """The newest of each package."""
    found: list[Candidate] = []
    for package in {version.package for version in versions}:
        if _begins(package, rule.package_name_prefixes):
            own = [version for version in versions if version.package == package]
            own.sort(key=lambda version: version.created, reverse=True)
            found += own[: rule.keep_count]
    return found


def _meets(rule: ar.CleanupPolicyCondition, version: Candidate, now: datetime) -> bool:
    age = now - version.created
    tagged = {_Tagged.TAGGED: bool(version.tags), _Tagged.UNTAGGED: not version.tags}
    by_tag = not rule.tag_prefixes or any(_begins(t, rule.tag_prefixes) for t in version.tags)
    return (
        tagged.get(rule.tag_state, True)
        and by_tag
        and _begins(version.digest, rule.version_name_prefixes)
        and _begins(version.package, rule.package_name_prefixes)
        and ("older_than" not in rule or age > rule.older_than)
        and ("newer_than" not in rule or age < rule.newer_than)
    )


def _begins(text: str, prefixes: Sequence[str]) -> bool:
    return not prefixes or text.startswith(tuple(prefixes))
