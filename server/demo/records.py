"""Records of the demo cases: documents, values, a history, a specimen on its way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from markupsafe import escape
from sqlalchemy.orm import Session

from server.cases.actions import keep_document
from server.cases.records import Case, CaseDocument
from server.dossier import actions, requests, specimens
from server.dossier.entries import EntryKind
from server.foundation.files import FileStore
from server.opinions.pdf import pdf_of_html

DEMO: Final = "demo"

PATHOLOGY: Final = """Histology H26-04711, liver, segment VI, core biopsy.
Metastasis of a moderately differentiated adenocarcinoma of colorectal type (CK20 and CDX2 positive).
No steatohepatitis in the accompanying liver tissue; sinusoidal dilatation grade 1."""
RADIOLOGY: Final = """CT of chest, abdomen and pelvis with contrast, three phases.
Single lesion of the right liver, segments V and VI, 48 mm, smaller than before (66 mm).
No lesion in the left liver. No enlarged nodes. Lungs clear."""
LETTER: Final = """Adenocarcinoma of the pancreatic head, jaundice relieved by a stent.
The tumour touches the superior mesenteric vein over about half of its circumference.
Our board did not recommend an operation. The patient wishes a second opinion."""
LETTER_IN_GERMAN: Final = """Adenokarzinom des Pankreaskopfes, Ikterus nach Stenteinlage rückläufig.
Der Tumor grenzt auf etwa der Hälfte des Umfangs an die Vena mesenterica superior.
Unser Tumorboard hat keine Operation empfohlen. Der Patient wünscht eine Zweitmeinung."""

_VALUES: Final = (
    (40, {"cea": "86", "bilirubin": "21", "albumin": "34", "inr": "1.2", "platelets": "118"}),
    (
        5,
        {
            "cea": "31.4",
            "bilirubin": "14",
            "albumin": "38",
            "inr": "1.1",
            "platelets": "156",
            "creatinine": "78",
            "height": "172",
            "weight": "71.5",
            "ecog": "1",
        },
    ),
)


def fill_records(
    session: Session, files: FileStore, liver: Case, pancreas: Case, now: datetime
) -> bool:
    """Give both cases some records, and say whether that was done: a second time it is not."""
    if liver.documents or pancreas.documents:
        return False
    _liver(session, files, liver, now)
    _pancreas(session, files, pancreas, now)
    return True


def _liver(session: Session, files: FileStore, case: Case, now: datetime) -> None:
    _papers(session, files, case, now)
    _values(session, case, now)
    _history(session, case, now)
    asked = requests.Asked(
        cancer="liver-crlm",
        reasons=("unresectable", "colorectal_metastases"),
        first_centre="Riverside General Hospital",
        circumstances={"treated_before": True, "operation_abandoned": False},
    )
    requests.describe_request(session, case, asked, by=DEMO, now=now)
    requests.record_consent(
        session,
        case,
        given_on=_day(now, 5),
        how="written",
        document_id="",
        by=DEMO,
        now=now,
    )
    _specimen(session, case, now)
    specimens.ask_for(
        session,
        case,
        kind="reconstruction_3d",
        asked_of="Northern Liver Centre",
        detail="Liver with hepatic veins and portal branches, remnant after right hepatectomy",
        due_on=_day(now, -6),
        by=DEMO,
        now=now,
    )


def _day(now: datetime, days_ago: int) -> str:
    return (now - timedelta(days=days_ago)).date().isoformat()


def _papers(session: Session, files: FileStore, case: Case, now: datetime) -> None:
    day = _day(now, 5)
    pathology = _paper(
        session, files, case, "pathology-report.pdf", "Pathology report", PATHOLOGY, now
    )
    radiology = _paper(session, files, case, "ct-report.pdf", "Radiology report", RADIOLOGY, now)
    _paper(session, files, case, "scan-0007.pdf", "Clinic letter", LETTER.split("\n")[-1], now)
    for paper, kind in ((pathology, "pathology_report"), (radiology, "radiology_report")):
        actions.classify(
            session, case, paper.id, kind=kind, language="en", dated_on=day, by=DEMO, now=now
        )


def _values(session: Session, case: Case, now: datetime) -> None:
    for days_ago, values in _VALUES:
        taken = _day(now, days_ago)
        typed = {name: (text, _unit(name)) for name, text in values.items()}
        actions.record_values(session, case, typed, taken_on=taken, by=DEMO, now=now)


def _history(session: Session, case: Case, now: datetime) -> None:
    begun, ended = _day(now, 150), _day(now, 35)
    for kind, line in (
        (
            EntryKind.TREATMENT,
            {
                "kind": "chemotherapy",
                "regimen": "FOLFOX with bevacizumab",
                "cycles": "6",
                "from_on": begun,
                "until_on": ended,
                "response": "PR",
            },
        ),
        (EntryKind.MEDICATION, {"name": "ramipril", "dose": "5 mg", "frequency": "once a day"}),
        (EntryKind.MARKER, {"marker": "kras", "result": "not mutated", "tested_on": begun}),
        (EntryKind.MARKER, {"marker": "msi", "result": "MSS, proficient", "tested_on": begun}),
        (EntryKind.QUESTION, {"text": "How long would I be in hospital?"}),
    ):
        actions.add_entry(session, case, kind, line, DEMO, now)


def _specimen(session: Session, case: Case, now: datetime) -> None:
    slides = specimens.list_specimen(
        session,
        case,
        pathology_number="H26-04711",
        label="A1 to A4",
        kind="he_slide",
        count="4",
        site="liver, segment VI",
        due_back_on=(now + timedelta(days=28)).date().isoformat(),
        by=DEMO,
        now=now,
    )
    moves = (
        specimens.Moved(
            "handed_over",
            (now - timedelta(days=2)).isoformat(),
            "Pathology, Riverside General Hospital",
            "MedExpress courier",
        ),
        specimens.Moved(
            "in_transit",
            (now - timedelta(days=1)).isoformat(),
            courier="MedExpress",
            tracking="MX 4471 0093 2",
        ),
    )
    for moved in moves:
        specimens.note_custody(session, case, slides.id, moved, by=DEMO, now=now)


def _pancreas(session: Session, files: FileStore, case: Case, now: datetime) -> None:
    original = _paper(session, files, case, "Arztbrief.pdf", "Arztbrief", LETTER_IN_GERMAN, now)
    translated = _paper(session, files, case, "letter-en.pdf", "Clinic letter", LETTER, now)
    for paper, language, of in ((original, "de", ""), (translated, "en", original.id)):
        actions.classify(
            session,
            case,
            paper.id,
            kind="clinic_letter",
            language=language,
            translation_of=of,
            by=DEMO,
            now=now,
        )
    typed = {"ca19_9": ("412", "U/mL"), "bilirubin": ("1.9", "mg/dL")}
    day = (now - timedelta(days=9)).date().isoformat()
    actions.record_values(session, case, typed, taken_on=day, by=DEMO, now=now)
    asked = requests.Asked(
        asker="relative",
        asker_relation="daughter",
        reasons=("unresectable", "pancreas_borderline"),
        first_centre="Hillcrest Medical Centre",
    )
    requests.describe_request(session, case, asked, by=DEMO, now=now)
    requests.record_consent(
        session, case, given_on=day, how="electronic", document_id="", by=DEMO, now=now
    )


def _unit(quantity: str) -> str:
    units = {"cea": "ng/mL", "albumin": "g/L", "inr": "ratio", "platelets": "G/L"}
    body = {"height": "cm", "weight": "kg", "ecog": "grade"}
    return {**units, **body}.get(quantity, "µmol/L")


def _paper(
    session: Session,
    files: FileStore,
    case: Case,
    name: str,
    title: str,
    text: str,
    now: datetime,
) -> CaseDocument:
    """A page of synthetic text as PDF."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in text.split("\n"))
    html = (
        f"<!doctype html><html lang=en><head><title>{escape(title)}</title></head>"
        f"<body><h1>{escape(title)}</h1><p>Synthetic, of the demo. No real patient.</p>{lines}"
    )
    content = pdf_of_html(html)
    return keep_document(
        session,
        case,
        title=name,
        media_type="application/pdf",
        size_bytes=len(content),
        sha256=files.put(content),
        received_from=case.hospital.name,
        now=now,
    )
