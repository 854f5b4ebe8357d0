"""Who may do what, in one table. Pure: plain values in, Allowed or Denied out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """Everything that can be asked of Margin. Every route names one."""

    ANNOTATION_READ = "annotation.read"
    ANNOTATION_SIGN = "annotation.sign"
    ANNOTATION_WRITE = "annotation.write"
    ARRIVAL_ATTACH = "arrival.attach"
    ARRIVAL_DELETE = "arrival.delete"
    ARRIVALS_READ = "arrivals.read"
    AUDIT_READ = "audit.read"
    CASE_ADVANCE = "case.advance"
    CASE_ASSIGN = "case.assign"
    CASE_OPEN = "case.open"
    CASE_READ = "case.read"
    DOCUMENT_READ = "document.read"
    DOCUMENT_SEND = "document.send"
    GRANT_ISSUE = "grant.issue"
    GRANT_REVOKE = "grant.revoke"
    HOSPITALS_CHANGE = "hospitals.change"
    HOSPITALS_READ = "hospitals.read"
    IMAGES_READ = "images.read"
    IMAGES_SEND = "images.send"
    IMAGES_WRITE = "images.write"
    IMAGING_JUDGE = "imaging.judge"
    JOBS_READ = "jobs.read"
    JOBS_RETRY = "jobs.retry"
    LAUNCH = "launch"
    LINE_TEST = "line.test"
    OPEN_LINK = "link.open"
    OPINION_READ = "opinion.read"
    PEOPLE_CHANGE = "people.change"
    PEOPLE_READ = "people.read"
    PUBLIC = "public"
    RECORDS_FILL = "records.fill"
    RECORDS_JUDGE = "records.judge"
    RECORDS_READ = "records.read"
    RULES_EVALUATE = "rules.evaluate"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    SPECIMENS_CHANGE = "specimens.change"
    SPECIMENS_READ = "specimens.read"
    WORKLIST_READ = "worklist.read"


class Permit(StrEnum):
    """What a grant can allow. A grant holds a set of these for one case (or for the archive)."""

    ANNOTATE = "annotate"
    DOWNLOAD = "download"
    SIGN = "sign"
    UPLOAD = "upload"
    VIEW = "view"


A = Action
OPEN_TO_ALL = frozenset({A.PUBLIC, A.SIGN_IN, A.OPEN_LINK})

BY_PERMIT: dict[Permit, frozenset[Action]] = {
    Permit.ANNOTATE: frozenset(
        {A.ANNOTATION_READ, A.ANNOTATION_WRITE, A.IMAGES_WRITE, A.RULES_EVALUATE}
    ),
    Permit.DOWNLOAD: frozenset({A.CASE_READ, A.OPINION_READ}),
    Permit.SIGN: frozenset({A.ANNOTATION_READ, A.ANNOTATION_SIGN}),
    Permit.UPLOAD: frozenset(
        {
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.DOCUMENT_SEND,
            A.IMAGES_SEND,
            A.RECORDS_FILL,
            A.RECORDS_READ,
            A.SPECIMENS_CHANGE,
            A.SPECIMENS_READ,
        }
    ),
    Permit.VIEW: frozenset(
        {
            A.ANNOTATION_READ,
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.IMAGES_READ,
            A.OPINION_READ,
            A.RECORDS_READ,
            A.RULES_EVALUATE,
            A.SPECIMENS_READ,
        }
    ),
}

_COORDINATOR = frozenset(
    {
        A.ANNOTATION_READ,
        A.ARRIVALS_READ,
        A.ARRIVAL_ATTACH,
        A.ARRIVAL_DELETE,
        A.CASE_ADVANCE,
        A.CASE_ASSIGN,
        A.CASE_OPEN,
        A.CASE_READ,
        A.DOCUMENT_READ,
        A.DOCUMENT_SEND,
        A.GRANT_ISSUE,
        A.GRANT_REVOKE,
        A.HOSPITALS_READ,
        A.IMAGES_READ,
        A.IMAGES_SEND,
        A.IMAGING_JUDGE,
        A.JOBS_READ,
        A.JOBS_RETRY,
        A.LAUNCH,
        A.LINE_TEST,
        A.OPINION_READ,
        A.PEOPLE_READ,
        A.RECORDS_FILL,
        A.RECORDS_JUDGE,
        A.RECORDS_READ,
        A.RULES_EVALUATE,
        A.SIGN_OUT,
        A.SPECIMENS_CHANGE,
        A.SPECIMENS_READ,
        A.WORKLIST_READ,
    }
)
BY_ROLE: dict[str, frozenset[Action]] = {
    "coordinator": _COORDINATOR,
    "admin": _COORDINATOR | {A.AUDIT_READ, A.HOSPITALS_CHANGE, A.PEOPLE_CHANGE},
    "surgeon": frozenset(
        {
            A.ANNOTATION_READ,
            A.ANNOTATION_SIGN,
            A.ANNOTATION_WRITE,
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.IMAGES_READ,
            A.IMAGES_WRITE,
            A.LAUNCH,
            A.OPINION_READ,
            A.RECORDS_READ,
            A.RULES_EVALUATE,
            A.SIGN_OUT,
            A.SPECIMENS_READ,
            A.WORKLIST_READ,
        }
    ),
    "auditor": frozenset({A.AUDIT_READ, A.SIGN_OUT}),
}

# What is in these cannot be shown without saying whose case it is: a hospital's letter, an opinion
# addressed to the hospital, images on their way in.
HIDDEN_WITH_THE_NAME = frozenset(
    {A.DOCUMENT_READ, A.DOCUMENT_SEND, A.IMAGES_SEND, A.OPINION_READ}
    | {A.RECORDS_FILL, A.SPECIMENS_CHANGE, A.SPECIMENS_READ}
)

# Reading these is itself an event worth a line in the audit trail.
READING_IS_RECORDED = frozenset(
    {A.ARRIVALS_READ, A.AUDIT_READ, A.CASE_READ, A.DOCUMENT_READ, A.IMAGES_READ, A.OPINION_READ}
    | {A.RECORDS_READ, A.SPECIMENS_READ}
)


@dataclass(frozen=True)
class Nobody:
    """Somebody of whom nothing is known."""

    @property
    def text(self) -> str:
        return "nobody"


@dataclass(frozen=True)
class Account:
    """A signed-in person. `hospital_ids` matters for coordinators, None meaning every hospital;
    `case_ids` matters for surgeons: the cases that were assigned to them."""

    person_id: str
    name: str
    role: str
    hospital_ids: frozenset[str] | None = None
    case_ids: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        return f"{self.role} {self.name}"


@dataclass(frozen=True)
class Holder:
    """Whoever came in by a grant. `case_id` None means the archive grant: every study.
    `pseudonymised`: they see neither names nor identifiers of the patient."""

    grant_id: str
    name: str
    case_id: str | None
    permits: frozenset[Permit]
    person_id: str | None = None
    pseudonymised: bool = False

    @property
    def text(self) -> str:
        return f"grant {self.grant_id[:8]} {self.name}"


Actor = Nobody | Account | Holder


@dataclass(frozen=True)
class CaseFacts:
    """What the table needs to know of a case."""

    case_id: str
    hospital_id: str


@dataclass(frozen=True)
class Allowed:
    """Yes."""


@dataclass(frozen=True)
class Denied:
    """No, and why. `hides` says that the asker may not even learn that the case exists."""

    reason: str
    hides: bool = False


def may(actor: Actor, action: Action, case: CaseFacts | None = None) -> Allowed | Denied:
    """Whether `actor` may do `action`, on `case` where the request speaks of one."""
    if action in OPEN_TO_ALL:
        return Allowed()
    if isinstance(actor, Nobody):
        return Denied("nobody is signed in")
    if isinstance(actor, Holder):
        return _holder_may(actor, action, case)
    return _account_may(actor, action, case)


def _holder_may(actor: Holder, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    if not any(action in BY_PERMIT[permit] for permit in actor.permits):
        return Denied(f"the grant does not permit {action.value}")
    if actor.case_id is None:
        return Allowed() if action in (A.IMAGES_READ, A.IMAGES_WRITE) else Denied("archive only")
    if case is None or case.case_id != actor.case_id:
        return Denied("the grant is for another case", hides=True)
    if actor.pseudonymised and action in HIDDEN_WITH_THE_NAME:
        return Denied("the grant does not show whose case it is")
    return Allowed()


def _account_may(actor: Account, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    if case is not None:
        if actor.role == "surgeon" and case.case_id not in actor.case_ids:
            return Denied("the case is not assigned to this surgeon", hides=True)
        if actor.hospital_ids is not None and case.hospital_id not in actor.hospital_ids:
            return Denied("the case belongs to a hospital of another coordinator", hides=True)
    if action not in BY_ROLE.get(actor.role, frozenset()):
        return Denied(f"a {actor.role} may not do {action.value}", hides=actor.role == "auditor")
    return Allowed()
