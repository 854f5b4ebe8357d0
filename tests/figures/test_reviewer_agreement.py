"""Agreement of panels: the first three votes, blinded, of open panels only, within one's hospitals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.annotations.records import Annotation, Revision
from server.figures.filters import Filters
from server.figures.reviewers import reviewer_agreement
from server.figures.tables import agreements
from server.foundation.db import new_id
from server.panel.records import Panel, PanelVote
from server.people.actions import add_person
from tests.figures.lives import BEGUN, Lived, live
from tests.figures.test_rows_of_cases import caught_up
from tests.world import World

NOW_R, LATER_R, NEVER = "resectable_now", "conversion_then_reassess", "not_resectable_here"


def panel(world: World, verdicts: list[str], *, state: str = "concluded", later: int = 0) -> None:
    """A case of the inside hospital with a panel that voted so; the last `later` were called later."""
    with world.db.writing() as session:
        case = live(session, world.hospital, world.surgeon, Lived())
        made = Panel(
            case_id=case.id,
            number=1,
            case_round=1,
            rule="x",
            state=state,
            wanted=len(verdicts),
            convened_at=BEGUN,
            convened_by="test",
        )
        session.add(made)
        session.flush()
        for place, verdict in enumerate(verdicts):
            key = new_id()
            voter = add_person(
                session, name=key, email=f"{key}@x.example", role="surgeon", now=BEGUN
            )
            form = Annotation(
                case_id=case.id, organ="pancreas", reviewer_id=voter.id, reviewer_name="x"
            )
            session.add(form)
            session.flush()
            revision = Revision(annotation_id=form.id, number=1)
            session.add(revision)
            session.flush()
            session.add(
                PanelVote(
                    panel_id=made.id,
                    person_id=voter.id,
                    revision_id=revision.id,
                    verdict=verdict,
                    cast_at=BEGUN + timedelta(hours=place),
                    called_later=place >= len(verdicts) - later,
                )
            )


def test_three_first_votes_of_open_panels_are_compared(world: World) -> None:
    panel(world, [NOW_R] * 3)
    panel(world, [NOW_R, LATER_R, NEVER, NEVER, NEVER], later=2)
    panel(world, [NOW_R, NOW_R])
    panel(world, [NOW_R, NOW_R, NEVER], state="voting")
    caught_up(world.db)
    with world.db.reading() as session:
        pancreas, all_ = reviewer_agreement(session, Filters())
        assert (pancreas.organ, pancreas.panels, pancreas.unanimous) == ("pancreas", 2, 1)
        assert pancreas.percent == pytest.approx(50.0)
        # Observed 1/2; by chance (4/6)^2 + (1/6)^2 + (1/6)^2 = 1/2.
        assert pancreas.kappa == pytest.approx(0.0)
        assert all_.panels == 2
        lines = agreements([pancreas, all_]).lines
        assert lines[0][2:] == [2, 1, None, None]
        elsewhere = Filters(hospital_ids=frozenset({world.other_hospital.id}))
        assert reviewer_agreement(session, elsewhere) == []
        assert reviewer_agreement(session, Filters(cancer="lung")) == []
        assert agreements([]).empty
