"""A panel: who has voted, one's own vote, and, once all votes are in, everybody's and the conclusion."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.annotations.organs import ORGANS
from server.panel import actions, concluding, telling
from server.panel.concluding import LONGEST_TEXT, Conclusion
from server.panel.deciding import dissenters
from server.panel.queries import (
    agreement_of,
    messages_of,
    panel_of,
    rule_for,
    seats_of,
    vote_of,
    voters_of,
)
from server.panel.records import Panel, PanelVote
from server.web.api.assignment import EXAMPLE as ASSIGNMENT
from server.web.api.assignment import AssignmentRead, SeatRead, people_named, read_assignment
from server.web.api.cases import done
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AN_ID, AT, NUMBER, Done, Id, Line, Moment, Text, Version, Word
from server.web.pages.panels import NoPanel, admitted, concluded, discussed
from server.web.panel_said import reason_of
from server.web.taking_part import Part
from server.web.visit import Visit

TAG = "Reviewing"
Words = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class OwnVote(Given):
    """The caller's own vote; it is given by signing the form in the viewer."""

    wanted: Annotated[bool, Meta(description="The caller has a voice and has not voted.")]
    verdict: Annotated[Word | None, Meta(description="Null before they have voted.")]
    cast_at: Moment | None


class VoteRead(Given):
    """One member's vote, as all members see it once every vote is in."""

    person_id: Id
    name: Line
    verdict: Word
    label: Line
    reason: Text
    cast_at: Moment
    called_later: Annotated[bool, Meta(description="Asked when the first votes made no majority.")]
    dissents: Annotated[bool, Meta(description="Voted for something else than the conclusion.")]


class AgreementRead(Given):
    """How far the votes agree in one field of the form."""

    pointer: str
    label: str
    agreeing: int
    of: int
    said: Annotated[list[str], Meta(description="The different answers, the most frequent first.")]


class MessageRead(Given):
    """One contribution to the discussion."""

    author: Line
    at: Moment
    text: Text


class ConclusionRead(Given):
    """What the panel concluded, or where its chair's form stands."""

    verdict: Annotated[Word, Meta(description="Empty while the form does not say one.")]
    label: str
    text: Annotated[Text, Meta(description="Empty before the chair has concluded.")]
    departure_reason: Annotated[Text, Meta(description="Why it is not the majority's verdict.")]
    concluded_at: Moment | None
    version: Annotated[
        int | None,
        Meta(description="Of the conclusion's form, for the chair; null for everybody else."),
    ]


class Opened(Given):
    """What nobody is shown while a vote is still to come."""

    majority: Annotated[Word, Meta(description="The verdict of more than half; empty: none.")]
    votes: list[VoteRead]
    agreement: list[AgreementRead]
    discussion: list[MessageRead]
    conclusion: ConclusionRead | None


class PanelSeen(Given):
    """A panel as the caller may see it. `opened` is null while votes are under way: then nobody,
    coordinators included, is told more than how many have voted."""

    rule: Word
    rule_label: Line
    state: Annotated[str, Meta(description="voting, open or concluded")]
    votes_in: int
    votes_wanted: int
    seats: list[SeatRead]
    mine: Annotated[OwnVote | None, Meta(description="Null for who has no voice in it.")]
    opened: Opened | None


class MessageSent(Sent):
    """A contribution to the discussion, which begins when all votes are in."""

    text: Words


class ConclusionSent(Sent):
    """The chair's conclusion. The form beside the images is part of what is signed with it."""

    text: Words
    verdict: Annotated[Word, Meta(description="The form's verdict once more.")]
    version: Annotated[
        int, Meta(ge=0, le=1_000_000, description="`version` of the conclusion that you saw.")
    ]
    departure_reason: Annotated[
        str, Meta(max_length=LONGEST_TEXT, description="Needed against the majority; printed.")
    ] = ""


class SeatTaken(Sent):
    """Who is asked for a seat that nobody on standby is left for."""

    person_id: Id
    version: Version
    chair: Annotated[bool, Meta(description="As the chair of a panel that lost its own.")] = False


class PanelDissolved(Sent):
    """End a panel in which nobody has voted."""

    version: Version


def read_panel(visit: Visit) -> PanelSeen:
    """The panel, as far as the caller may see it."""
    part, panel = admitted(visit)
    case = visit.case
    mine = vote_of(panel, part.person_id) if part.person_id else None
    voices = {one.person_id for one in voters_of(panel, case)}
    return PanelSeen(
        rule=panel.rule,
        rule_label=rule_for(panel).title,
        state=panel.state,
        votes_in=len(panel.votes),
        votes_wanted=panel.wanted,
        seats=[
            SeatRead(person_id=one.person_id, name=one.name, chair=one.chair, voted=one.voted)
            for one in seats_of(panel, case)
        ],
        mine=OwnVote(
            wanted=panel.sealed and mine is None,
            verdict=mine.verdict if mine else None,
            cast_at=mine.cast_at if mine else None,
        )
        if part.person_id in voices
        else None,
        opened=None if panel.sealed else _opened(visit, part, panel),
    )


def _opened(visit: Visit, part: Part, panel: Panel) -> Opened:
    verdicts = {one.person_id: one.verdict for one in panel.votes}
    against = dissenters(verdicts, panel.verdict) if panel.verdict else []
    return Opened(
        majority=panel.majority,
        votes=[_vote(visit, one, one.person_id in against) for one in panel.votes],
        agreement=[
            AgreementRead(
                pointer=one.pointer,
                label=f"{one.place}: {one.label}" if one.place else one.label,
                agreeing=one.agreeing,
                of=one.of,
                said=list(one.said),
            )
            for one in agreement_of(panel, visit.case)
        ],
        discussion=[
            MessageRead(author=one.author, at=one.written_at, text=one.text)
            for one in messages_of(visit.session, panel)
        ],
        conclusion=_conclusion(visit, part, panel),
    )


def _vote(visit: Visit, one: PanelVote, dissents: bool) -> VoteRead:
    return VoteRead(
        person_id=one.person_id,
        name=one.person.name,
        verdict=one.verdict,
        label=ORGANS[visit.case.organ].verdict_label(one.verdict),
        reason=reason_of(one),
        cast_at=one.cast_at,
        called_later=one.called_later,
        dissents=dissents,
    )


def _conclusion(visit: Visit, part: Part, panel: Panel) -> ConclusionRead | None:
    organ = ORGANS[visit.case.organ]
    verdict, version = panel.verdict, None
    if panel.state == "open":
        if not part.concludes:
            return None
        draft = concluding.conclusion_draft(visit.session, panel, visit.case)
        verdict, version = organ.verdict(draft.answers) or "", draft.version
    return ConclusionRead(
        verdict=verdict,
        label=organ.verdict_label(verdict) if verdict else "",
        text=panel.conclusion,
        departure_reason=panel.departure_reason,
        concluded_at=panel.concluded_at,
        version=version,
    )


def discuss(visit: Visit, body: MessageSent) -> PanelSeen:
    """Add to the discussion."""
    said = discussed(visit, body.text)
    visit.note(message=said.id)
    return read_panel(visit)


def conclude(visit: Visit, body: ConclusionSent) -> PanelSeen:
    """Sign the conclusion: the opinion is issued in the panel's name."""
    concluded(visit, Conclusion(body.text, body.verdict, body.departure_reason), body.version)
    visit.found.pop("part", None)
    return read_panel(visit)


def fill_seat(visit: Visit, body: SeatTaken) -> AssignmentRead:
    """Ask somebody for a free seat, or name a chair."""
    panel = panel_of(visit.session, visit.case)
    if panel is None:
        raise NoPanel("This case has no panel.", remedy="Put one on the case first.")
    (who,) = people_named(visit, [body.person_id], "/person_id")
    act = actions.name_chair if body.chair else actions.add_member
    act(
        visit.session,
        panel,
        visit.case,
        who,
        seen_version=body.version,
        by=visit.actor.text,
        now=visit.now,
    )
    made = [one for one in visit.case.assignments if one.person_id == who.id][-1:]
    telling.asked(visit.session, visit.case, made, visit.now)
    visit.note(seat="chair" if body.chair else "member", person=who.name)
    return read_assignment(visit)


def dissolve(visit: Visit, body: PanelDissolved) -> Done:
    """End a panel in which nobody has voted, and take the case back from its members."""
    actions.dissolve_and_clear(
        visit.session, visit.case, seen_version=body.version, by=visit.actor.text, now=visit.now
    )
    return done(visit.case)


_SEAT = SeatRead(person_id=AN_ID, name="Dr Lena Hoffmann", chair=False, voted=True)
_PANEL = PanelSeen(
    rule="majority-3-then-5",
    rule_label="Three blinded votes, two more if needed",
    state="voting",
    votes_in=1,
    votes_wanted=3,
    seats=[_SEAT],
    mine=OwnVote(wanted=False, verdict="resectable", cast_at=AT),
    opened=None,
)
_AT = "/cases/<number>/panel"
_SEATS = "/cases/<number>/assignment/panel"
_CHANGED = ("case_changed_meanwhile", "panel_under_way")

ENDPOINTS = (
    Endpoint(
        "GET", _AT, read_panel, Action.PANEL_READ, TAG, "The panel, as far as one may see it",
        PanelSeen, _PANEL,
        description="For its members, its chair, observers and coordinators.",
        refusals=("no_panel", "not_of_the_panel"),
    ),
    Endpoint(
        "POST", f"{_AT}/discussion", discuss, Action.PANEL_DISCUSS, TAG, "Add to the discussion",
        PanelSeen, _PANEL,
        body=MessageSent, sent=MessageSent(text="The fat plane at the SMA is kept on slice 112."),
        status=201, creates=True, refusals=("votes_not_in", "panel_concluded"),
    ),
    Endpoint(
        "POST", f"{_AT}/conclusion", conclude, Action.PANEL_CONCLUDE, TAG, "Conclude as the chair",
        PanelSeen, _PANEL,
        body=ConclusionSent,
        sent=ConclusionSent(
            text="Resectable with reconstruction of the portal vein.", verdict="resectable",
            version=3,
        ),
        status=201, creates=True, refusals=("votes_not_in", "panel_concluded", "not_the_chair"),
    ),
    Endpoint(
        "POST", f"{_SEATS}/seats", fill_seat, Action.CASE_ASSIGN, "Assignment",
        "Ask somebody for a free seat of the panel, or name its chair", AssignmentRead, ASSIGNMENT,
        body=SeatTaken, sent=SeatTaken(person_id=AN_ID, version=4),
        status=201, creates=True, refusals=_CHANGED,
    ),
    Endpoint(
        "POST", f"{_SEATS}/dissolution", dissolve, Action.CASE_ASSIGN, "Assignment",
        "Dissolve a panel in which nobody has voted", Done,
        Done(number=NUMBER, state="ready", version=5),
        body=PanelDissolved, sent=PanelDissolved(version=4), creates=True, refusals=_CHANGED,
    ),
)  # fmt: skip
