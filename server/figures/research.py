"""A de-identified export as a file: the same query gives the same content.

The query holds everything that decides what comes out, the moment as of which the records are read
included; the pseudonyms come from a key made of the server's secret and the query, so that two exports
cannot be joined by them. Days are counted from the day on which the records were complete: intervals stay
exact, which a study of time to treatment or of survival needs, and no date of a calendar leaves. Shifting
dates would keep weekdays and seasons without a use for them.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from server.cases.clocks.business_days import Calendars
from server.figures.anonymity import ANY, USUAL_K, Known, guarded
from server.figures.facts import CaseFacts
from server.figures.research_fields import (
    CASE_FIELDS,
    ResearchField,
    Value,
    answers_of,
    case_values,
    form_fields,
    half_year_of,
)
from server.foundation.clock import iso

# Raised whenever the same query would give another content.
VERSION: Final = 1
PSEUDONYM_DIGITS: Final = 20
FHIR: Final = {
    True: "observations.ndjson: a FHIR R4 bundle of Observations for each case with an issued opinion",
    False: "not asked for",
}
_WHEN: Final = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the zip format's first day: nothing of the clock is in the file


@dataclass(frozen=True)
class Query:
    """What an export is of. `since` and `until` are days of the first opinion; empty cancer is all;
    `fhir` asks for Observations as well, which take a tenth of a second for ten cases."""

    as_of: datetime
    cancer: str = ""
    since: date | None = None
    until: date | None = None
    k: int = USUAL_K
    fhir: bool = False
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """As it is kept, and as the key of the pseudonyms is made from it."""
        return {
            **asdict(self),
            "as_of": iso(self.as_of),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }


def query_of_json(kept: dict[str, Any]) -> Query:
    """A query as `to_json` kept it."""
    return Query(
        datetime.fromisoformat(kept["as_of"]),
        kept["cancer"],
        _day(kept["since"]),
        _day(kept["until"]),
        kept["k"],
        kept["fhir"],
        kept["version"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Made:
    """An export that was made: the zip file, and the hash of what is in it (not of the container)."""

    content: bytes
    content_sha256: str
    case_count: int
    withheld_count: int


@dataclass
class Record:
    """One case on its way out."""

    pseudonym: str
    known: Known
    values: dict[str, Value]
    answers: list[tuple[str, Value]]
    schema_version: int
    bundle: dict[str, Any] | None = None


def export_key(secret_key: str, query: Query) -> bytes:
    """The key of the pseudonyms of one query (HMAC-SHA-256, FIPS 198-1)."""
    said = json.dumps(query.to_json(), sort_keys=True, separators=(",", ":"))
    message = b"margin research export\0" + said.encode()
    return hmac.digest(secret_key.encode(), message, "sha256")


def record_of(facts: CaseFacts, query: Query, key: bytes, calendars: Calendars) -> Record | None:
    """A case as a record, or None where the query does not ask for it."""
    signed = facts.first_signed_at
    if facts.opinion is None or signed is None:
        return None
    day = signed.date()
    wanted = (
        query.cancer in ("", facts.cancer)
        and (query.since is None or day >= query.since)
        and (query.until is None or day <= query.until)
    )
    if not wanted:
        return None
    name = hmac.digest(key, facts.case_id.encode(), "sha256").hex()[:PSEUDONYM_DIGITS]
    return Record(
        name,
        Known(facts.organ, facts.cancer, facts.country, half_year_of(day)),
        case_values(facts, calendars, query.as_of),
        list(answers_of(facts)),
        facts.opinion.schema_version,
    )


def made(records: Iterable[Record], query: Query, revoked: int) -> Made:
    """The export of these records. `revoked` is how many were left out for a revoked consent."""
    # By pseudonym, so that the order says nothing of when a case came.
    ordered = sorted(records, key=lambda one: one.pseudonym)
    guard = guarded([one.known for one in ordered], query.k)
    shown = [
        (_as_said(one, said), said)
        for one, said in zip(ordered, guard.said, strict=True)
        if said is not None
    ]
    files = _files(shown, query)
    manifest = {
        "query": query.to_json(),
        "cases": len(shown),
        "withheld_for_small_groups": guard.withheld,
        "coarsened_for_small_groups": guard.coarsened,
        "left_out_for_revoked_consent": revoked,
        "days": "whole days from day 0, the day on which the records were complete",
        "fhir": FHIR[query.fhir],
        "sha256": {name: hashlib.sha256(text).hexdigest() for name, text in files.items()},
    }
    files["manifest.json"] = _json(manifest)
    content_sha256 = hashlib.sha256(files["manifest.json"]).hexdigest()
    return Made(_zipped(files), content_sha256, len(shown), guard.withheld)


def _files(shown: list[tuple[Record, Known]], query: Query) -> dict[str, bytes]:
    """The files of an export by their names, without the manifest that speaks of them."""
    rows = [
        {
            "case": one.pseudonym,
            "organ": said.organ,
            "cancer": said.cancer,
            "country": said.country,
            "half_year": said.half_year,
            **one.values,
        }
        for one, said in shown
    ]
    files = {
        "cases.csv": _csv([one.name for one in CASE_FIELDS], _cells(rows)),
        "answers.csv": _csv(_ANSWER_COLUMNS, _answer_cells(shown)),
        "dictionary.csv": _csv(_DICTIONARY_COLUMNS, _dictionary_cells()),
        "cases.json": _json(
            [
                {**row, "answers": _gathered(one.answers)}
                for row, (one, _) in zip(rows, shown, strict=True)
            ]
        ),
    }
    if query.fhir:
        bundles = (one.bundle for one, _ in shown if one.bundle is not None)
        files["observations.ndjson"] = "".join(_line(one) for one in bundles).encode()
    return files


def _as_said(record: Record, said: Known) -> Record:
    """Without the form's answers where the kind of cancer is not said: they would tell it."""
    return record if said.cancer != ANY else replace(record, answers=[], bundle=None)


_ANSWER_COLUMNS: Final = ["case", "organ", "schema_version", "field", "value"]
_DICTIONARY_COLUMNS: Final = ["file", "field", "type", "unit", "meaning", "values", "source"]


def _cells(rows: list[dict[str, Value]]) -> Iterator[list[Value]]:
    for row in rows:
        yield [row.get(one.name) for one in CASE_FIELDS]


def _answer_cells(shown: list[tuple[Record, Known]]) -> Iterator[list[Value]]:
    for one, said in shown:
        for pointer, value in one.answers:
            yield [one.pseudonym, said.organ, one.schema_version, pointer, value]


def _dictionary_cells() -> Iterator[list[Value]]:
    for file, fields in (("cases.csv", CASE_FIELDS), ("answers.csv", tuple(form_fields()))):
        for one in fields:
            yield _described(file, one)


def _described(file: str, one: ResearchField) -> list[Value]:
    values = " ".join(one.values)
    return [file, one.name, one.type, one.unit, one.meaning, values, one.source]


def _gathered(answers: list[tuple[str, Value]]) -> dict[str, Value | list[Value]]:
    found: dict[str, list[Value]] = {}
    for pointer, value in answers:
        found.setdefault(pointer, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _csv(header: list[str], lines: Iterable[list[Value]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_cell(one) for one in line] for line in lines)
    return text.getvalue().encode()


def _cell(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    return round(value, 1) if isinstance(value, float) else value


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode()


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True) + "\n"


def _zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"margin-research/{name}", _WHEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=6)
    return held.getvalue()
