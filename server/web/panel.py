"""The JSON that the resectability panel in the viewer reads and writes."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, make_response, request

from server.access.door import Route
from server.access.permissions import Account, Action, Holder
from server.annotations import actions as annotation_actions
from server.annotations.comparison import differences
from server.annotations.judging import rulesets_of
from server.annotations.organs import ORGANS
from server.annotations.queries import annotation_of, current, signed_revisions
from server.annotations.records import Revision
from server.annotations.versions import refuse_future
from server.cases import actions as case_actions
from server.cases.lifecycle import Event, State
from server.cases.queries import study_uids
from server.foundation.clock import iso
from server.foundation.errors import BadRequest, Conflict
from server.opinions import actions as opinions
from server.opinions.document import Signer
from server.opinions.pdf import PREVIEW_CSP, render_html
from server.opinions.queries import opinions_of_case
from server.people.records import Person
from server.volumetry.queries import volume_json, volumes_of_case
from server.web import shown
from server.web.composition import (
    Signature,
    compose,
    imaging_seen,
    responses,
    study_for_document,
)
from server.web.prior import amendment_json, amendment_note, older_json, prior_json, prior_of
from server.web.visit import Visit


class BodyNotUnderstood(BadRequest):
    """The panel sent something that is not what was agreed."""


class CaseNotAmended(Conflict):
    """The case is not in a state in which its opinion can be amended."""


def read_panel(visit: Visit) -> Response:
    """Everything the panel needs to draw itself."""
    case, organ = visit.case, ORGANS[visit.case.organ]
    revision = _revision(visit)
    if revision is not None:
        refuse_future(organ, revision.schema_version)
    return _answer(
        visit,
        {
            "case": {
                "number": case.number,
                "organ": case.organ,
                "organ_title": organ.title,
                "question": case.question,
                "local_verdict": case.local_verdict,
                "state": case.state,
                "due_on": case.due_on.isoformat() if case.due_on else None,
            },
            "me": {"name": _reviewer(visit)[1], "may": _may(visit)},
            "studies": sorted(study_uids(visit.session, case.id)),
            "form": organ.schema,
            "rulesets": rulesets_of(organ),
            "annotation": {
                "answers": revision.answers if revision else {},
                "options": revision.options if revision else {},
                "version": revision.version if revision else 0,
                "revision": revision.number if revision else 1,
                "older": older_json(visit, revision),
                "saved_at": iso(revision.saved_at) if revision and revision.saved_at else None,
                "signed": _signed(visit, revision),
            },
            "prior": prior_json(visit, prior_of(visit, revision)),
            **_judged(visit, revision),
            "volumes": _volumes(visit),
            "opinion": _opinion(visit),
        },
    )


def save_annotation(visit: Visit) -> Response:
    """Keep the answers; the whole document over the version that was seen."""
    body = _body({"answers": dict, "version": int})
    draft = _draft(visit)
    answers = shown.kept(visit, body["answers"], draft.answers)
    saved = annotation_actions.save(
        visit.session,
        draft,
        answers,
        seen_version=body["version"],
        now=visit.now,
        options=body.get("options"),
        schema_version=body.get("schema_version"),
    )
    if visit.case.state == State.ASSIGNED:
        case_actions.happen(visit.session, visit.case, Event.REVIEW_BEGUN)
    visit.note(version=saved.version)
    return jsonify(
        {
            "version": saved.version,
            "saved_at": iso(visit.now),
            **_judged(visit, saved),
        }
    )


def sign_annotation(visit: Visit) -> Response:
    """Make the annotation final and ask for the opinion's document."""
    body = _body({"version": int, "verdict": str})
    case, (_, name) = visit.case, _reviewer(visit)
    signed = annotation_actions.sign(
        visit.session,
        _draft(visit),
        seen_version=body["version"],
        restated_verdict=body["verdict"],
        signed_by=name,
        now=visit.now,
        imaging=imaging_seen(visit.session, case),
    )
    # An amendment is signed after the opinion; a case that was closed since takes none.
    if signed.amends is None or case.state != State.OPINED:
        case_actions.complete(visit.session, case, visit.now)
    signature = Signature(
        number=opinions.next_number(visit.session, case.id, case.number),
        signed_at=visit.now,
        revision=signed.number,
        sha256=signed.sha256,
    )
    opinion = compose(
        visit.session,
        case,
        signed.answers,
        signer=_signer(visit),
        signature=signature,
        options=signed.options,
        amendment=amendment_note(visit, signed),
    )
    opinions.issue(
        visit.session,
        opinion,
        case_id=case.id,
        revision_id=signed.id,
        StudyInstanceUID=study_for_document(visit.session, case),
        now=visit.now,
    )
    visit.note(verdict=signed.verdict, sha256=signed.chain_sha256, opinion=signature.number)
    if signed.amends is not None:
        visit.note(amends=signed.amends)
    return _answer(visit, {"signed": _signed(visit, signed), "opinion": _opinion(visit)})


def read_volumes(visit: Visit) -> Response:
    """What was measured from the case's segmentations, newest first."""
    return _answer(visit, {"volumes": _volumes(visit), "opinion": _opinion(visit)})


def begin_amendment(visit: Visit) -> Response:
    """Open a new revision from the visitor's signed one, with the reason for it."""
    body = _body({"reason": str})
    if visit.case.state != State.OPINED:
        raise CaseNotAmended(
            "An opinion is amended while its case stands at “opinion issued”.",
            remedy="Ask the coordinator to open a new case for this patient.",
        )
    reviewer_id, _ = _reviewer(visit)
    reason = shown.kept(visit, {"reason": body["reason"]}, {})["reason"]
    draft = annotation_actions.begin_amendment(
        visit.session, visit.case.id, reviewer_id, reason=reason, now=visit.now
    )
    visit.note(amends=draft.amends)
    return read_panel(visit)


def discard_amendment(visit: Visit) -> Response:
    """Throw the amendment's draft away."""
    body = _body({"version": int})
    kept = annotation_actions.discard_amendment(
        visit.session, visit.case.id, _reviewer(visit)[0], seen_version=body["version"]
    )
    visit.note(stands=kept.number)
    return read_panel(visit)


def preview(visit: Visit) -> Response:
    """The opinion as it would be sent if it were signed now."""
    revision = _revision(visit)
    opinion = compose(
        visit.session,
        visit.case,
        shown.answers(visit, revision.answers if revision else {}),
        signer=_signer(visit),
        options=revision.options if revision else {},
        amendment=amendment_note(visit, revision, veiled=True),
    )
    response = make_response(render_html(shown.opinion(visit, opinion)))
    response.headers["Content-Security-Policy"] = PREVIEW_CSP
    return response


def _answer(visit: Visit, body: dict[str, Any]) -> Response:
    """The body, or what this visitor may see of it."""
    return jsonify(shown.panel(visit, body))


def _body(expected: dict[str, type]) -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BodyNotUnderstood("The body is not a JSON object.", remedy="Reload the viewer.")
    for name, kind in expected.items():
        if not isinstance(body.get(name), kind) or isinstance(body.get(name), bool):
            raise BodyNotUnderstood(
                f"“{name}” is missing or of another kind.", remedy="Reload the viewer."
            )
    return body


def _reviewer(visit: Visit) -> tuple[str, str]:
    """Id and name under which this visitor's annotation is kept."""
    actor = visit.actor
    if isinstance(actor, Holder):
        return actor.person_id or actor.grant_id, actor.name
    assert isinstance(actor, Account)
    return actor.person_id, actor.name


def _signer(visit: Visit) -> Signer:
    reviewer_id, name = _reviewer(visit)
    person = visit.session.get(Person, reviewer_id)
    return Signer(person.name, person.centre, person.subspecialty) if person else Signer(name)


def _draft(visit: Visit) -> Revision:
    reviewer_id, name = _reviewer(visit)
    return annotation_actions.draft_of(
        visit.session, visit.case.id, visit.case.organ, reviewer_id=reviewer_id, reviewer_name=name
    )


def _revision(visit: Visit) -> Revision | None:
    """The visitor's own revision; whoever does not review sees a signed one only."""
    own = current(annotation_of(visit.session, visit.case.id, _reviewer(visit)[0]))
    if own is not None or visit.may(Action.ANNOTATION_WRITE):
        return own
    signed = signed_revisions(visit.session, visit.case.id)
    return signed[-1] if signed else None


def _judged(visit: Visit, revision: Revision | None) -> dict[str, Any]:
    """What follows from the answers: said again after every save."""
    organ = ORGANS[visit.case.organ]
    answers, options = (revision.answers, revision.options) if revision else ({}, {})
    evaluations = organ.evaluate(answers, options)
    disagreeing = differences(organ, evaluations)
    missing = organ.to_sign(answers, options)
    return {
        "evaluations": organ.evaluated(answers, options),
        "differences": [difference.to_json() for difference in disagreeing],
        "to_sign": [{"pointer": p.pointer, "message": p.message} for p in missing],
        "amendment": amendment_json(visit, revision),
        "response": [one.to_json() for one in responses(visit.session, visit.case, answers)],
    }


def _may(visit: Visit) -> list[str]:
    permits = {
        "view": Action.IMAGES_READ,
        "annotate": Action.ANNOTATION_WRITE,
        "sign": Action.ANNOTATION_SIGN,
    }
    return [permit for permit, action in permits.items() if visit.may(action)]


def _signed(visit: Visit, revision: Revision | None) -> dict[str, Any] | None:
    if revision is None or revision.signed_at is None:
        return None
    return {
        "at": iso(revision.signed_at),
        "by": revision.signed_by,
        "verdict": revision.verdict,
        "mine": revision.annotation.reviewer_id == _reviewer(visit)[0],
    }


def _volumes(visit: Visit) -> list[dict[str, Any]]:
    return [volume_json(found) for found in volumes_of_case(visit.session, visit.case.id)]


def _opinion(visit: Visit) -> dict[str, str] | None:
    for opinion in opinions_of_case(visit.session, visit.case.id):
        status = "issued" if opinion.sha256 else "issuing"
        return {
            "status": status,
            "number": opinion.number,
            "href": f"/r/{visit.launch.id}/opinion.pdf",
        }
    return None


API = "/r/<launch>/api"
ROUTES = [
    Route(f"{API}/panel", read_panel, Action.ANNOTATION_READ),
    Route(f"{API}/annotation", save_annotation, Action.ANNOTATION_WRITE, ("PUT",)),
    Route(f"{API}/amendment", begin_amendment, Action.ANNOTATION_SIGN, ("POST",)),
    Route(f"{API}/amendment", discard_amendment, Action.ANNOTATION_SIGN, ("DELETE",)),
    Route(f"{API}/sign", sign_annotation, Action.ANNOTATION_SIGN, ("POST",)),
    Route(f"{API}/volumes", read_volumes, Action.ANNOTATION_READ),
    Route(f"{API}/preview", preview, Action.ANNOTATION_READ),
]
