"""The demo's centres and surgeons have something to say of its waiting case."""

from __future__ import annotations

from datetime import datetime

from server.demo import cast, seed
from server.demo.routing import fill_routing
from server.dossier.queries import request_of
from server.foundation.db import Database
from server.routing.case_queries import CaseSaid, ranked_for_case


def test_the_waiting_case_finds_a_surgeon_and_excludes_the_first_verdict(
    sqlite_database: Database, now: datetime
) -> None:
    with sqlite_database.writing() as session:
        seed._people(session, "a password for the demo")
        case = seed._case(session, cast.WAITING_CASE)
        assert fill_routing(session, case, now)
        assert not fill_routing(session, case, now)
        asked = request_of(session, case)
        said = CaseSaid(cancer=asked.cancer, first_centre=asked.first_centre)
        found = ranked_for_case(session, case, said, now)
    assert [len(found.surgeons), len(found.centres)] == [6, 3]
    assert found.fit[0].candidate.name == cast.LIVER_SURGEON.name
    why = {one.candidate.name: one.reasons.excluded[0].text for one in found.excluded}
    assert why["Dr Rhys Rowlands"] == "Works at Riverside HPB Unit, which gave the first verdict."
    assert len({one.score for one in found.fit}) == len(found.fit)
