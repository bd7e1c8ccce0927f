"""The credentials of a project, as a doctor sees them: which are missing, which cannot be right, which are refused.

Values are looked at here and shown nowhere.  Issuers are asked only when the user said so.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from toolkit.core.agent import CredentialRef, Project
from toolkit.core.credential import Probe
from toolkit.core.errors import AlError
from toolkit.core.ports import Store
from toolkit.core.secrets import Secret
from toolkit.credentials import issuers, resolve
from toolkit.credentials.issuers import Verdict
from toolkit.ops.doctor.findings import Finding, failing, note, refused, warning

AT_ONCE = 8  # issuers that are asked side by side

Values = Mapping[str, Secret]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whether the issuers are asked, and where: `base` stands for every issuer's own address."""

    wanted: bool = False
    base: str | None = None


NOT_ASKED = Asking()


def allowed(project: Project) -> tuple[Project, list[Finding]]:
    """The project without the credentials that no agent may have, and a finding for each of those."""
    agents, findings = [], []
    for agent in project.agents:
        kept = []
        for ref in agent.credentials:
            try:
                resolve.required(replace(agent, credentials=(ref,), models=()))
                kept.append(ref)
            except AlError as error:
                findings.append(refused(str(agent.name), error))
        agents.append(replace(agent, credentials=tuple(kept)))
    return replace(project, agents=tuple(agents)), findings


def found(
    project: Project, store: Store, known: Collection[str], asking: Asking = NOT_ASKED
) -> Iterator[Finding]:
    """Of every credential that the project needs.  `known` are the values that the environment has."""
    present: list[tuple[CredentialRef, Values]] = []
    for ref in resolve.project_credentials(project):
        try:
            values = _values(ref, store, known)
            yield from _checked(ref, values)
            present.append((ref, values))
        except AlError as error:
            yield _with_source(project, ref, refused(str(ref), error))
    if asking.wanted:
        yield from _asked(project, present, asking.base)


def _values(ref: CredentialRef, store: Store, known: Collection[str]) -> Values:
    """By field; raises CredentialError for what is neither here nor in the environment."""
    found = resolve.resolve_all([ref], store, elsewhere=known)
    return {path.rpartition("/")[2]: value for path, value in found.items()}


def _checked(ref: CredentialRef, values: Values) -> Iterator[Finding]:
    """A value that cannot be right is a warning, because only its issuer knows for sure."""
    check = resolve.type_of(ref).check
    for doubt in check(values) if check and values else []:
        yield warning(str(ref), doubt, _replace(ref))


def _with_source(project: Project, ref: CredentialRef, finding: Finding) -> Finding:
    """With the webhook source that needs it, if one does: its name is what the user knows it by."""
    sources = [
        name
        for name, source in project.webhook_sources.items()
        if ref in map(CredentialRef.parse, source["credentials"])
    ]
    if not sources:
        return finding
    words = (
        f"{finding.message}; the webhook source {', '.join(sources)} verifies its events with it"
    )
    return replace(finding, message=words)


# their issuers


def _asked(
    project: Project, present: Sequence[tuple[CredentialRef, Values]], base: str | None
) -> Iterator[Finding]:
    """All at once, told in the order in which the project names them."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda one: _issuer(project, one[0], one[1], base), present)
        yield from filter(None, answers)


def _issuer(
    project: Project, ref: CredentialRef, values: Values, base: str | None
) -> Finding | None:
    probe = resolve.type_of(ref).probe
    if probe is None:
        return None
    if not values:
        message = "was not asked about: its value is in the environment, and not on this machine"
        return note(str(ref), message, "ask from a machine that has it")
    if server := _other_server(project, probe):
        message = f"was not asked about: it is the key of {server}, not of its type's own issuer"
        return note(str(ref), message, "a run with that model tells")
    return _told(ref, issuers.ask(probe, values, base=base))


def _told(ref: CredentialRef, answer: issuers.Answer | None) -> Finding | None:
    if answer is None or answer.verdict is Verdict.TAKEN:
        return None
    if answer.verdict is Verdict.REFUSED:
        return failing(str(ref), answer.words, _replace(ref))
    return warning(
        str(ref), answer.words, "ask again later; until then nobody knows whether it is valid"
    )


def _other_server(project: Project, probe: Probe) -> str | None:
    """The base URL that a model of this provider names: then the key is that server's."""
    models = [*project.models.values(), *(m for agent in project.agents for m in agent.models)]
    urls = (m.base_url for m in models if m.provider == probe.provider)
    return next(filter(None, urls), None)


def _replace(ref: CredentialRef) -> str:
    return f"`al creds add {ref}` replaces it"
