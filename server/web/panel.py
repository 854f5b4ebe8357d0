"""The JSON that the resectability panel in the viewer reads and writes."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from server.access.action import Action
from server.access.door import Route
from server.annotations import actions as annotation_actions
from server.annotations.comparison import differences
from server.annotations.following import Followed
from server.annotations.judging import rulesets_of
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.annotations.versions import refuse_future
from server.cases import actions as case_actions
from server.cases.lifecycle import Event, State
from server.cases.queries import study_uids
from server.foundation.clock import iso
from server.foundation.errors import Conflict
from server.opinions.queries import opinions_of_case
from server.volumetry.queries import volume_json
from server.web import shown, signing
from server.web.bodies import fields_of_body
from server.web.composition import responses
from server.web.lesion_slices import slices_of
from server.web.opinion_preview import preview
from server.web.panel_said import panel_json
from server.web.prior import amendment_json, older_json, prior_json, prior_of
from server.web.reviewing import draft_revision, own_revision, reviewer
from server.web.seen_images import binding_problems, standing_answers
from server.web.signing import AMENDED_IN
from server.web.taking_part import has_part, own_id, refuse_amending_votes, volumes_seen
from server.web.visit import Visit


class CaseNotAmended(Conflict):
    """The case is not in a state in which its opinion can be amended."""


def read_panel(visit: Visit) -> Response:
    """Everything the panel needs to draw itself."""
    case, organ = visit.case, ORGANS[visit.case.organ]
    revision = own_revision(visit)
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
            "me": {"name": reviewer(visit)[1], "may": _may(visit)},
            "studies": sorted(study_uids(visit.session, case.id)),
            "form": organ.schema,
            "rulesets": rulesets_of(organ),
            "annotation": {
                "answers": standing_answers(visit, revision.answers) if revision else {},
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
            "panel": panel_json(visit),
        },
    )


def save_annotation(visit: Visit) -> Response:
    """Keep the answers; the whole document over the version that was seen."""
    body = fields_of_body({"answers": dict, "version": int})
    draft = draft_revision(visit)
    answers = shown.kept(visit, body["answers"], draft.answers)
    foreign = binding_problems(visit, body["answers"], answers, draft.answers)
    saved = annotation_actions.save(
        visit.session,
        draft,
        standing_answers(visit, answers),
        seen_version=body["version"],
        now=visit.now,
        options=body.get("options"),
        schema_version=body.get("schema_version"),
        refused_before=foreign,
    )
    if visit.case.state == State.ASSIGNED and has_part(visit):
        case_actions.happen(
            visit.session, visit.case, Event.REVIEW_BEGUN, now=visit.now, by=visit.actor.text
        )
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
    body = fields_of_body({"version": int, "verdict": str})
    signed, _ = signing.sign(visit, seen_version=body["version"], restated_verdict=body["verdict"])
    said = {"signed": _signed(visit, signed), "opinion": _opinion(visit)}
    return _answer(visit, {**said, "panel": panel_json(visit)})


def read_volumes(visit: Visit) -> Response:
    """What was measured from the case's segmentations, newest first."""
    return _answer(visit, {"volumes": _volumes(visit), "opinion": _opinion(visit)})


def begin_amendment(visit: Visit) -> Response:
    """Open a new revision from the visitor's signed one, with the reason for it."""
    body = fields_of_body({"reason": str})
    if visit.case.state not in AMENDED_IN:
        raise CaseNotAmended(
            "An opinion is amended while its case stands at “opinion issued”.",
            remedy="Ask the coordinator to open a new case for this patient.",
        )
    refuse_amending_votes(visit)
    reviewer_id, _ = reviewer(visit)
    reason = shown.kept(visit, {"reason": body["reason"]}, {})["reason"]
    draft = annotation_actions.begin_amendment(
        visit.session, visit.case.id, reviewer_id, reason=reason, now=visit.now
    )
    visit.note(amends=draft.amends)
    return read_panel(visit)


def discard_amendment(visit: Visit) -> Response:
    """Throw the amendment's draft away."""
    body = fields_of_body({"version": int})
    kept = annotation_actions.discard_amendment(
        visit.session, visit.case.id, reviewer(visit)[0], seen_version=body["version"]
    )
    visit.note(stands=kept.number)
    return read_panel(visit)


def _answer(visit: Visit, body: dict[str, Any]) -> Response:
    """The body, or what this visitor may see of it."""
    return jsonify(shown.panel(visit, body))


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
        "response": [one.to_json() for one in _responses(visit, answers)],
    }


def _responses(visit: Visit, answers: dict[str, Any]) -> list[Followed]:
    slices = slices_of(visit.session, visit.case.id, answers)
    return responses(visit.session, visit.case, answers, own_id(visit), slices)


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
        "mine": revision.annotation.reviewer_id == reviewer(visit)[0],
        "revision": revision.number,
        "sha256": revision.chain_sha256,
        "imaging": {
            "series": sum(study["series_count"] for study in revision.imaging),
            "images": sum(study["instance_count"] for study in revision.imaging),
        },
    }


def _volumes(visit: Visit) -> list[dict[str, Any]]:
    return [volume_json(found) for found in volumes_seen(visit)]


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
