"""A demo case that has its opinion: shared with the oncologist, compared with the local reasons, asked back
and answered, waiting for its reassessment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access import sharing, sharing_actions
from server.access.sharing_actions import Agreed
from server.access.sharing_queries import consents_to_share
from server.annotations import actions as forms
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.answers import actions as answers
from server.answers.actions import Compared, Signing
from server.answers.addendum import Addendum
from server.answers.points import suggested
from server.answers.printing import sealed_addendum
from server.answers.records import AnswerPoint, OpinionAddendum
from server.cases import actions as cases
from server.cases.aftercare import actions as aftercare_actions
from server.cases.aftercare import in_person_actions
from server.cases.aftercare.actions import Planned
from server.cases.aftercare.in_person_actions import Wanted
from server.cases.lifecycle import Event
from server.cases.records import Case
from server.demo import cast
from server.demo.cast import DemoCase
from server.foundation.files import FileStore
from server.opinions import actions as opinions
from server.opinions.document import Signer
from server.opinions.drafts import Draft, Written, written_into
from server.opinions.pdf import render_pdf
from server.opinions.records import IssuedOpinion
from server.opinions.seal import sealed
from server.opinions.seal_key import SealKey
from server.opinions.stored import from_stored
from server.people.queries import hospitals, person_of_email
from server.people.records import Person
from server.web.composition import Signature, compose

DEMO: Final = "demo"
DAY: Final = timedelta(days=1)
OPENED_DAYS_AGO: Final = 52
SIGNED_DAYS_AGO: Final = 41
EXAMPLE: Final = "head-borderline-sma"

ANSWERED_CASE: Final = DemoCase(
    organ="pancreas",
    hospital=cast.RIVERSIDE,
    accession_number="RIV-2026-0311",
    question="Adenocarcinoma of the pancreatic head, 38 mm. Is resection possible at your centre, now "
    "or after chemotherapy, and under which conditions?",
    local_verdict="Unresectable",
    local_verdict_reason="The tumour touches the superior mesenteric artery. The portal vein is "
    "narrowed on both sides; the patient is 71 years old",
    surgeon=cast.PANCREAS_SURGEON,
)
COMPARED: Final = (
    Compared(
        "",
        "Solid contact of 120 degrees with a regular contour: borderline by every set that we use, "
        "and no reason by itself against a resection after response.",
        "differ",
        "/vessels/sma/contact_deg",
    ),
    Compared(
        "",
        "The same finding. The segment is short and the vein can be reconstructed.",
        "agree",
        "/vessels/smv_pv/contour",
    ),
    Compared("", "", "not_assessed"),
)
# What the surgeon wrote beside the form, as on the opinion's page.
WRITTEN: Final = Draft(
    texts={
        "answer": Written(
            "Not now, and probably after chemotherapy. The tumour touches the superior mesenteric artery "
            "over 120 degrees without narrowing it, and narrows the portal vein on both sides over a "
            "short segment that can be reconstructed. We would offer an operation if the tumour does not "
            "grow under four cycles and CA 19-9 falls by half."
        ),
        "approach": Written("Open, artery first, with frozen section of the arterial plane."),
        "alternatives": Written(
            "If the tumour grows or CA 19-9 does not fall: continue systemic therapy, no exploration."
        ),
        "strategy": Written(
            "Modified FOLFIRINOX at the local centre, four cycles; gemcitabine and nab-paclitaxel if it is "
            "not tolerated. Bile duct drained before."
        ),
        "reassess_after": Written("After the fourth cycle, with a new pancreas-protocol CT"),
        "remeasure": Written(
            "Contact with the superior mesenteric artery\n"
            "Narrowing of the superior mesenteric and portal vein\n"
            "CA 19-9 with bilirubin\nNew lesions in liver and peritoneum"
        ),
        "investigations": Written("CT of the chest\nStaging laparoscopy\nCA 19-9 after drainage"),
        "trials": Written("None was looked for."),
        "limits": Written(
            "Imaging: adequate\nThe images of this case are not part of the demo: nothing here can be "
            "looked at again."
        ),
    },
    categories=("convertible", "neoadjuvant"),
)
ASKED_BACK: Final = "On which phase was the contact with the artery measured?"
ADDED: Final = (
    "The contact was measured on the late arterial phase, in the axial plane and at right angles to "
    "the vessel. On the portal venous phase the fat around the artery looks hazy over a longer way; I "
    "took that for inflammation and did not count it. If the next scan shows it unchanged after "
    "chemotherapy I would explore."
)


@dataclass(frozen=True)
class DemoPress:
    """With what the demo's documents are made: where they are kept, by which key they are sealed, and
    the address at which a reader can check them.
    """

    files: FileStore
    key: SealKey
    verify_at: str


def fill_afterwards(session: Session, press: DemoPress, now: datetime) -> Case:
    """The answered case with all that follows, made once; found again a second time."""
    wanted = select(Case).where(Case.accession_number == ANSWERED_CASE.accession_number)
    known = session.scalar(wanted)
    if known is not None:
        return known
    surgeon = person_of_email(session, cast.PANCREAS_SURGEON.email)
    assert surgeon is not None
    case = _reviewed(session, surgeon, now)
    opinion = _opinion(session, press, case, surgeon, now - SIGNED_DAYS_AGO * DAY)
    _compared(session, press, case, opinion, surgeon, now)
    _followed(session, case, opinion, now)
    _agreed(session, case, now)
    return case


def _reviewed(session: Session, surgeon: Person, now: datetime) -> Case:
    """A case that went its way up to the surgeon. Its images are not part of the demo."""
    hospital = next(one for one in hospitals(session) if one.name == cast.RIVERSIDE.name)
    at = now - OPENED_DAYS_AGO * DAY
    case = cases.open_case(
        session,
        organ=ANSWERED_CASE.organ,
        hospital=hospital,
        question=ANSWERED_CASE.question,
        local_verdict=ANSWERED_CASE.local_verdict,
        local_verdict_reason=ANSWERED_CASE.local_verdict_reason,
        accession_number=ANSWERED_CASE.accession_number,
        opened_by=DEMO,
        now=at,
    )
    cases.happen(session, case, Event.STUDY_ATTACHED, now=at + DAY, by=DEMO)
    cases.declare_records_complete(session, case, case.version, at + 3 * DAY, by=DEMO)
    cases.assign(session, case, surgeon, seen_version=case.version, by=DEMO, now=at + 4 * DAY)
    return case


def _opinion(
    session: Session, press: DemoPress, case: Case, surgeon: Person, at: datetime
) -> IssuedOpinion:
    """The signed opinion with its sealed document, as the worker would make it."""
    signed = _signed(session, case, surgeon, at)
    composed = compose(
        session,
        case,
        signed.answers,
        signer=Signer(surgeon.name, surgeon.centre, surgeon.subspecialty),
        now=at,
        signature=Signature(
            number=opinions.next_number(session, case.id, case.number),
            signed_at=at,
            revision=signed.number,
            sha256=signed.sha256,
        ),
    )
    kept = opinions.issue(
        session,
        written_into(composed, WRITTEN),
        case_id=case.id,
        revision_id=signed.id,
        StudyInstanceUID="",
        now=at,
        verify_at=press.verify_at,
    )
    issued = from_stored(kept.content)
    document = press.files.put(sealed(render_pdf(issued), issued, press.key))
    opinions.note_document(session, kept.id, document, at, sealed=True)
    return kept


def _signed(session: Session, case: Case, surgeon: Person, at: datetime) -> Revision:
    """The surgeon's form, filled in and signed, and the case complete."""
    draft = forms.draft_of(
        session, case.id, case.organ, reviewer_id=surgeon.id, reviewer_name=surgeon.name
    )
    example = ORGANS[case.organ].examples()[EXAMPLE]
    forms.save(session, draft, example, seen_version=draft.version, now=at)
    forms.sign(
        session,
        draft,
        seen_version=draft.version,
        restated_verdict=str(example["verdict"]),
        signed_by=surgeon.name,
        now=at,
    )
    cases.complete(session, case, at, by=surgeon.name)
    return draft


def _compared(
    session: Session,
    press: DemoPress,
    case: Case,
    opinion: IssuedOpinion,
    surgeon: Person,
    now: datetime,
) -> None:
    """The points, what was asked back, and the addendum that answers it."""
    at = now - 38 * DAY
    fields = frozenset(field.pointer for field in ORGANS[case.organ].fields)
    texts = suggested(case.local_verdict_reason)
    points = answers.add_points(session, case, texts, by=DEMO, now=at)
    for point, said in zip(points, COMPARED, strict=True):
        _compare(session, point, said, opinion, fields, at)
    name = cast.RIVERSIDE.name
    asked = answers.ask_back(session, case, points[0], ASKED_BACK, by=name, now=at + 2 * DAY)
    signed = session.get_one(Revision, opinion.revision_id)
    added = answers.sign_addendum(
        session,
        case,
        opinion,
        text=ADDED,
        question_ids=[asked.id],
        signing=Signing(surgeon.name, surgeon.id, surgeon.centre, signed.sha256),
        now=at + 3 * DAY,
    )
    _print(session, press, added, at + 3 * DAY)


def _compare(
    session: Session,
    point: AnswerPoint,
    said: Compared,
    opinion: IssuedOpinion,
    fields: frozenset[str],
    at: datetime,
) -> None:
    answers.compare(
        session,
        point,
        Compared(point.local_text, said.second_text, said.standing, said.pointer),
        opinion=opinion,
        pointers=fields,
        seen_version=point.version,
        by=cast.PANCREAS_SURGEON.name,
        now=at,
    )


def _print(session: Session, press: DemoPress, added: OpinionAddendum, at: datetime) -> None:
    signed_text = Addendum.from_json(added.content)
    document = press.files.put(sealed_addendum(signed_text, press.key, press.verify_at))
    answers.note_printed(session, added.id, document, at)


def _followed(session: Session, case: Case, opinion: IssuedOpinion, now: datetime) -> None:
    """The reassessment after four cycles, and the visit that the surgeon asks for."""
    aftercare_actions.plan_reassessment(
        session,
        case,
        Planned(
            cycles=4,
            cycle_days=14,
            starts_on=(now - 35 * DAY).date(),
            preset="after-4-6",
            strategy="Modified FOLFIRINOX at the local centre",
            remeasure=("Contact of the SMA and the SMV/PV", "CA 19-9"),
            remind=("hospital", "coordinator", "surgeon"),
            opinion_number=opinion.number,
        ),
        seen_version=case.version,
        by=DEMO,
        now=now,
    )
    in_person_actions.request(
        session,
        case,
        Wanted(
            conditions="No progression after four cycles, and CA 19-9 falling by half.",
            investigations=("Pancreas-protocol CT of then", "Staging laparoscopy"),
            needs=("referral", "cost_estimate", "travel"),
            centre=cast.PANCREAS_SURGEON.centre,
            opinion_number=opinion.number,
        ),
        by=cast.PANCREAS_SURGEON.name,
        now=now - 36 * DAY,
    )


def _agreed(session: Session, case: Case, now: datetime) -> None:
    """One consent that stands, and one that was withdrawn."""
    given = (now - 39 * DAY).date()
    agreed = Agreed(
        recipient="Dr M. Weber, medical oncology, Riverside General Hospital",
        recipient_kind="oncologist",
        what=sharing.OPINION,
        given_by="patient",
        given_on=given.isoformat(),
        how="written",
        valid_until=(now + 60 * DAY).date().isoformat(),
    )
    sharing_actions.record_consent(session, case, agreed, by=DEMO, now=now - 39 * DAY)
    other = Agreed(
        recipient="Dr A. Singh, general practice",
        recipient_kind="own_doctor",
        what=sharing.OPINION,
        pseudonymised=False,
        given_by="representative",
        given_by_name="K. Hale",
        given_by_relation="daughter, power of attorney",
        given_on=given.isoformat(),
        how="spoken",
        valid_until=(now + 20 * DAY).date().isoformat(),
    )
    kept = sharing_actions.record_consent(session, case, other, by=DEMO, now=now - 39 * DAY)
    why = "The patient rang and wants to tell her doctor herself."
    sharing_actions.withdraw_consent(session, kept, why=why, by=DEMO, now=now - 30 * DAY)


def share_again(session: Session, case: Case, public_url: str, now: datetime) -> tuple[str, str]:
    """A fresh link for the recipient whose consent stands, with its PIN: neither is shown twice."""
    consent = next(one for one in consents_to_share(session, case.id) if one.revoked_at is None)
    for share in consent.shares:
        why = "The demo was started again."
        sharing_actions.end_share(session, share, why=why, by=DEMO, now=now)
    made = sharing_actions.share(session, case, consent, by=DEMO, now=now)
    label = f"{consent.recipient}, opinion of case {case.number}, PIN {made.pin}"
    return label, f"{public_url}/open#{made.token}"
