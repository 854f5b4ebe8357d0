"""Two opinions beside each other: the points, asking back, addenda, and the letters about both."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.access.permissions import Account, Holder, Program
from server.answers import actions, letters
from server.answers.actions import LONGEST_LETTER, LONGEST_TEXT, Compared
from server.answers.points import LONGEST_POINT, MOST_POINTS, STANDINGS
from server.answers.queries import addenda_of, point, points_of
from server.answers.records import AnswerPoint, OpinionAddendum
from server.web import telling_after
from server.web.api.endpoint import BASE, Endpoint, Given, Media, Sent
from server.web.api.fields import AN_ID, AT, NUMBER, Href, Id, Line, Moment, Said, Text, Word
from server.web.pages.answer import add_signed, choosable, read_addendum, signed_opinion
from server.web.pages.letters import letter_as_kept, letter_pdf
from server.web.visit import Visit

TAG = "Comparison"
Seen = Annotated[int, Meta(ge=0, le=1_000_000, description="The version that you saw.")]
PointText = Annotated[str, Meta(min_length=1, max_length=LONGEST_POINT)]


class AskedBackRead(Given):
    """Something that the local team asked back on a point."""

    id: Id
    text: Text
    asked_at: Moment
    asked_by: Line
    addendum: Annotated[str | None, Meta(description="The addendum that answers; null: open.")]


class PointRead(Given):
    """A reason of the local team, and what the second opinion says to it."""

    id: Id
    place: int
    version: int
    local: Text
    second: Text
    standing: Annotated[str, Meta(description="How the two stand to each other; empty: not said.")]
    pointer: Annotated[
        str, Meta(description="The finding of the form on which it rests, or empty.")
    ]
    asked: list[AskedBackRead]


class AddendumRead(Given):
    """What was added to an opinion after it was signed. It changes no finding."""

    number: Word
    opinion: Annotated[Word, Meta(description="The number of the opinion that it belongs to.")]
    text: Text
    signed_at: Moment
    signed_by: Line
    sha256: Annotated[str, Meta(description="SHA-256 of the PDF; empty while it is made.")]
    document: Annotated[Href, Meta(description="The address of the PDF.")]


class Comparison(Given):
    """The two opinions beside each other, point by point."""

    local_verdict: Text
    verdict: Annotated[str, Meta(description="Of the second opinion; empty before it is signed.")]
    points: list[PointRead]
    addenda: list[AddendumRead]


class PointsSent(Sent):
    """What the local team said, a point each. What stands there already is not added twice."""

    points: Annotated[list[PointText], Meta(min_length=1, max_length=MOST_POINTS)]


class PointCompared(Sent):
    """A point as it is kept from now on, with what the second opinion says to it."""

    local: PointText
    version: Seen
    second: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""
    standing: Annotated[Word, Meta(description=f"Empty, or one of {', '.join(STANDINGS)}.")] = ""
    pointer: Annotated[
        str, Meta(max_length=200, description="JSON pointer to a finding of the form, or empty.")
    ] = ""


class PointUnwanted(Sent):
    """A point that nobody compared or asked about."""

    version: Seen


class AskedBack(Sent):
    """A question of the local team on a point; it is answered in an addendum."""

    question: Said


class AddendumSigned(Sent):
    """A text of whoever signed the opinion, and which questions it answers."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    questions: Annotated[
        list[Id], Meta(max_length=20, description="Ids of questions that were asked back.")
    ] = []  # noqa: RUF012 - copied by msgspec


class LetterRead(Given):
    """A letter about both opinions: as it was last kept, or as its template begins it."""

    kind: Word
    language: Word
    version: Annotated[int, Meta(description="0 while nobody kept it.")]
    text: Text
    sha256: Annotated[str, Meta(description="SHA-256 of its PDF; empty while there is none.")]
    document: Href


class LetterKept(Sent):
    """A letter as it was edited; its PDF is made within seconds."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_LETTER)]
    version: Seen


def read_comparison(visit: Visit) -> Comparison:
    """The local verdict and the second opinion beside each other."""
    _, signed = signed_opinion(visit)
    return Comparison(
        local_verdict=visit.case.local_verdict,
        verdict=signed.verdict if signed else "",
        points=[_point(one) for one in points_of(visit.session, visit.case.id)],
        addenda=[_addendum(visit, one) for one in addenda_of(visit.session, visit.case.id)],
    )


def add_points(visit: Visit, body: PointsSent) -> Comparison:
    """Split what the local team said into points."""
    added = actions.add_points(
        visit.session, visit.case, body.points, by=visit.actor.text, now=visit.now
    )
    visit.note(points=len(added))
    return read_comparison(visit)


def compare(visit: Visit, point_id: str, body: PointCompared) -> Comparison:
    """Keep what the second opinion says to a point."""
    kept = actions.compare(
        visit.session,
        point(visit.session, visit.case.id, point_id),
        Compared(body.local, body.second, body.standing, body.pointer),
        opinion=signed_opinion(visit)[0],
        pointers=frozenset(choosable(visit)),
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(point=kept.place, standing=kept.standing)
    return read_comparison(visit)


def remove_point(visit: Visit, point_id: str, body: PointUnwanted) -> Comparison:
    """Take away a point that nobody compared or asked about."""
    actions.remove_point(visit.session, visit.case, point_id, seen_version=body.version)
    return read_comparison(visit)


def ask_back(visit: Visit, point_id: str, body: AskedBack) -> Comparison:
    """The local team asks back on a point."""
    kept = point(visit.session, visit.case.id, point_id)
    actor = visit.actor
    asked = actions.ask_back(
        visit.session,
        visit.case,
        kept,
        body.question,
        by=actor.name if isinstance(actor, Account | Holder | Program) else actor.text,
        now=visit.now,
    )
    _, signed = signed_opinion(visit)
    if signed is not None:
        telling_after.asked_back(visit, asked, signed)
    visit.note(point=kept.place)
    return read_comparison(visit)


def sign_addendum(visit: Visit, body: AddendumSigned) -> AddendumRead:
    """Sign a text that is added to the opinion and changes none of its findings."""
    return _addendum(visit, add_signed(visit, body.text, body.questions))


def read_letter(visit: Visit, kind: str, language: str) -> LetterRead:
    """A letter about both opinions."""
    kept, begun = letter_as_kept(visit, kind, language)
    return LetterRead(
        kind=kind,
        language=language,
        version=kept.version if kept else 0,
        text=kept.text if kept else begun.text,
        sha256=kept.sha256 if kept else "",
        document=f"{BASE}/cases/{visit.case.number}/letters/{kind}/{language}.pdf",
    )


def keep_letter(visit: Visit, kind: str, language: str, body: LetterKept) -> LetterRead:
    """Keep a letter as it was edited."""
    letter_as_kept(visit, kind, language)
    actions.keep_letter(
        visit.session,
        visit.case,
        kind=kind,
        language=language,
        text=body.text,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(letter=kind, language=language)
    return read_letter(visit, kind, language)


def _point(one: AnswerPoint) -> PointRead:
    return PointRead(
        id=one.id,
        place=one.place,
        version=one.version,
        local=one.local_text,
        second=one.second_text,
        standing=one.standing,
        pointer=one.pointer,
        asked=[
            AskedBackRead(
                id=asked.id,
                text=asked.text,
                asked_at=asked.asked_at,
                asked_by=asked.asked_by,
                addendum=asked.addendum.number if asked.addendum else None,
            )
            for asked in one.questions
        ],
    )


def _addendum(visit: Visit, one: OpinionAddendum) -> AddendumRead:
    return AddendumRead(
        number=one.number,
        opinion=one.opinion.number,
        text=str(one.content["text"]),
        signed_at=one.signed_at,
        signed_by=one.signed_by,
        sha256=one.sha256,
        document=f"{BASE}/cases/{visit.case.number}/addenda/{one.number}",
    )


_ADDENDUM = AddendumRead(
    number=f"{NUMBER}-O1-A1",
    opinion=f"{NUMBER}-O1",
    text="The fat plane is seen best on the pancreatic phase, slices 108 to 114.",
    signed_at=AT,
    signed_by="Dr Lena Hoffmann",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    document=f"{BASE}/cases/{NUMBER}/addenda/{NUMBER}-O1-A1",
)
_COMPARED = Comparison(
    local_verdict="Unresectable",
    verdict="resectable_after_conversion",
    points=[
        PointRead(
            id=AN_ID,
            place=1,
            version=2,
            local="The SMA is encased.",
            second="Contact of 90° after chemotherapy.",
            standing="differ",
            pointer="/vessels/sma/contact_deg",
            asked=[
                AskedBackRead(
                    id=AN_ID, text="Which sequence shows the fat plane?", asked_at=AT,
                    asked_by="Riverside tumour board", addendum=_ADDENDUM.number,
                )
            ],
        )
    ],
    addenda=[_ADDENDUM],
)  # fmt: skip
_LETTER = LetterRead(
    kind=next(iter(letters.KINDS)), language="en", version=1, text="Dear colleagues, …", sha256="",
    document=f"{BASE}/cases/{NUMBER}/letters/{next(iter(letters.KINDS))}/en.pdf",
)  # fmt: skip
_AT = "/cases/<number>/comparison"
_ONE = f"{_AT}/points/<point_id>"
_LETTERS = "/cases/<number>/letters/<kind>/<language>"
_CHANGED = ("points_changed_meanwhile", "no_opinion_to_compare")
_WHICH = f"`kind` is one of {', '.join(letters.KINDS)}, `language` one of {', '.join(letters.LANGUAGES)}."

ENDPOINTS = (
    Endpoint(
        "GET", _AT, read_comparison, Action.ANSWER_READ, TAG,
        "The two opinions beside each other", Comparison, _COMPARED,
    ),
    Endpoint(
        "POST", f"{_AT}/points", add_points, Action.ANSWER_WRITE, TAG,
        "Split the local reasons into points", Comparison, _COMPARED,
        body=PointsSent, sent=PointsSent(points=["The SMA is encased."]),
        status=201, creates=True,
    ),
    Endpoint(
        "PUT", _ONE, compare, Action.ANSWER_WRITE, TAG, "Compare a point", Comparison, _COMPARED,
        body=PointCompared,
        sent=PointCompared(local="The SMA is encased.", second="Contact of 90°.",
                           standing="differ", version=1),
        refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_ONE}/removal", remove_point, Action.ANSWER_WRITE, TAG, "Take a point away",
        Comparison, _COMPARED, body=PointUnwanted, sent=PointUnwanted(version=1),
        creates=True, refusals=(*_CHANGED, "point_in_use"),
    ),
    Endpoint(
        "POST", f"{_ONE}/questions", ask_back, Action.ANSWER_ASK, TAG, "Ask back on a point",
        Comparison, _COMPARED,
        body=AskedBack, sent=AskedBack(question="Which sequence shows the fat plane?"),
        status=201, creates=True, refusals=("no_opinion_to_compare",),
    ),
    Endpoint(
        "POST", "/cases/<number>/addenda", sign_addendum, Action.ADDENDUM_SIGN, TAG,
        "Sign an addendum", AddendumRead, _ADDENDUM,
        description="For whoever signed the opinion, by account or access link.",
        body=AddendumSigned, sent=AddendumSigned(text=_ADDENDUM.text, questions=[AN_ID]),
        status=201, creates=True, refusals=("not_the_signer", "question_answered_meanwhile"),
    ),
    Endpoint(
        "GET", "/cases/<number>/addenda/<addendum_number>", read_addendum, Action.OPINION_READ, TAG,
        "An addendum as PDF", Media("application/pdf", "The document."),
        refusals=("addendum_not_found",),
    ),
    Endpoint(
        "GET", _LETTERS, read_letter, Action.LETTER_WRITE, TAG, "A letter about both opinions",
        LetterRead, _LETTER, description=_WHICH,
        refusals=("letter_not_found", "no_opinion_to_write_about"),
    ),
    Endpoint(
        "PUT", _LETTERS, keep_letter, Action.LETTER_WRITE, TAG, "Keep a letter",
        LetterRead, _LETTER, description=_WHICH,
        body=LetterKept, sent=LetterKept(text="Dear colleagues, …", version=0),
        refusals=("letter_changed_meanwhile", "letter_not_found"),
    ),
    Endpoint(
        "GET", f"{_LETTERS}.pdf", letter_pdf, Action.LETTER_WRITE, TAG, "A letter as PDF",
        Media("application/pdf", "As it was last kept."), refusals=("letter_not_found",),
    ),
)  # fmt: skip
