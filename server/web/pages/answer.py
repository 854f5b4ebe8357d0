"""Two opinions beside each other: the local team's reasons and the second opinion, point by point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Account
from server.annotations.evidence import EVIDENCE, evidence_words
from server.annotations.fields import Field, answer_at, is_answered, nearest_field
from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Organ
from server.annotations.queries import revision as revision_of
from server.annotations.records import Revision
from server.annotations.summary import value_text
from server.answers import actions, points
from server.answers.actions import Compared, Signing
from server.answers.queries import addenda_of, addendum, open_questions, point, points_of
from server.answers.records import AnswerPoint, OpinionAddendum
from server.foundation.errors import Conflict, FieldProblem, Invalid, Refused
from server.opinions.records import IssuedOpinion
from server.people.records import Person
from server.web import shown
from server.web.following_up import newest_opinion
from server.web.kept_pdf import kept_pdf
from server.web.languages import said_each, say
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.typed_forms import (
    came_back,
    lines_of,
    refuse,
    typed_fields,
    typed_list,
    version_of,
)
from server.web.reviewing import reviewer
from server.web.telling_after import addendum_signed, asked_back
from server.web.visit import Visit


class NotTheSigner(Refused):
    """Only whoever signed an opinion adds to it."""


@dataclass(frozen=True)
class Bound:
    """A field of the signed annotation on which a point rests: its value, and what it was seen on."""

    label: str
    value: str
    seen_on: str


@dataclass(frozen=True)
class PointSeen:
    """A point as this visitor may see it."""

    point: AnswerPoint
    local: str
    second: str
    bound: Bound | None


def answer_page(visit: Visit, refused: Invalid | Conflict | None = None, at: str = "") -> Response:
    """The local verdict and the second opinion beside each other, the points, and what was added."""
    case, session = visit.case, visit.session
    opinion, signed = signed_opinion(visit)
    kept = points_of(session, case.id)
    organ = ORGANS[case.organ]
    veil = shown.veil_of(visit)
    return page(
        visit,
        "answer.html",
        refused=refused,
        case=case,
        base=base_of(visit),
        asked=shown.asked(visit),
        opinion=opinion if opinion and opinion.sha256 else None,
        signed=signed,
        verdict=organ.verdict_label(signed.verdict) if signed else "",
        answer=shown.words(visit, str(signed.answers.get("answer_to_question") or ""))
        if signed
        else "",
        points=[_seen(visit, one, signed) for one in kept],
        tally=points.tally([one.standing for one in kept]),
        suggested=_suggested(visit, kept),
        fields=choosable(visit),
        standings=said_each(points.STANDINGS),
        tones=points.TONES,
        addenda=addenda_of(session, case.id),
        open_questions=open_questions(session, case.id),
        may_write=visit.may(Action.ANSWER_WRITE),
        may_ask=visit.may(Action.ANSWER_ASK),
        may_add=bool(signed and opinion) and _is_signer(visit, signed),
        may_write_letters=visit.may(Action.LETTER_WRITE),
        may_read_opinion=visit.may(Action.OPINION_READ),
        veiled=veil.text if veil else str,
        named=not visit.pseudonymised,
        ticked=set(typed_list("questions")) if refused else None,
        **came_back(refused, at),
    )


def signed_opinion(visit: Visit) -> tuple[IssuedOpinion | None, Revision | None]:
    """The newest opinion of the case with the signed annotation behind it."""
    newest = newest_opinion(visit)
    if newest is None:
        return None, None
    return newest, revision_of(visit.session, newest.revision_id)


def choosable(visit: Visit) -> dict[str, str]:
    """The fields of the form to which a point can be bound, by their pointers."""
    organ = ORGANS[visit.case.organ]
    return {field.pointer: _label(organ, field) for field in _fields(visit)}


def _fields(visit: Visit) -> list[Field]:
    held = ("group", "vessels", "vessel")
    return [
        field
        for field in ORGANS[visit.case.organ].fields
        if field.path and field.path != (EVIDENCE,) and field.hints.get("widget") not in held
    ]


def _label(organ: Organ, field: Field) -> str:
    """The field with the vessel or group that it belongs to."""
    holder = nearest_field(organ.schema, field.path[:-1]) if len(field.path) > 1 else None
    return f"{holder.label}: {field.label}" if holder and holder.path else field.label


def _seen(visit: Visit, kept: AnswerPoint, signed: Revision | None) -> PointSeen:
    return PointSeen(
        kept,
        shown.words(visit, kept.local_text),
        shown.words(visit, kept.second_text),
        _bound(visit, kept.pointer, signed) if kept.pointer and signed else None,
    )


def _bound(visit: Visit, pointer: str, signed: Revision) -> Bound | None:
    field = next((one for one in _fields(visit) if one.pointer == pointer), None)
    if field is None:
        return None
    answers = shown.answers(visit, signed.answers)
    value = answer_at(answers, field.path)
    entry = (answers.get(EVIDENCE) or {}).get(pointer)
    words = value_text(field, value) if is_answered(value) else "not answered"
    label = _label(ORGANS[visit.case.organ], field)
    return Bound(label, words, evidence_words(entry) if entry else "")


def _suggested(visit: Visit, kept: Any) -> str:
    """The local reasons as points, a line each, unless there are points already."""
    if kept:
        return ""
    return "\n".join(points.suggested(visit.case.local_verdict_reason))


def _is_signer(visit: Visit, signed: Revision | None) -> bool:
    if signed is None or not visit.may(Action.ADDENDUM_SIGN):
        return False
    return reviewer(visit)[0] == signed.annotation.reviewer_id


def add_points(visit: Visit) -> Response:
    """Split what the local team said into points, a line each."""
    texts = lines_of(shown.kept(visit, {"text": typed_fields().get("points", "")}, {})["text"])
    try:
        added = actions.add_points(
            visit.session, visit.case, texts, by=visit.actor.text, now=visit.now
        )
    except Invalid as error:
        return answer_page(visit, error, "points")
    visit.note(points=len(added))
    return go(f"{base_of(visit)}/answer#points", "The points stand below.")


def compare(visit: Visit, point_id: str) -> Response:
    """Keep what the second opinion says to a point."""
    typed = typed_fields()
    kept = point(visit.session, visit.case.id, point_id)
    stored = {"local_text": kept.local_text, "second_text": kept.second_text}
    texts = shown.kept(visit, {name: typed.get(name, "") for name in stored}, stored)
    opinion, _ = signed_opinion(visit)
    try:
        with visit.attempt():
            actions.compare(
                visit.session,
                kept,
                Compared(
                    **texts, standing=typed.get("standing", ""), pointer=typed.get("pointer", "")
                ),
                opinion=opinion,
                pointers=frozenset(choosable(visit)),
                seen_version=version_of(typed),
                by=visit.actor.text,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return answer_page(visit, error, f"point-{kept.id}")
    visit.note(point=kept.place, standing=kept.standing)
    return go(f"{base_of(visit)}/answer#point-{kept.id}", "The point is kept.")


def remove_point(visit: Visit, point_id: str) -> Response:
    """Take away a point that nobody compared or asked about."""
    seen = version_of(typed_fields())
    try:
        with visit.attempt():
            actions.remove_point(visit.session, visit.case, point_id, seen_version=seen)
    except Conflict as error:
        return answer_page(visit, error, f"point-{point_id}")
    return go(f"{base_of(visit)}/answer#points", "The point is taken away.")


def ask_back(visit: Visit, point_id: str) -> Response:
    """The local team asks back on a point."""
    kept = point(visit.session, visit.case.id, point_id)
    try:
        asked = actions.ask_back(
            visit.session,
            visit.case,
            kept,
            typed_fields().get("question", ""),
            by=_name(visit),
            now=visit.now,
        )
    except (Invalid, Conflict) as error:
        return answer_page(visit, error, f"ask-{kept.id}")
    _, signed = signed_opinion(visit)
    if signed is not None:
        asked_back(visit, asked, signed)
    visit.note(point=kept.place)
    return go(
        f"{base_of(visit)}/answer#point-{kept.id}",
        say("Asked. The surgeon answers in an addendum."),
    )


def _name(visit: Visit) -> str:
    """The visitor as an addendum names them."""
    actor = visit.actor
    return getattr(actor, "name", actor.text)


def sign_addendum(visit: Visit) -> Response:
    """Sign a text that is added to the opinion and changes none of its findings."""
    typed = typed_fields()
    _to_add_to(visit)
    text = shown.kept(visit, {"text": typed.get("text", "")}, {})["text"]
    try:
        unsigned = FieldProblem("/signed", "Say that you sign it, and that no finding changes.")
        refuse("The addendum was not signed.", [] if typed.get("signed") else [unsigned])
        with visit.attempt():
            kept = add_signed(visit, text, typed_list("questions"))
    except (Invalid, Conflict) as error:
        return answer_page(visit, error, "addendum")
    return go(f"{base_of(visit)}/answer#addenda", f"Addendum {kept.number} is signed.")


def add_signed(visit: Visit, text: str, question_ids: list[str]) -> OpinionAddendum:
    """The same for whoever asks. Raises NotTheSigner, Invalid or QuestionAnsweredMeanwhile."""
    opinion, signed = _to_add_to(visit)
    reviewer_id, name = reviewer(visit)
    person_id = visit.actor.person_id if isinstance(visit.actor, Account) else reviewer_id
    person = visit.session.get(Person, person_id)
    kept = actions.sign_addendum(
        visit.session,
        visit.case,
        opinion,
        text=text,
        question_ids=question_ids,
        signing=Signing(
            name=person.name if person else name,
            signer_id=reviewer_id,
            centre=person.centre if person else "",
            revision_sha256=signed.sha256,
        ),
        now=visit.now,
    )
    visit.note(addendum=kept.number, sha256=kept.content_sha256)
    addendum_signed(visit, kept)
    return kept


def _to_add_to(visit: Visit) -> tuple[IssuedOpinion, Revision]:
    """The visitor's own opinion with the annotation that they signed; raises NotTheSigner."""
    opinion, signed = signed_opinion(visit)
    if opinion is None or signed is None or not _is_signer(visit, signed):
        raise NotTheSigner(
            "An addendum is written by whoever signed the opinion.",
            remedy="Ask the surgeon who signed it, through the coordinator.",
        )
    return opinion, signed


def read_addendum(visit: Visit, addendum_number: str) -> Response:
    """The document of an addendum."""
    found = addendum(visit.session, visit.case.id, addendum_number)
    visit.note(addendum=found.number)
    return kept_pdf(visit, found.sha256, f"addendum-{found.number}.pdf")


def _both(path: str) -> tuple[str, str]:
    return f"/cases/<number>/answer{path}", f"/r/<launch>/answer{path}"


POST = ("POST",)
ROUTES = [
    *(Route(url, answer_page, Action.ANSWER_READ) for url in _both("")),
    *(Route(url, add_points, Action.ANSWER_WRITE, POST) for url in _both("/points")),
    *(Route(url, compare, Action.ANSWER_WRITE, POST) for url in _both("/points/<point_id>")),
    *(
        Route(url, remove_point, Action.ANSWER_WRITE, POST)
        for url in _both("/points/<point_id>/remove")
    ),
    *(Route(url, ask_back, Action.ANSWER_ASK, POST) for url in _both("/points/<point_id>/ask")),
    *(Route(url, sign_addendum, Action.ADDENDUM_SIGN, POST) for url in _both("/addendum")),
    *(
        Route(url, read_addendum, Action.OPINION_READ)
        for url in _both("/addenda/<addendum_number>")
    ),
]
