"""Opinions that the tests of this room print: nobody in them exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from server.opinions.document import (
    Conversion,
    Evaluation,
    FiredRule,
    FlrThreshold,
    Opinion,
    Remark,
    Row,
    Section,
    Signer,
    Study,
    Verdict,
    VesselContact,
    Volume,
)
from server.opinions.key_images import KeyImage

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SIGNED_AT = datetime(2026, 11, 21, 8, 30, 15, 250000, tzinfo=UTC)

KEY_IMAGE = KeyImage(
    pointer="/vessels/sma/contact_deg",
    shows="Superior mesenteric artery: Contact",
    series="series 4 portal venous",
    image_number=34,
    StudyInstanceUID="1.2",
    SeriesInstanceUID="1.2.3",
    SOPInstanceUID="1.2.3.4",
    figure="angle 118°",
    window_lower=-125,
    window_upper=225,
)

PANCREAS_CT = Study(
    StudyInstanceUID="1.2.826.0.1.3680043.8.498.10145893750215463212569854712365478963",
    study_date=date(2026, 11, 9),
    modality="CT",
    description="CT abdomen, pancreas protocol",
    series_count=4,
    instance_count=1812,
)

PANCREAS = Opinion(
    status="preliminary",
    number="M-2026-0042",
    case_number="C-2026-0117",
    hospital_name="Northfield General Hospital",
    hospital_reference="ACC-884213",
    organ_title="Pancreas",
    question=(
        "Is resection of this tumour of the pancreatic head feasible at your centre, and under "
        "what conditions?"
    ),
    answer=(
        "Yes, after chemotherapy. The tumour touches the superior mesenteric artery over 120 "
        "degrees without narrowing it, and narrows the superior mesenteric vein on one side; the "
        "vein can be reconstructed. I would not operate first."
    ),
    verdict=Verdict("conversion_then_reassess", "Conversion therapy, then reassess"),
    verdict_reason=(
        "The criteria call this borderline on the vessels alone. CA 19-9 is high and has not been "
        "repeated after drainage, so I would see the response before an operation is offered."
    ),
    local_verdict="Unresectable",
    local_verdict_reason="Contact with the superior mesenteric artery.",
    recommendation="Chemotherapy first; operate only if the artery stays free of narrowing.",
    operation="Pancreatoduodenectomy with resection of the superior mesenteric vein",
    approach="Open, artery first",
    alternatives="Continued chemotherapy if CA 19-9 does not fall.",
    conditions=(
        "No progression and a falling CA 19-9 after four cycles",
        "A centre that reconstructs the portal and superior mesenteric vein",
        "ECOG 0 or 1",
    ),
    conversion=Conversion(
        strategy="FOLFIRINOX as chosen by the local oncologist",
        reassess_after="4 cycles of 2 weeks",
        remeasure=("Contact with SMA and SMV", "CA 19-9 with bilirubin", "New liver lesions"),
    ),
    investigations=("Staging laparoscopy", "CT of the chest"),
    confidence="Moderate",
    limits=("The coeliac axis is hidden by an artefact of the biliary stent.",),
    vessels=(
        VesselContact(
            "Superior mesenteric artery", "measured", 120, kind="solid", contour="regular"
        ),
        VesselContact(
            "Coeliac axis", "not_assessed", note="Artefact of the biliary stent in all phases."
        ),
        VesselContact("Common hepatic artery", "measured", 0, kind="none"),
        VesselContact("Gastroduodenal artery", "measured", 0, kind="haze_only"),
        VesselContact("Aorta", "measured", 0),
        VesselContact("Variant artery", "not_visible"),
        VesselContact("Portal vein", "measured", 90, kind="solid", reconstructable="yes"),
        VesselContact(
            "Superior mesenteric vein",
            "measured",
            270,
            kind="solid",
            contour="unilateral narrowing",
            thrombus="none",
            reconstructable="yes",
        ),
        VesselContact("Splenic vein", "measured", 360, kind="solid", contour="occluded"),
        VesselContact("Inferior vena cava", "not_assessed"),
    ),
    sections=(
        Section(
            "Tumour",
            (Row("Site", "Head"), Row("Largest diameter", "34 mm", "pancreatic phase, axial")),
        ),
        Section("Metastases", (Row("Liver", "none seen"), Row("Peritoneum", "not assessed"))),
    ),
    evaluations=(
        Evaluation(
            ruleset="nccn-2022",
            title="NCCN (v1.2022)",
            version="1.0",
            category=None,
            category_label="",
            interval_label="Borderline resectable to locally advanced",
            fired=(
                FiredRule("N-BR-1", "S1, S3", "sourced", "Contact with the SMA of 180° or less."),
                FiredRule(
                    "N-BR-5",
                    "S1, S3",
                    "sourced",
                    "Contact with the SMV above 180°, reconstructable.",
                ),
            ),
            missing=(Remark("/vessels/ca/contact_deg", "The coeliac axis was not assessed."),),
            capabilities=("venous reconstruction", "arterial resection"),
        ),
        Evaluation(
            ruleset="iap-2017",
            title="IAP 2017",
            version="1.0",
            category="borderline",
            category_label="Borderline resectable (BR-AB)",
            fired=(
                FiredRule(
                    "I-BR-2",
                    "S1, S7",
                    "sourced",
                    "Artery in contact over 180° or less without deformity.",
                ),
                FiredRule("I-B-1", "S7", "sourced", "CA 19-9 above 500 U/mL."),
            ),
            flags=(Remark("bilirubin", "CA 19-9 is only interpretable with bilirubin (GK)."),),
        ),
        Evaluation(
            ruleset="jps-7",
            title="JPS 7th edition",
            version="1.0",
            category="locally_advanced",
            category_label="Locally advanced",
            fired=(
                FiredRule(
                    "J-LA-1", "general knowledge", "general_knowledge", "Vein beyond the duodenum."
                ),
            ),
        ),
    ),
    imaging=(
        PANCREAS_CT,
        Study("1.2.840.113619.2.55.3.604688119", date(2026, 10, 2), "MR", "MRCP", 6, 240),
    ),
    signer=Signer(
        "Prof. A. Lindqvist", "Seahaven University Hospital", "Hepatopancreatobiliary surgery"
    ),
    signed_at=SIGNED_AT,
    revision=3,
    revision_sha256=SHA256,
)

LIVER = Opinion(
    status="preliminary",
    number="M-2026-0043",
    case_number="C-2026-0120",
    hospital_name="Hospital São José, Cirurgia",
    organ_title="Liver",
    patient="M. Example",
    question="Can both lobes be cleared, and is the remnant large enough?",
    answer="Yes, by a right hepatectomy, if the remnant is enlarged first.",
    verdict=Verdict("resectable_with_conditions", "Resectable with conditions"),
    local_verdict="Unresectable",
    operation="Right hepatectomy",
    conditions=("Portal vein embolisation, then volumetry after 4 weeks",),
    confidence="High",
    sections=(Section("Function", (Row("Child-Pugh", "A5"), Row("Background", "chemotherapy"))),),
    evaluations=(
        Evaluation(
            ruleset="flr",
            title="FLR by background",
            version="1.0",
            category="borderline",
            category_label="Borderline remnant",
            fired=(
                FiredRule("F-30", "S39", "sourced", "Chemotherapy: at least 30 % is asked for."),
            ),
        ),
    ),
    volumes=(
        Volume(
            id="v1",
            state="measured",
            label="Liver, FLR and tumour",
            series_description="Portal venous 1.5 mm",
            liver_ml=1650.0,
            flr_ml=420.0,
            tumour_ml=150.0,
            flr_percent=28.0,
            denominator="measured TLV - tumour",
            uncertainty_percent=10.0,
            uncertainty_trust="UNPUB",
            measured_at="2026-11-20T10:00:00Z",
        ),
        Volume(
            id="v2",
            state="refused",
            label="Second segmentation",
            refusal="The segmentation has 512 x 512 x 80 voxels, the images 512 x 512 x 120.",
        ),
    ),
    thresholds=(
        FlrThreshold(20.0, "normal liver (Kishi)", "formula sTLV", "Kishi 2009", "sourced"),
        FlrThreshold(30.0, "chemotherapy (Shindoh)", "formula sTLV", "Kishi 2009", "sourced"),
        FlrThreshold(
            40.0, "cholestasis", "measured TLV - tumour", "Chun 2008", "general_knowledge"
        ),
    ),
    imaging=(replace(PANCREAS_CT, description="CT liver, four phases"),),
    signer=Signer("Dr B. Okafor", "Lakeside Liver Centre", "Liver surgery"),
    signed_at=SIGNED_AT,
    revision=1,
    revision_sha256=SHA256,
)

HOSTILE_TEXT = (
    "<script>alert(1)</script> <img src=http://127.0.0.1:9/x.png> <img src=file:///etc/passwd> "
    "</style><style>@page{size:A6}</style> {{ 7*7 }} {% raw %} &lt; \" ' -->"
)

HOSTILE = replace(
    PANCREAS,
    case_number="C-1</title><script>",
    hospital_name=HOSTILE_TEXT,
    question=HOSTILE_TEXT,
    answer="before\x00\x1b\ud800\u202eafter " + HOSTILE_TEXT,
    verdict=Verdict('x" onload="alert(1)', "<b>bold</b>"),
    vessels=(VesselContact("</title></svg><script>", "measured", 10, note=HOSTILE_TEXT),),
    sections=(Section("<h1>title", (Row("<i>label", HOSTILE_TEXT, "<u>note"),)),),
    signer=Signer("<script>name", "</footer>", "'"),
)

LONG = replace(
    PANCREAS,
    answer="\n\n".join(
        f"Paragraph {n}. " + "A sentence of ordinary length is here. " * 14 for n in range(1, 16)
    ),
    operation="W" * 400,
    conditions=tuple(f"Condition {n}: " + "it must hold. " * 20 for n in range(1, 25)),
    limits=("An unbroken word: " + "x" * 300,),
)

DRAFT = replace(PANCREAS, number="", signed_at=None, revision=None, revision_sha256="")
