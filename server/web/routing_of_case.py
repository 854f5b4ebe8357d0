"""Who suits a case: what the records, the forms and the images say of it, handed to `server.routing`.

`ranking_of(visit)` is what every page and the API show of routing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from server.annotations.organs import ORGANS
from server.annotations.queries import current
from server.cases.records import Case
from server.dossier.queries import request_of
from server.panel.sight import visible_annotations, visible_volumes
from server.routing.case_queries import CaseRanking, CaseSaid, ranked_for_case
from server.routing.values import Call
from server.routing.vocabulary import capabilities
from server.web.visit import Visit

# The set that judges a measured share of the liver, and what an inadequate one calls for.
REMNANT_SET = "flr-measured"
INADEQUATE = "inadequate"
# While a panel votes nobody learns from the ranking what a member found.
NOBODY = ""
ENLARGES_REMNANT = "portal_vein_embolisation"


def ranking_of(visit: Visit) -> CaseRanking:
    """Surgeons and centres for the visit's case, best first, with their reasons."""
    said = said_of(visit.session, visit.case)
    return ranked_for_case(visit.session, visit.case, said, visit.now)


def said_of(session: Session, case: Case) -> CaseSaid:
    """What is known of a case that routing asks about."""
    asked = request_of(session, case)
    known = capabilities()
    calls = (*_of_forms(session, case), *_of_images(session, case))
    return CaseSaid(
        cancer=asked.cancer,
        first_centre=asked.first_centre,
        calls=tuple(call for call in calls if call.capability in known),
    )


def _of_forms(session: Session, case: Case) -> Iterator[Call]:
    """What the published sets say an operation would need, and what reviewers themselves named."""
    for annotation in visible_annotations(session, case.id, NOBODY):
        revision = current(annotation)
        if revision is None:
            continue
        draft = "" if revision.signed_at else " (draft)"
        for said in revision.evaluations:
            for code in said.get("capabilities") or ():
                yield Call(str(code), f"{said['title']}{draft}")
        named = revision.answers.get("capability_needed")
        for code in named if isinstance(named, list) else ():
            yield Call(str(code), f"a reviewer{draft}")


def _of_images(session: Session, case: Case) -> Iterator[Call]:
    """A measured remnant that is too small whatever the liver is like calls for its enlargement."""
    organ = ORGANS.get(case.organ)
    if organ is None or REMNANT_SET not in {one.id for one in organ.rulesets}:
        return
    measured = [one for one in visible_volumes(session, case.id, NOBODY) if one.state == "measured"]
    share = measured[0].result.get("flr_percent") if measured else None
    if not isinstance(share, int | float):
        return
    said = organ.ruleset(REMNANT_SET).evaluate({"flr_percent": share})
    if said.best is not None and said.best.code == INADEQUATE:
        yield Call(ENLARGES_REMNANT, f"the measured remnant of {share:.0f} %")
