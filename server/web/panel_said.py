"""What is said of a panel: to its members in the viewer, and in the opinion that it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Organ
from server.annotations.records import Revision
from server.cases.records import Case
from server.opinions.panel_part import AgreementRow, Dissent, PanelMember, PanelPart
from server.opinions.panel_part import PanelVote as PrintedVote
from server.panel.deciding import dissenters
from server.panel.queries import agreement_of, rule_for, seats_of, vote_of, voters_of
from server.panel.records import Panel, PanelVote
from server.people.records import Person
from server.web import shown
from server.web.taking_part import Part, part_in
from server.web.visit import Visit

MOST_ROWS = 40
# Where a member gives reasons in the form, the first that says something.
REASONS = (("verdict_reason",), ("recommendation", "text"), ("answer_to_question",))


def panel_json(visit: Visit) -> dict[str, Any] | None:
    """The panel as its members' viewer says it: how many voted, never what; None without a panel."""
    part = part_in(visit)
    panel = part.panel
    if panel is None:
        return None
    mine = vote_of(panel, part.person_id) if part.person_id else None
    base = f"/r/{visit.launch.id}" if visit.admission.launch else f"/cases/{visit.case.number}"
    return {
        "rule": rule_for(panel).title,
        "state": panel.state,
        "votes": len(panel.votes),
        "wanted": panel.wanted,
        "voted": mine is not None,
        "concludes": part.concludes and panel.state == "open",
        "chairs": part.chairs,
        "says": _says(panel, part, visit.case, voted=mine is not None),
        "href": f"{base}/panel",
    }


def _says(panel: Panel, part: Part, case: Case, *, voted: bool) -> str:
    if panel.state == "concluded":
        return "The panel has concluded."
    if part.concludes:
        return (
            "All votes are in. This form is the panel's conclusion: it begins as the vote nearest to "
            "the others. Change what has to be changed, then sign on the panel's page."
        )
    if panel.state == "open":
        return "All votes are in: look at the others and discuss them on the panel's page."
    if voted:
        return "Your vote is in; you will see the others when all have voted."
    if part.chairs and not panel.chair_votes:
        return "You are the chair: you conclude when all votes are in, and see none of them before."
    if part.person_id not in {one.person_id for one in voters_of(panel, case)}:
        return "You look on: nobody sees what was voted before all votes are in."
    return (
        "You are one of a panel. Sign to give your vote: nobody sees it before all have voted, and "
        "you see nobody's."
    )


def panel_part(visit: Visit, revision: Revision | None, *, veiled: bool) -> PanelPart | None:
    """What the opinion says of the panel; None where the revision is not the panel's conclusion."""
    panel = part_in(visit).panel
    if panel is None or panel.sealed or revision is None:
        return None
    if revision.annotation.reviewer_id != panel.id:
        return None

    def words(text: str) -> str:
        return shown.words(visit, text) if veiled else text

    verdict = panel.verdict or revision.verdict or str(revision.answers.get("verdict") or "")
    return part_of(panel, visit.case, _chair(visit, panel), verdict, words)


def _chair(visit: Visit, panel: Panel) -> Person | None:
    return visit.session.get(Person, panel.chair_id) if panel.chair_id else None


def part_of(
    panel: Panel, case: Case, chair: Person | None, verdict: str, words: Callable[[str], str] = str
) -> PanelPart:
    """The panel's part of its opinion, for a conclusion of this verdict."""
    organ, votes = ORGANS[case.organ], {one.person_id: one for one in panel.votes}
    members = {
        one.person_id: PanelMember(one.name, one.centre, one.called_later)
        for one in [*voters_of(panel, case), *seats_of(panel, case)]
        if one.voted or one.person_id == panel.chair_id
    }
    if chair is not None:
        members.setdefault(chair.id, PanelMember(chair.name, chair.centre))
    verdicts = {person_id: one.verdict for person_id, one in votes.items()}
    against = [votes[one] for one in dissenters(verdicts, verdict)]
    return PanelPart(
        rule=rule_for(panel).sentence,
        members=tuple(members.values()),
        votes=tuple(
            PrintedVote(one.person.name, one.verdict, organ.verdict_label(one.verdict))
            for one in votes.values()
        ),
        majority=organ.verdict_label(panel.majority) if panel.majority else "",
        chair=chair.name if chair else "",
        conclusion=words(conclusion_text(panel, organ)),
        dissent=tuple(Dissent(one.person.name, words(_dissent(organ, one))) for one in against),
        agreement=tuple(
            AgreementRow(
                f"{one.place}: {one.label}" if one.place else one.label,
                one.agreeing,
                one.of,
                one.said,
            )
            for one in agreement_of(panel, case)
            if not one.unanimous or one.pointer == organ.verdict_pointer
        )[:MOST_ROWS],
    )


def conclusion_text(panel: Panel, organ: Organ) -> str:
    """The chair's text, and why it departs from the majority where it does."""
    if not panel.departure_reason:
        return panel.conclusion
    majority = (
        f"The conclusion departs from the majority ({organ.verdict_label(panel.majority)}), because: "
        if panel.majority
        else "The votes made no majority; the chair concludes so, because: "
    )
    return f"{panel.conclusion}\n\n{majority}{panel.departure_reason}"


def _dissent(organ: Organ, vote: PanelVote) -> str:
    label = organ.verdict_label(vote.verdict)
    reason = reason_of(vote)
    return f"{label}. {reason}" if reason else f"{label}, without a reason in words."


def reason_of(vote: PanelVote) -> str:
    """Why a member voted so, in their own words; empty where they wrote none."""
    for path in REASONS:
        here: Any = vote.revision.answers
        for step in path:
            here = here.get(step) if isinstance(here, dict) else None
        if isinstance(here, str) and here.strip():
            return here.strip()
    return ""
