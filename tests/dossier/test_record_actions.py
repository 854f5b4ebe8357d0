"""Keeping a case's records, on either kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.lifecycle import Event, State
from server.cases.queries import DocumentNotFound, case_by_id
from server.cases.records import Case, CaseDocument
from server.dossier import actions, requests
from server.dossier.completeness import Standing
from server.dossier.entries import EntryKind
from server.dossier.queries import (
    completeness_of,
    entries_of,
    facts_of_document,
    latest_values,
    overrides_of,
    standing_consent,
    unclassified,
    values_of,
    wanted,
)
from server.dossier.records import RecordedValue
from server.foundation.errors import Invalid
from tests.world import World

BY = "coordinator Clara"


def case_of(session: Session, world: World) -> Case:
    """The pancreas case, awaiting its records."""
    case = case_by_id(session, world.inside.id)
    if case.state == State.ASSIGNED:
        cases.happen(session, case, Event.RECORDS_WANTED, now=case.opened_at)
    return case


def paper(session: Session, case: Case, now: datetime, name: str) -> CaseDocument:
    return cases.keep_document(
        session,
        case,
        title=name,
        media_type="application/pdf",
        size_bytes=10,
        sha256=name.rjust(64, "0"),
        received_from="Riverside",
        now=now,
    )


def value(session: Session, case: Case, now: datetime, day: str, **typed: tuple[str, str]) -> None:
    actions.record_values(session, case, typed, taken_on=day, by=BY, now=now)


def test_a_classified_document_settles_its_item(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        report = paper(session, case, now, "a")
        assert unclassified(case, facts_of_document(session, case.id)) == [report]
        actions.classify(
            session,
            case,
            report.id,
            kind="pathology_report",
            language="en",
            also=["biomarkers"],
            by=BY,
            now=now,
        )
    with world.db.reading() as session:
        case = case_of(session, world)
        found = {one.item.id: one.standing for one in completeness_of(session, case).items}
        assert found["pathology_report"] is Standing.RECEIVED
        assert found["biomarkers"] is Standing.RECEIVED
        assert unclassified(case, facts_of_document(session, case.id)) == []


def test_classifying_again_replaces_what_was_said(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        report = paper(session, case, now, "a")
        for kind in ("pathology_report", "clinic_letter"):
            actions.classify(session, case, report.id, kind=kind, by=BY, now=now)
        assert facts_of_document(session, case.id)[report.id].kind == "clinic_letter"


def test_a_translation_attaches_to_an_original_of_the_same_case(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        original, translated, third = (paper(session, case, now, name) for name in "abc")
        foreign = paper(session, case_by_id(session, world.outside.id), now, "d")

        def translate(one: CaseDocument, of: str) -> None:
            actions.classify(
                session, case, one.id, kind="clinic_letter", translation_of=of, by=BY, now=now
            )

        translate(translated, original.id)
        for one, of, said in (
            (translated, translated.id, "itself"),
            (translated, foreign.id, "of this case"),
            (third, translated.id, "choose its original"),
            (original, third.id, "translations of this one"),
        ):
            with pytest.raises(Invalid) as refused:
                translate(one, of)
            assert said in refused.value.problems[0].message
        with pytest.raises(DocumentNotFound):
            translate(foreign, "")
        assert facts_of_document(session, case.id)[translated.id].translation_of == original.id


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"kind": "novel"}, "/kind"),
        ({"kind": "other", "language": "xx"}, "/language"),
        ({"kind": "other", "dated_on": "yesterday"}, "/dated_on"),
        ({"kind": "other", "dated_on": "2030"}, "/dated_on"),
        ({"kind": "other", "also": ["moon"]}, "/also"),
    ],
)
def test_a_document_is_not_classified_by_what_is_not_offered(
    sqlite_world: World, now: datetime, fields: dict[str, str], at: str
) -> None:
    with sqlite_world.db.writing() as session:
        case = case_of(session, sqlite_world)
        report = paper(session, case, now, "a")
        with pytest.raises(Invalid) as refused:
            actions.classify(session, case, report.id, by=BY, now=now, **fields)  # type: ignore[arg-type]
        assert [one.pointer for one in refused.value.problems] == [at]


def test_values_of_a_day_are_kept_together_or_not_at_all(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        with pytest.raises(Invalid) as refused:
            value(session, case, now, "2026-11-01", inr=("1.1", "ratio"), height=("17", "cm"))
        assert [one.pointer for one in refused.value.problems] == ["/height"]
        assert values_of(session, case.id) == []
        with pytest.raises(Invalid, match="No value was kept"):
            value(session, case, now, "2026-11-01")


def test_the_newest_value_fills_the_field_of_the_unit_it_was_reported_in(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        value(session, case, now, "2026-11-01", bilirubin=("40", "µmol/L"))
        value(session, case, now, "2026-11-10", bilirubin=("1.9", "mg/dL"), cea=("< 2", "ng/mL"))
        both = latest_values(session, case, now.date())
        assert set(both) == {"bilirubin_mg_dl"}
        assert both["bilirubin_mg_dl"].value == 1.9
        only = latest_values(session, case, now.date(), ["bilirubin_umol_l"])
        assert only["bilirubin_umol_l"].value == pytest.approx(32.49)
        assert only["bilirubin_umol_l"].reported == "1.9 mg/dL"
        earlier = latest_values(session, case, now.date() - timedelta(days=15))
        assert earlier["bilirubin_umol_l"].value == 40


def test_a_withdrawn_value_stays_and_counts_no_more(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        value(session, case, now, "2026-11-01", inr=("1.1", "ratio"))
        kept = values_of(session, case.id)[0]
        assert actions.withdraw_value(session, case, kept.id, by=BY, now=now) == "inr"
        assert values_of(session, case.id) == []
        assert session.get_one(RecordedValue, kept.id).withdrawn_by == BY
        with pytest.raises(actions.NotOfThisCase):
            other = case_by_id(session, world.outside.id)
            actions.withdraw_value(session, other, kept.id, by=BY, now=now)


def test_a_typed_operation_that_was_given_up_makes_its_report_mandatory(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        line = {"kind": "operation_abandoned", "regimen": "laparotomy", "from_on": "2026-03"}
        actions.add_entry(session, case, EntryKind.TREATMENT, {**line, "response": ""}, BY, now)
        blocking = completeness_of(session, case).blocking
        assert "Operative report" in blocking
        entry = entries_of(session, case.id)[EntryKind.TREATMENT][0]
        actions.withdraw_entry(session, case, entry.id, by=BY, now=now)
        assert "Operative report" not in completeness_of(session, case).blocking


def test_the_clock_does_not_start_without_what_is_required_unless_somebody_says_why(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)

        def declare(why: str = "") -> tuple[str, ...]:
            return actions.declare_complete(
                session, case, seen_version=case.version, by=BY, now=now, override=why
            )

        with pytest.raises(actions.RecordsNotComplete, match="Blood tests as values"):
            declare()
        with pytest.raises(actions.RecordsNotComplete):
            declare("   ")
        assert case.state == State.AWAITING_RECORDS
        missing = declare("The patient is operated on tomorrow.")
        assert "The patient's consent is not recorded." in missing
        assert case.records_complete_at == now
        (kept,) = overrides_of(session, case)
        assert (kept.by, kept.missing) == (BY, list(missing))


def test_a_complete_case_needs_no_reason(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        blood = dict.fromkeys(("albumin",), ("38", "g/L")) | {
            "ca19_9": ("40", "U/mL"),
            "bilirubin": ("12", "µmol/L"),
            "inr": ("1.0", "ratio"),
            "creatinine": ("80", "µmol/L"),
            "platelets": ("200", "G/L"),
        }
        value(session, case, now, "2026-11-10", **blood)
        asked = requests.Asked(asker="patient")
        requests.describe_request(session, case, asked, by=BY, now=now)
        assert completeness_of(session, case).complete
        assert (
            actions.declare_complete(session, case, seen_version=case.version, by=BY, now=now) == ()
        )
        assert overrides_of(session, case) == []


def test_an_item_is_decided_once_and_may_be_wanted_again(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)

        def decide(standing: Standing, reason: str = "no biopsy") -> None:
            actions.decide(
                session,
                case,
                "pathology_report",
                standing=standing,
                reason=reason,
                by=BY,
                now=now,
            )

        decide(Standing.NOT_AVAILABLE)
        decide(Standing.WAIVED)
        assert "pathology_report" not in {one.item.id for one in wanted(session, case)}
        actions.undecide(session, case, "pathology_report")
        actions.undecide(session, case, "pathology_report")
        assert "pathology_report" in {one.item.id for one in wanted(session, case)}
        for standing, reason in ((Standing.WAIVED, " "), (Standing.RECEIVED, "because")):
            with pytest.raises(Invalid):
                decide(standing, reason)
        with pytest.raises(actions.NotOfThisCase):
            actions.decide(
                session, case, "moon", standing=Standing.WAIVED, reason="x", by=BY, now=now
            )


def test_a_consent_is_revoked_once_with_a_reason_and_may_be_given_anew(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)

        def consent(how: str = "written", day: str = "2026-11-01", document: str = "") -> None:
            requests.record_consent(
                session, case, given_on=day, how=how, document_id=document, by=BY, now=now
            )

        def revoke(why: str) -> None:
            requests.revoke_consent(session, case, why=why, by=BY, now=now)

        with pytest.raises(requests.NoConsentStanding):
            revoke("she called")
        for refused in ({"how": "telepathy"}, {"day": "2027-01-01"}, {"document": "x" * 32}):
            with pytest.raises(Invalid):
                consent(**refused)
        consent()
        with pytest.raises(Invalid):
            revoke(" ")
        revoke("she called")
        assert completeness_of(session, case).consent.revoked
        with pytest.raises(requests.NoConsentStanding):
            revoke("again")
        requests.record_consent(
            session,
            case,
            given_on="2026-11-19",
            how="electronic",
            document_id="",
            by=BY,
            now=now + timedelta(minutes=1),
        )
        newest = standing_consent(session, case)
        assert newest is not None
        assert newest.revoked_at is None
        assert completeness_of(session, case).consent.problem == ""


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        (requests.Asked(asker="stranger"), "/asker"),
        (requests.Asked(asker="relative"), "/asker_relation"),
        (requests.Asked(cancer="liver-hcc"), "/cancer"),
        (requests.Asked(reasons=("boredom",)), "/reasons"),
        (requests.Asked(first_verdict_on="soon"), "/first_verdict_on"),
        (requests.Asked(first_verdict_on="2030-01"), "/first_verdict_on"),
    ],
)
def test_a_request_is_described_in_the_words_offered(
    sqlite_world: World, now: datetime, asked: requests.Asked, at: str
) -> None:
    with sqlite_world.db.writing() as session:
        with pytest.raises(Invalid) as refused:
            requests.describe_request(
                session, case_of(session, sqlite_world), asked, by=BY, now=now
            )
        assert [one.pointer for one in refused.value.problems] == [at]


def test_nothing_of_one_case_shows_in_another(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case, other = case_of(session, world), case_by_id(session, world.outside.id)
        value(session, case, now, "2026-11-01", inr=("1.1", "ratio"))
        actions.add_entry(session, case, EntryKind.QUESTION, {"text": "Why?"}, BY, now)
        assert values_of(session, other.id) == []
        assert not any(entries_of(session, other.id).values())
