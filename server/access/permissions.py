"""Who may do what, in one table. Pure: plain values in, Allowed or Denied out."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.action import Action, Permit

# What rests on a consent to share; `server.access.sharing_actions` alone gives these out.
SHARED_PERMITS = frozenset({Permit.SHARED, Permit.SHARED_IMAGES})

# Whoever draws or signs sends nothing into the case: what is uploaded belongs to it and is shown to all,
# also while a panel votes unseen. Such a link is not issued; of one from before that rule, only the
# sending is taken away.
DRAWING = frozenset({Permit.ANNOTATE, Permit.SIGN})

A = Action
OPEN_TO_ALL = frozenset({A.PUBLIC, A.SIGN_IN, A.OPEN_LINK})

BY_PERMIT: dict[Permit, frozenset[Action]] = {
    Permit.ANNOTATE: frozenset(
        {A.ANNOTATION_READ, A.ANNOTATION_WRITE, A.IMAGES_WRITE, A.RULES_EVALUATE}
        | {A.NOTICES_CHOOSE, A.QUESTIONS_READ, A.QUESTIONS_WRITE}
    ),
    Permit.DOWNLOAD: frozenset({A.ANSWER_READ, A.CASE_READ, A.OPINION_READ}),
    # Of a recipient: neither the case nor its records, only what the consent names.
    Permit.SHARED: frozenset({A.OPINION_READ, A.SHARED_READ, A.SHARED_STANDING}),
    Permit.SHARED_IMAGES: frozenset({A.IMAGES_READ}),
    Permit.SIGN: frozenset(
        {
            A.ADDENDUM_SIGN,
            A.AFTERCARE_CHANGE,
            A.ANSWER_WRITE,
            A.ANNOTATION_READ,
            A.ANNOTATION_SIGN,
            A.OFFER_ANSWER,
            A.PANEL_CONCLUDE,
            A.PANEL_DISCUSS,
        }
    ),
    Permit.UPLOAD: frozenset(
        {
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.DOCUMENT_SEND,
            A.IMAGES_SEND,
            A.OUTCOME_ENTER,
            A.OUTCOME_READ,
            A.NOTICES_CHOOSE,
            A.QUESTIONS_READ,
            A.QUESTIONS_WRITE,
            A.RECORDS_FILL,
            A.RECORDS_READ,
            A.SPECIMENS_CHANGE,
            A.SPECIMENS_READ,
        }
        | {A.AFTERCARE_READ, A.ANSWER_ASK, A.ANSWER_READ}
        | {A.CONSENT_WITHDRAW, A.LETTER_WRITE, A.SHARING_READ}
    ),
    Permit.VIEW: frozenset(
        {
            A.AFTERCARE_READ,
            A.ANNOTATION_READ,
            A.ANSWER_READ,
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.IMAGES_READ,
            A.OPINION_READ,
            A.PANEL_READ,
            A.RECORDS_READ,
            A.RULES_EVALUATE,
            A.SPECIMENS_READ,
        }
    ),
}
# What whoever looks on may do: an observer or trainee neither votes nor signs nor draws.
OBSERVED = BY_PERMIT[Permit.VIEW] | {A.LAUNCH, A.SIGN_OUT, A.WORKLIST_READ}

_AFTER_AN_OPINION = frozenset(
    {A.AFTERCARE_CHANGE, A.AFTERCARE_READ, A.ANSWER_ASK, A.ANSWER_READ, A.ANSWER_WRITE}
    | {A.CONSENT_WITHDRAW, A.LETTER_WRITE, A.SHARING_CHANGE, A.SHARING_READ}
)
_AFTER_OWN_OPINION = frozenset(
    {A.ADDENDUM_SIGN, A.AFTERCARE_CHANGE, A.AFTERCARE_READ}
    | {A.ANSWER_READ, A.ANSWER_WRITE, A.LETTER_WRITE}
)
_COORDINATOR = frozenset(
    {
        A.ABSENCES_CHANGE,
        A.ANNOTATION_READ,
        A.API_READ,
        A.ARRIVALS_READ,
        A.ARRIVAL_ATTACH,
        A.ARRIVAL_DELETE,
        A.CASE_ADVANCE,
        A.CASE_ASSIGN,
        A.CASE_OPEN,
        A.CASE_READ,
        A.CASE_ROUTE,
        A.CENTRES_READ,
        A.DOCUMENT_READ,
        A.DOCUMENT_SEND,
        A.FIGURES_READ,
        A.GRANT_ISSUE,
        A.GRANT_REVOKE,
        A.HOSPITALS_READ,
        A.IMAGES_READ,
        A.IMAGES_SEND,
        A.IMAGING_JUDGE,
        A.JOBS_READ,
        A.JOBS_RETRY,
        A.KEYS_READ,
        A.LAUNCH,
        A.LINE_TEST,
        A.OPINION_READ,
        A.PANEL_DISCUSS,
        A.PANEL_READ,
        A.OUTCOME_ENTER,
        A.OUTCOME_JUDGE,
        A.OUTCOME_READ,
        A.PEOPLE_READ,
        A.CLOCK_CHANGE,
        A.CLOCK_READ,
        A.CONTACTS_CHANGE,
        A.NOTICES_CHOOSE,
        A.NOTICES_READ,
        A.OUTBOX_READ,
        A.OUTBOX_RETRY,
        A.QUESTIONS_READ,
        A.QUESTIONS_STEER,
        A.QUESTIONS_WRITE,
        A.WEBHOOKS_CHANGE,
        A.RECORDS_FILL,
        A.RECORDS_JUDGE,
        A.RECORDS_READ,
        A.RULES_EVALUATE,
        A.SIGN_OUT,
        A.SPECIMENS_CHANGE,
        A.SPECIMENS_READ,
        A.SURGEONS_READ,
        A.WORKLIST_READ,
    }
    | _AFTER_AN_OPINION
)
BY_ROLE: dict[str, frozenset[Action]] = {
    "coordinator": _COORDINATOR,
    "admin": _COORDINATOR
    | {
        A.AUDIT_READ,
        A.CENTRES_CHANGE,
        A.HOSPITALS_CHANGE,
        A.SURGEONS_CHANGE,
        A.KEYS_CHANGE,
        A.PEOPLE_CHANGE,
        A.RESEARCH_EXPORT,
    },
    "surgeon": frozenset(
        {
            A.ANNOTATION_READ,
            A.ANNOTATION_SIGN,
            A.ANNOTATION_WRITE,
            A.API_READ,
            A.CASE_READ,
            A.DOCUMENT_READ,
            A.IMAGES_READ,
            A.IMAGES_WRITE,
            A.LAUNCH,
            A.OFFER_ANSWER,
            A.OPINION_READ,
            A.PANEL_CONCLUDE,
            A.PANEL_DISCUSS,
            A.PANEL_READ,
            A.OUTCOME_READ,
            A.PROFILE_OWN,
            A.NOTICES_CHOOSE,
            A.NOTICES_READ,
            A.QUESTIONS_READ,
            A.QUESTIONS_WRITE,
            A.RECORDS_READ,
            A.RULES_EVALUATE,
            A.SIGN_OUT,
            A.SPECIMENS_READ,
            A.WORKLIST_READ,
        }
        | _AFTER_OWN_OPINION
    ),
    "auditor": frozenset({A.AUDIT_READ, A.SIGN_OUT}),
}

# What is in these cannot be shown without saying whose case it is: a hospital's letter, an opinion
# addressed to the hospital, images on their way in.
HIDDEN_WITH_THE_NAME = frozenset(
    {A.DOCUMENT_READ, A.DOCUMENT_SEND, A.IMAGES_SEND, A.OPINION_READ}
    | {A.ANSWER_ASK, A.CONSENT_WITHDRAW, A.LETTER_WRITE, A.SHARING_CHANGE, A.SHARING_READ}
    | {A.OUTCOME_ENTER, A.OUTCOME_READ}
    | {A.RECORDS_FILL, A.SPECIMENS_CHANGE, A.SPECIMENS_READ}
)

# Reading these is itself an event worth a line in the audit trail.
READING_IS_RECORDED = frozenset(
    {A.ARRIVALS_READ, A.AUDIT_READ, A.CASE_READ, A.DOCUMENT_READ, A.IMAGES_READ, A.OPINION_READ}
    | {A.AFTERCARE_READ, A.ANSWER_READ, A.SHARED_READ, A.SHARING_READ}
    | {A.OUTCOME_READ, A.RESEARCH_EXPORT}
    | {A.RECORDS_READ, A.SPECIMENS_READ}
    | {A.QUESTIONS_READ}
)


@dataclass(frozen=True)
class Nobody:
    """Somebody of whom nothing is known."""

    @property
    def text(self) -> str:
        return "nobody"


@dataclass(frozen=True)
class Account:
    """A signed-in person. `hospital_ids` matters for coordinators, None meaning every hospital; the
    others for surgeons: the cases that they have, of these the ones at which they only look on, those
    that were offered to them, and all in which they were ever asked."""

    person_id: str
    name: str
    role: str
    hospital_ids: frozenset[str] | None = None
    case_ids: frozenset[str] = frozenset()
    observed_ids: frozenset[str] = frozenset()
    offered_ids: frozenset[str] = frozenset()
    former_ids: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        return f"{self.role} {self.name}"


@dataclass(frozen=True)
class Holder:
    """Whoever came in by a grant. `case_id` None means the archive grant: every study.
    `pseudonymised`: they see neither names nor identifiers of the patient. `observing`: they look on."""

    grant_id: str
    name: str
    case_id: str | None
    permits: frozenset[Permit]
    person_id: str | None = None
    pseudonymised: bool = False
    observing: bool = False

    @property
    def text(self) -> str:
        return f"grant {self.grant_id[:8]} {self.name}"


@dataclass(frozen=True)
class Program:
    """A system that came by its key. `hospital_id` None is a service for every hospital; `actions` is
    what the key's scopes add up to (`server.access.scopes`)."""

    program_id: str
    name: str
    hospital_id: str | None
    actions: frozenset[Action]

    @property
    def text(self) -> str:
        return f"program {self.program_id[:8]} {self.name}"


Actor = Nobody | Account | Holder | Program
# Why a surgeon is denied who had the case or was asked for it.
NO_LONGER_THEIRS = "the case is no longer with this surgeon"
_ANOTHER_CASE = "the grant is for another case"


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
    if isinstance(actor, Program):
        return _program_may(actor, action, case)
    return _account_may(actor, action, case)


def in_force(permits: frozenset[Permit]) -> frozenset[Permit]:
    """What of a grant's permits still counts: of one that may draw or sign, all but sending."""
    return permits - {Permit.UPLOAD} if permits & DRAWING else permits


def sends_no_more(actor: Actor, action: Action) -> bool:
    """Whether the grant was issued for this as well, before who draws or signs could not send."""
    if not isinstance(actor, Holder):
        return False
    lost = actor.permits - in_force(actor.permits)
    kept = in_force(actor.permits)
    return any(action in BY_PERMIT[one] for one in lost) and not any(
        action in BY_PERMIT[one] for one in kept
    )


def _holder_may(actor: Holder, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    if actor.case_id is None:
        return _archive_may(actor, action, case)
    # First of all: whatever they may do, they do not learn which other cases there are.
    if case is not None and case.case_id != actor.case_id:
        return Denied(_ANOTHER_CASE, hides=True)
    if not any(action in BY_PERMIT[permit] for permit in in_force(actor.permits)):
        if sends_no_more(actor, action):
            return Denied("the grant permits drawing or signing, and so no sending into the case")
        return Denied(f"the grant does not permit {action.value}")
    if actor.observing and action not in OBSERVED:
        return Denied("an observer looks on")
    if case is None:
        return Denied(_ANOTHER_CASE, hides=True)
    if actor.pseudonymised and action in HIDDEN_WITH_THE_NAME:
        return Denied("the grant does not show whose case it is")
    return Allowed()


def _archive_may(actor: Holder, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    permitted = any(action in BY_PERMIT[permit] for permit in in_force(actor.permits))
    if permitted and action in (A.IMAGES_READ, A.IMAGES_WRITE):
        return Allowed()
    return Denied("archive only", hides=case is not None)


def _program_may(actor: Program, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    if case is not None and actor.hospital_id not in (None, case.hospital_id):
        return Denied("the case belongs to another hospital", hides=True)
    if action not in actor.actions:
        return Denied(f"the key's scopes do not allow {action.value}")
    return Allowed()


def _account_may(actor: Account, action: Action, case: CaseFacts | None) -> Allowed | Denied:
    if case is not None:
        if actor.role == "surgeon":
            denied = _against_surgeon(actor, action, case.case_id)
            if denied is not None:
                return denied
        if actor.hospital_ids is not None and case.hospital_id not in actor.hospital_ids:
            return Denied("the case belongs to a hospital of another coordinator", hides=True)
    if action not in BY_ROLE.get(actor.role, frozenset()):
        return Denied(f"a {actor.role} may not do {action.value}", hides=actor.role == "auditor")
    return Allowed()


def _against_surgeon(actor: Account, action: Action, case_id: str) -> Denied | None:
    """What keeps a surgeon from this case. Who had it, or is asked, knows that it exists."""
    if case_id in actor.case_ids:
        looks_on = case_id in actor.observed_ids and action not in OBSERVED
        return Denied("an observer looks on") if looks_on else None
    if case_id in actor.former_ids and action is Action.OFFER_ANSWER:
        return None  # to answer, or to read that there is nothing to answer any more
    if case_id in actor.offered_ids:
        return Denied("the case was offered and is not accepted yet")
    if case_id in actor.former_ids:
        return Denied(NO_LONGER_THEIRS)
    return Denied("the case is not assigned to this surgeon", hides=True)
