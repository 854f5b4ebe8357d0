"""The people of the demo world: of each role one who is entitled to the liver case and one who is not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoHospital:
    """A hospital and the AE title it sends from."""

    name: str
    country: str
    ae_title: str


@dataclass(frozen=True)
class DemoPerson:
    """Somebody with an account, or a surgeon who comes in by links."""

    name: str
    email: str
    role: str
    centre: str = ""
    subspecialty: str = ""
    hospital: DemoHospital | None = None


@dataclass(frozen=True)
class DemoCase:
    """A case that is opened before its images arrive."""

    organ: str
    hospital: DemoHospital
    accession_number: str
    question: str
    local_verdict: str
    local_verdict_reason: str
    surgeon: DemoPerson | None


RIVERSIDE = DemoHospital("Riverside General Hospital", "GB", "RIVERSIDE")
HILLCREST = DemoHospital("Hillcrest Medical Centre", "IN", "HILLCREST")
HOSPITALS = (RIVERSIDE, HILLCREST)

ADMIN = DemoPerson("Ada Admin", "admin@margin.example", "admin")
COORDINATOR = DemoPerson("Clara Costa", "clara@margin.example", "coordinator", hospital=RIVERSIDE)
OTHER_COORDINATOR = DemoPerson(
    "Omar Osei", "omar@margin.example", "coordinator", hospital=HILLCREST
)
LIVER_SURGEON = DemoPerson(
    "Dr Lena Lindqvist",
    "lena@margin.example",
    "surgeon",
    centre="Northern Liver Centre",
    subspecialty="hepatopancreatobiliary surgery",
)
PANCREAS_SURGEON = DemoPerson(
    "Dr Paolo Prandi",
    "paolo@margin.example",
    "surgeon",
    centre="Pancreas Institute",
    subspecialty="pancreatic surgery",
)
OUTSIDER_SURGEON = DemoPerson(
    "Dr Otto Outsider", "otto@margin.example", "surgeon", centre="Elsewhere Clinic"
)
PEOPLE = (
    ADMIN,
    COORDINATOR,
    OTHER_COORDINATOR,
    LIVER_SURGEON,
    PANCREAS_SURGEON,
    OUTSIDER_SURGEON,
)

LIVER_CASE = DemoCase(
    organ="liver",
    hospital=RIVERSIDE,
    accession_number="RIV-2026-0417",
    question="Colorectal metastasis in the right liver after six cycles of FOLFOX. Is right "
    "hepatectomy feasible at your centre, and what would remain?",
    local_verdict="Unresectable",
    local_verdict_reason="The remnant was thought to be too small after chemotherapy.",
    surgeon=LIVER_SURGEON,
)
PANCREAS_CASE = DemoCase(
    organ="pancreas",
    hospital=HILLCREST,
    accession_number="HIL-2026-0093",
    question="Adenocarcinoma of the pancreatic head touching the portal vein. Is resection with "
    "venous reconstruction possible, now or after chemotherapy?",
    local_verdict="Unresectable",
    local_verdict_reason="Contact with the superior mesenteric vein and the portal vein.",
    surgeon=PANCREAS_SURGEON,
)
WAITING_CASE = DemoCase(
    organ="liver",
    hospital=RIVERSIDE,
    accession_number="RIV-2026-0502",
    question="Lesion at the dome of the liver close to the hepatic veins. Can it be removed?",
    local_verdict="Unresectable",
    local_verdict_reason="Close to the confluence of the hepatic veins.",
    surgeon=None,
)
CASES = (LIVER_CASE, PANCREAS_CASE, WAITING_CASE)
