"""Every name and label that `al` gives to a thing on Google Cloud (D5, D15), made of the same parts as on AWS.

Google's names are shorter and know fewer characters.  What does not fit is encoded or ends in a hash, the same on every
machine.  Limits: Cloud Run job 63 together with an execution's suffix (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/create),
service 49, service account 6-30 (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create),
secret 255 (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create), label 63
(https://cloud.google.com/resource-manager/docs/labels-overview), repository 63, Firestore database 63, role id 64.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .agent import AgentName
from .environment import Scope
from .names import BUILD, GATEWAY, Names, shorten
from .run import RunId

# characters of a secret's id (https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create)
LONGEST_SECRET = 255
LONGEST_JOB = 49  # an execution's name is the job's with 6 more, and both together stay under 63
MARK = 9  # characters of what tells an agent's jobs apart
_PLAIN = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class GcpNames:
    """The names within one scope."""

    scope: Scope

    @property
    def _names(self) -> Names:
        return Names(self.scope)

    def _scoped(self, part: str, limit: int) -> str:
        """Lower-case letters, digits and single inner hyphens, a letter first."""
        whole = _PLAIN.sub("-", self._names.scoped(part, 1024).lower())
        return shorten(re.sub(r"-{2,}", "-", whole).strip("-"), limit)

    def job(self, agent: str, mark: str = "") -> str:
        """An agent's job; its versions and, where secrets are mounted, its runs have jobs of their own, told apart by a
        `mark` of at most 9 characters."""
        room = LONGEST_JOB - 1 - MARK
        return f"{self._scoped(agent, room)}-{mark}" if mark else self._scoped(agent, LONGEST_JOB)

    @property
    def service(self) -> str:
        """The gateway's; a service and a job may have one name."""
        return self._scoped("gateway", LONGEST_JOB)

    def service_account(self, part: str) -> str:
        """The account's id, the part before the @, of an agent, of the gateway or of builds: 6 to 30 characters."""
        # an agent may be called `gateway`, and Google knows no name with two hyphens in a row
        mark = {GATEWAY: "gw-", BUILD: "bd-"}.get(part)
        whole = f"{mark}{self._scoped('', 1024)}" if mark else self._scoped(part, 1024)
        return shorten(whole, 30) if len(whole) >= 6 else f"{whole}-{_hash(whole)}"

    @property
    def accounts(self) -> str:
        """What the id of every service account of ours begins with, the gateway's left aside.  The accounts of others may
        begin so, too."""
        return self._beginning(30)

    @property
    def jobs(self) -> str:
        """The same of jobs."""
        return self._beginning(LONGEST_JOB)

    def _beginning(self, limit: int) -> str:
        """A shortened name keeps no more than this of what all have in common."""
        return self._scoped("", 1024)[: limit - 9].rstrip("-")

    @property
    def repository(self) -> str:
        """The repository in Artifact Registry for all images, where the user names none."""
        return self._scoped("images", 63)

    @property
    def database(self) -> str:
        """The Firestore database of the environment's shared state."""
        return self._scoped("state", 63)

    def role(self, purpose: str) -> str:
        """A custom role's id: letters, digits, periods and underscores."""
        return self._scoped(purpose, 64).replace("-", "_")

    # secrets: `--` between the parts, and each part without it

    @property
    def secrets(self) -> str:
        """What every secret's id of this scope begins with, the hyphens included."""
        return secret_id(self._names.secrets)

    def run_secrets(self, agent: AgentName | str) -> str:
        """The prefix that an agent's role is limited to."""
        return secret_id(self._names.run_secrets(agent))

    def labels(
        self, *, agent: str | None = None, run: RunId | str | None = None, **more: str
    ) -> dict[str, str]:
        """The ownership tags as labels: `al-managed`, `al-project`, ..., in lower case."""
        return labels_of(self._names.tags(agent=agent, run=run, **more))

    def owns(self, labels: dict[str, str]) -> bool:
        """Whether something with these labels is ours to change."""
        return all(labels.get(key) == value for key, value in self.labels().items())

    def tags(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The tags that these labels stand for.  Labels hold less than tags do; of what is ours, its names are known."""
        return tags_of(labels, {}) | (self._names.tags() if self.owns(dict(labels)) else {})


def account_email(account_id: str, project: str) -> str:
    """The e-mail of a service account; a project of an organization of old has the id `example.com:shop`
    (https://cloud.google.com/iam/docs/service-account-overview#identifying-service-accounts)."""
    domain, _, own = project.rpartition(":")
    return f"{account_id}@{f'{own}.{domain}' if domain else own}.iam.gserviceaccount.com"


def account_project(email: str) -> str | None:
    """The project of an account that a user made; the e-mails of Google's own do not tell.  Undoes `account_email`."""
    _, ours, project = email.removesuffix(".iam.gserviceaccount.com").partition("@")
    if not ours or not email.endswith(".iam.gserviceaccount.com"):
        return None
    own, _, domain = project.partition(".")
    return f"{domain}:{own}" if domain else own


def label(value: str) -> str:
    """`value` as a label: at most 63 lower-case letters, digits, `-` and `_`; what had to change ends in a hash."""
    plain = re.sub(r"[^a-z0-9_-]", "-", value.lower())
    return shorten(plain, 63) if plain == value else shorten(f"{plain}-{_hash(value)}", 63)


def labels_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as labels, by which things can be found and owned: `al:project` is `al-project`."""
    return {key.replace(":", "-"): label(value) for key, value in tags.items()}


def annotations_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that labels cannot hold as they are, a time for instance, as annotations: `al:expires` is `al.expires`
    (https://cloud.google.com/secret-manager/docs/annotations)."""
    return {k.replace(":", "."): value for k, value in tags.items() if label(value) != value}


def tags_of(labels: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, str]:
    """The tags that `labels_of` and `annotations_of` made these of; somebody else's are left out."""
    tags = {f"al:{key[3:]}": value for key, value in labels.items() if key.startswith("al-")}
    exact = {f"al:{key[3:]}": value for key, value in annotations.items() if key[:3] == "al."}
    return tags | exact


def secret_id(name: str) -> str:
    """The id of the secret that is called `name`, with `/` between its parts, elsewhere.

    Secret Manager takes letters, digits, `-` and `_` only; anything else, and a second hyphen in a row, is `_xHH` for each
    of its bytes, as is an underscore that such a code would be mistaken for.  `secret_name` undoes it.
    """
    return "--".join(_encoded(part) for part in name.split("/"))


def secret_name(id_: str) -> str:
    """The name that `secret_id` made this id of."""
    return "/".join(_decoded(part) for part in id_.split("--"))


_CODE = re.compile(r"_x([0-9a-f]{2})")


def _encoded(part: str) -> str:
    def code(match: re.Match[str]) -> str:
        return "".join(f"_x{byte:02x}" for byte in match[0].encode())

    once = re.sub(r"_(?=x[0-9a-f]{2})", code, part)
    once = re.sub(r"[^A-Za-z0-9_-]", code, once)
    # a hyphen at either end, or after another one, would join the separator
    return re.sub(r"^-|-$|(?<=-)-", code, once)


def _decoded(part: str) -> str:
    parts = re.split(r"((?:_x[0-9a-f]{2})+)", part)
    return "".join(_plain(p) if _CODE.match(p) else p for p in parts)


def _plain(codes: str) -> str:
    # somebody else's secret may look like one of ours and hold no text
    return bytes(int(h, 16) for h in _CODE.findall(codes)).decode(errors="replace")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
