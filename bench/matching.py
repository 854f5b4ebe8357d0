"""How long it takes to find the case of a study among 100,000, on SQLite and on PostgreSQL.

python -m bench.matching [--cases 100000] [--studies 300]

A world is generated: cases of 40 hospitals over three years, most with a study of a patient whose name,
birth date and PatientID are drawn from lists as uneven as real ones, a quarter of them still without
images, a fifth expecting several accession numbers. Then studies of all kinds are looked for: expected
ones, such with a slip in name or birth date, unknown ones. Each search is a transaction of its own, the
candidates and the weighing together. Prints the percentiles and writes bench/results/matching.json.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import insert, text

from bench.figures import as_program, in_words, keep
from server.cases.records import Case, CaseStudy, ExpectedAccession
from server.foundation.db import Base, Database, new_id
from server.foundation.migrations import upgrade
from server.intake.arrivals.candidates import candidates
from server.intake.arrivals.identity import name_key
from server.intake.arrivals.matching import Match, StudyFacts, match
from server.intake.records import Arrival
from server.people.records import Hospital
from tests.postgres import new_database, postgres_server

BAR_MS = 50.0
HOSPITALS = 40
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FAMILY = (
    *("Wang", "Li", "Zhang", "Chen", "Kumar", "Singh", "Müller", "Schmidt", "García", "López"),
    *("Rossi", "Smith", "Jones", "Nguyen", "Kim", "Okafor", "Lefebvre", "Yamada", "Silva"),
    *("Ivanova", "Hansen", "Novak", "Papadopoulos", "Öztürk", "Haddad", "Cohen"),
)
GIVEN = (
    *("Ana", "Wei", "Jun", "Priya", "Raj", "Hans", "Greta", "José", "María", "Luca", "John"),
    *("Mary", "Minh", "Chidi", "Camille", "Tarou"),
)
STATES = ("awaiting_records", "ready", "assigned", "in_review", "opined", "closed")
Row = dict[str, object]


class Crowd:
    """The generated cases, and what studies would say of them."""

    def __init__(self, cases: int, seed: int = 20261121) -> None:
        self.chance = random.Random(seed)
        self.hospitals: list[Row] = [
            {"id": new_id(), "name": f"Hospital {n}", "country": "", "registered_at": NOW}
            for n in range(HOSPITALS)
        ]
        self.rows: dict[type[Base], list[Row]] = {
            Case: [],
            ExpectedAccession: [],
            CaseStudy: [],
            Arrival: [],
        }
        for number in range(cases):
            self._add(number)

    def _add(self, number: int) -> None:
        chance, case_id = self.chance, new_id()
        hospital = self.hospitals[min(int(chance.expovariate(0.2)), HOSPITALS - 1)]
        waits = chance.random() < 0.25
        expected = [f"A{number:07d}"]
        if chance.random() < 0.2:
            expected += [f"B{number:07d}", f"C{number:07d}"]
        self.rows[Case].append(
            {
                "id": case_id,
                "number": f"M-{2024 + number % 3}-{number // 3:05d}",
                "organ": "liver",
                "hospital_id": hospital["id"],
                "state": "awaiting_records" if waits else chance.choice(STATES),
                "version": 1,
                "question": "?",
                "accession_number": ", ".join(expected)[:64],
                "opened_at": NOW - timedelta(days=chance.uniform(0, 1095)),
                "opened_by": "bench",
            }
        )
        self.rows[ExpectedAccession] += [{"case_id": case_id, "number": one} for one in expected]
        if not waits:
            self._add_study(case_id, number)

    def _add_study(self, case_id: str, number: int) -> None:
        chance, study = self.chance, f"1.2.826.0.1.{number}"
        name = f"{chance.choice(FAMILY)}^{chance.choice(GIVEN)}"
        born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(25_000))
        self.rows[CaseStudy].append(
            {
                "id": new_id(),
                "case_id": case_id,
                "StudyInstanceUID": study,
                "attached_at": NOW,
                "attached_by": "bench",
                "reason": "",
            }
        )
        self.rows[Arrival].append(
            {
                "id": new_id(),
                "orthanc_id": new_id(),
                "StudyInstanceUID": study,
                "state": "matched",
                "case_id": case_id,
                "PatientID": str(chance.randrange(50_000)),
                "PatientName": name,
                "name_key": name_key(name),
                "PatientSex": chance.choice("MF"),
                "PatientBirthDate": born.strftime("%Y%m%d"),
                "series": [],
                "guesses": [],
                "instance_count": 100,
                "first_seen_at": NOW,
                "changed_at": NOW,
            }
        )

    def studies(self, count: int) -> list[StudyFacts]:
        """Studies to look for: expected, with a slip, of a known patient, and quite unknown."""
        chance = self.chance
        cases = self.rows[Case]
        known = {row["case_id"]: row for row in self.rows[Arrival]}
        found = []
        for number in range(count):
            case = chance.choice(cases)
            patient = known.get(case["id"]) or chance.choice(self.rows[Arrival])
            kind = number % 4
            birth = str(patient["PatientBirthDate"])
            found.append(
                StudyFacts(
                    AccessionNumber=str(case["accession_number"])[:8] if kind == 0 else "X1",
                    StudyDescription="CT abdomen",
                    StudyID="",
                    PatientID=str(patient["PatientID"]),
                    hospital_id=str(case["hospital_id"]),
                    PatientName=str(patient["PatientName"]) if kind < 3 else "Somebody^Else",
                    PatientBirthDate=birth if kind != 2 else f"{birth[:4]}{birth[6:]}{birth[4:6]}",
                    PatientSex=str(patient["PatientSex"]),
                    StudyDate="20261118",
                )
            )
        return found


def fill(db: Database, crowd: Crowd) -> None:
    """Write the crowd into an empty database."""
    with db.writing() as session:
        session.execute(insert(Hospital), crowd.hospitals)
        for record, rows in crowd.rows.items():
            for start in range(0, len(rows), 5000):
                session.execute(insert(record), rows[start : start + 5000])
    with db.writing() as session:
        session.execute(text("ANALYZE"))


def measured(db: Database, studies: list[StudyFacts]) -> tuple[list[float], int]:
    """Milliseconds of each search, and how many ended with a match."""
    times, matches = [], 0
    for study in track(studies, description="Looking", console=Console(stderr=True)):
        started = time.perf_counter()
        with db.reading() as session:
            answer = match(study, candidates(session, study, NOW))
        times.append((time.perf_counter() - started) * 1000)
        matches += isinstance(answer, Match)
    return sorted(times), matches


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, Database]]:
    """One of either kind, empty and up to date."""
    with postgres_server() as server:
        urls = {
            "SQLite": f"sqlite:///{folder / 'matching.db'}",
            "PostgreSQL": new_database(server, "margin_matching"),
        }
        opened = {}
        for name, url in urls.items():
            upgrade(url)
            opened[name] = Database(url)
        yield opened
        for one in opened.values():
            one.dispose()


@click.command()
@click.option("--cases", default=100_000, show_default=True)
@click.option("--studies", default=300, show_default=True)
def main(cases: int, studies: int) -> bool:
    """Measure matching."""
    crowd = Crowd(cases)
    wanted = crowd.studies(studies)
    table = Table(title=f"Finding the case of a study among {cases:,}")
    for heading in ("database", "median ms", "95 % ms", "slowest ms", "matched"):
        table.add_column(heading, justify="right")
    facts: dict[str, object] = {"cases": cases, "studies": studies, "bar_ms": BAR_MS}
    kept = True
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as opened:
        for name, db in opened.items():
            fill(db, crowd)
            measured(db, wanted[:20])
            times, matches = measured(db, wanted)
            median, high = times[len(times) // 2], times[int(len(times) * 0.95)]
            table.add_row(
                name, f"{median:.1f}", f"{high:.1f}", f"{times[-1]:.1f}", f"{matches} of {studies}"
            )
            facts[name] = {"median_ms": median, "p95_ms": high, "slowest_ms": times[-1]}
            kept = kept and high < BAR_MS
    Console().print(table)
    Console().print(f"Bar (95 % below {BAR_MS:.0f} ms): {in_words(kept)}")
    keep("matching", {**facts, "passed": kept})
    return kept


if __name__ == "__main__":
    as_program(main)
