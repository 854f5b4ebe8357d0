"""The private coding scheme 99MARGIN: what no public terminology has a code for.

Neither DICOM nor SNOMED CT codes the angle of contact between a tumour and a vessel, a future liver
remnant or a resectability category. PS3.16 8.2 leaves designators that begin with 99 to private
schemes. Every code is explained in docs/opinion-formats.md; a code is never given another meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from highdicom.sr import CodedConcept

from server.opinions.spoken import CODES, DATES

SCHEME: Final = "99MARGIN"
SCHEME_NAME: Final = "Margin resectability assessment"
_MEANING_LENGTH: Final = 64  # PS3.5 6.2, VR LO


def margin(value: str, meaning: str) -> CodedConcept:
    """A code of our own; more than 16 characters make it a Long Code Value (PS3.3 8.1)."""
    return CodedConcept(value, SCHEME, meaning[:_MEANING_LENGTH])


def sct(value: str, meaning: str) -> CodedConcept:
    """A SNOMED CT concept, as DICOM names the scheme (PS3.16 8)."""
    return CodedConcept(value, "SCT", meaning[:_MEANING_LENGTH])


def dcm(value: str, meaning: str) -> CodedConcept:
    """A concept of DICOM's own terminology (PS3.16 Annex D)."""
    return CodedConcept(value, "DCM", meaning)


def ucum(value: str, meaning: str) -> CodedConcept:
    """A unit of the Unified Code for Units of Measure."""
    return CodedConcept(value, "UCUM", meaning)


YES: Final = sct("373066001", "Yes")
NO: Final = sct("373067005", "No")
LEFT: Final = sct("7771000", "Left")
RIGHT: Final = sct("24028007", "Right")
NEOPLASM: Final = sct("108369006", "Neoplasm")
LIVER: Final = sct("10200004", "Liver")
VOLUME: Final = sct("118565006", "Volume")
DIAMETER: Final = sct("81827009", "Diameter")
SHORT_AXIS: Final = sct("103340004", "Short axis")  # CID 7470, as the next two
LONG_AXIS: Final = sct("103339001", "Long axis")
LENGTH: Final = sct("410668003", "Length")
ANGLE: Final = sct("1483009", "Angle")  # CID 12304
OCCLUSION: Final = sct("26036001", "Occlusion")

COMMENT: Final = dcm("121106", "Comment")
FINDING: Final = dcm("121071", "Finding")
CONCLUSION: Final = dcm("121077", "Conclusion")
RECOMMENDATION: Final = dcm("121075", "Recommendation")
SUM_OF_VOXELS: Final = dcm("126030", "Sum of segmented voxel method for volume")  # CID 7474

DEGREE: Final = ucum("deg", "Degree")
MILLILITRE: Final = ucum("ml", "milliliter")
MILLIMETRE: Final = ucum("mm", "millimeter")
PERCENT: Final = ucum("%", "percent")
COUNT: Final = ucum("1", "no units")

# What a measurement group is about, and its measurements.
RELATION: Final = margin("RELATION", "Relation of tumour to structure")
NODE: Final = margin("NODE", "Lymph node assessed")
WHOLE_LIVER: Final = margin("LIVER_TOTAL", "Whole liver, tumour included")
REMNANT: Final = margin("FLR", "Future liver remnant")
CONTACT_ANGLE: Final = margin("CONTACT_ANGLE", "Circumference in contact with tumour")
FLR_PERCENT: Final = margin("FLR_PERCENT", "FLR as percentage of its denominator")
FLR_LOW: Final = margin("FLR_PERCENT_LOW", "Lower end of the FLR's uncertainty band")
FLR_HIGH: Final = margin("FLR_PERCENT_HIGH", "Upper end of the FLR's uncertainty band")
DENOMINATOR: Final = margin("FLR_DENOMINATOR", "Denominator of the FLR percentage")
IMAGE_COUNT: Final = margin("IMAGE_COUNT", "Images in the series when reported")
VOLUME_STATE: Final = margin("VOLUME_STATE", "State of the volume measurement")
VOLUME_STATES: Final = {
    "measured": margin("MEASURED", "Measured"),
    "refused": margin("REFUSED", "Not measured, the segmentation was refused"),
    "measuring": margin("MEASURING", "Not measured when the opinion was signed"),
}
VOLUME_SOURCE: Final = margin("VOLUME_SOURCE", "Where a volume comes from")
ENTERED: Final = margin("ENTERED", "Entered by the reviewer")
COUNTED: Final = margin("COUNTED", "Counted from a segmentation")

# Whether something was assessed at all.
CONTACT_STATE: Final = margin("CONTACT_STATE", "Assessment of contact")
ASSESSED: Final = margin("ASSESSED", "Assessed")
NOT_ASSESSED: Final = margin("NOT_ASSESSED", "Not assessed")
NOT_VISIBLE: Final = margin("NOT_VISIBLE", "Not visible on these images")
NOT_STATED: Final = margin("NOT_STATED", "Not stated by the reviewer")
CONTACT_STATES: Final = {
    "measured": ASSESSED,
    "not_assessed": NOT_ASSESSED,
    "not_visible": NOT_VISIBLE,
}

# What the published sets compute, apart from what the surgeon says.
COMPUTED: Final = margin("COMPUTED", "Categories computed from published criteria")
CRITERIA_SET: Final = margin("CRITERIA_SET", "Published criteria set applied")
RULESET_ID: Final = margin("RULESET_ID", "Criteria set identifier")
RULESET_TITLE: Final = margin("RULESET_TITLE", "Criteria set title")
RULESET_VERSION: Final = margin("RULESET_VERSION", "Criteria set version")
RULESET_SOURCE: Final = margin("RULESET_SOURCE", "Criteria set source")
RULESET_OPTION: Final = margin("RULESET_OPTION", "Option of the criteria set in force")
CATEGORY: Final = margin("CATEGORY", "Computed category")
CATEGORY_BEST: Final = margin("CATEGORY_BEST", "Best category still possible")
CATEGORY_WORST: Final = margin("CATEGORY_WORST", "Worst category still possible")
NOT_ADDRESSED: Final = margin("NOT_ADDRESSED", "Not addressed by this criteria set")
SCORE: Final = margin("SCORE", "Score of the criteria set")
RULE_FIRED: Final = margin("RULE_FIRED", "Rule that applied, with its source")
RULE_MISSING: Final = margin("RULE_MISSING", "Missing finding that keeps it undecided")
RULE_FLAG: Final = margin("RULE_FLAG", "Remark of the criteria set")
CAPABILITY: Final = margin("CAPABILITY", CODES["CAPABILITY"])

RECORDED: Final = margin("RECORDED", "Other recorded findings in words")
SURGEON_OPINION: Final = margin("SURGEON_OPINION", "Opinion of the surgeon")
VERDICT: Final = margin("VERDICT", "Surgeon's resectability verdict")
VERDICTS: Final = {
    "resectable_now": margin("V_RESECTABLE", "Resectable now"),
    "resectable_with_conditions": margin("V_CONDITIONS", "Resectable with conditions"),
    "conversion_then_reassess": margin("V_CONVERSION", "Conversion therapy, then reassess"),
    "not_resectable_here": margin("V_NOT_HERE", "Not resectable at this centre"),
    "insufficient_imaging": margin("V_IMAGING", "Imaging is insufficient to judge"),
    "metastatic_no_surgery": margin("V_METASTATIC", "Metastatic, no surgery"),
}
VERDICT_REASON: Final = margin("VERDICT_REASON", "Reason why the verdict differs")
CONFIDENCE: Final = margin("CONFIDENCE", "Confidence of the surgeon")
CONFIDENCES: Final = {
    "low": margin("CONF_LOW", "Low confidence"),
    "moderate": margin("CONF_MODERATE", "Moderate confidence"),
    "high": margin("CONF_HIGH", "High confidence"),
}
SPOKEN: Final = {code: margin(code, meaning) for code, meaning in (CODES | DATES).items()}
QUESTION: Final = margin("QUESTION", "Question asked by the hospital")
STATUS: Final = margin("STATUS", "Status of the opinion")
STATUSES: Final = {
    "preliminary": margin("PRELIMINARY", "Given at a distance, patient not seen"),
    "final": margin("FINAL", "Final"),
}
OPINION_NUMBER: Final = margin("OPINION_NUMBER", "Number of the opinion")
REVISION: Final = margin("REVISION", "Revision of the annotation that was signed")
ANNOTATION_HASH: Final = margin("SHA256", "SHA-256 of the signed answers")
EVIDENCE_SEEN: Final = margin("EVIDENCE", "What a recorded value was seen on")
CHAIN_HASH: Final = margin("CHAIN_SHA256", "SHA-256 that ties the revision to the one before")
AMENDMENT: Final = margin("AMENDMENT", "Which revision is replaced, and why")
CHANGE: Final = margin("CHANGE", "What the amendment changes, before and after")


@dataclass(frozen=True)
class Concept:
    """A question about a structure and its answers: the form's value to its code."""

    name: CodedConcept
    values: Mapping[str, CodedConcept] = field(default_factory=dict)


_THREE: Final = {"yes": YES, "no": NO, "not_stated": NOT_STATED}
_INVOLVEMENT: Final = Concept(
    margin("INVOLVEMENT", "Involvement of the structure"),
    {
        "clear": margin("CLEAR", "Clear of tumour"),
        "free": margin("CLEAR", "Clear of tumour"),
        "absent": margin("ABSENT", "Structure is absent"),
        "contact": margin("TOUCHED", "In contact with tumour, not invaded"),
        "invaded": margin("INVADED", "Invaded by tumour"),
        "involved": margin("INVOLVED", "Involved by tumour"),
        "not_assessed": NOT_ASSESSED,
    },
)

# Fields of one structure, by the name they have in every organ's form.
CONCEPTS: Final[Mapping[str, Concept]] = {
    "contact_kind": Concept(
        margin("CONTACT_KIND", "Kind of contact"),
        {
            "none": margin("FAT_PLANE", "Fat plane kept, no contact"),
            "solid": margin("SOLID", "Solid contact"),
            "haze_only": margin("HAZE_ONLY", "Stranding only, no solid contact"),
        },
    ),
    "contour": Concept(
        margin("CONTOUR", "Contour of the vessel"),
        {
            "regular": margin("REGULAR", "Regular"),
            "irregular": margin("IRREGULAR", "Irregular"),
            "unilateral_narrowing": margin("NARROW_ONE_SIDE", "Narrowed on one side"),
            "bilateral_narrowing": margin("NARROW_BOTH", "Narrowed on both sides"),
            "deformed": margin("DEFORMED", "Deformed"),
            "occluded": OCCLUSION,
        },
    ),
    "patency": Concept(
        margin("PATENCY", "Patency of the vessel or duct"),
        {
            "patent": margin("PATENT", "Patent"),
            "narrowed": margin("NARROWED", "Narrowed"),
            "occluded": OCCLUSION,
        },
    ),
    "thrombus": Concept(
        margin("THROMBUS", "Thrombus in the vessel"),
        {
            "none": margin("THR_NONE", "No thrombus"),
            "bland": margin("THR_BLAND", "Bland thrombus"),
            "indeterminate": margin("THR_UNCLEAR", "Thrombus of indeterminate kind"),
            "tumour": margin("THR_TUMOUR", "Tumour thrombus"),
        },
    ),
    "reconstructable": Concept(
        margin("RECONSTRUCT", "Reconstructable after resection"), dict(_THREE)
    ),
    "in_remnant": Concept(margin("IN_REMNANT", "On the side of the remnant"), dict(_THREE)),
    "invaded": Concept(margin("WALL_INVADED", "Wall of the structure invaded")),
    "present": Concept(margin("PRESENT", "Structure is present in this patient")),
    "short_segment": Concept(margin("SHORT_SEGMENT", "Only a short segment is involved")),
    "beyond_inferior_duodenum": Concept(
        margin("BEYOND_DUODENUM", "Beyond the inferior border of the duodenum")
    ),
    "extends_to": Concept(
        margin("EXTENDS_TO", "Contact extends to"),
        {"hepatic_bifurcation": margin("HEPATIC_BIF", "Bifurcation of the hepatic artery")},
    ),
    "variant_kind": Concept(
        margin("VARIANT_KIND", "Arterial variant"),
        {
            "none": margin("VAR_NONE", "No variant"),
            "replaced_rha": margin("VAR_RHA", "Replaced right hepatic artery"),
            "accessory_rha": margin("VAR_ACC_RHA", "Accessory right hepatic artery"),
            "replaced_lha": margin("VAR_LHA", "Replaced left hepatic artery"),
            "replaced_cha": margin("VAR_CHA", "Replaced common hepatic artery"),
            "ca_stenosis": margin("VAR_CA_STENOSIS", "Coeliac stenosis or median arcuate ligament"),
            "other": margin("VAR_OTHER", "Another variant"),
        },
    ),
    "kind": Concept(
        margin("STRUCTURE_KIND", "Kind of structure"),
        {
            "artery": margin("K_ARTERY", "Artery"),
            "vein": margin("K_VEIN", "Vein"),
            "organ": margin("K_ORGAN", "Organ"),
            "duct": margin("K_DUCT", "Duct"),
            "nerve": margin("K_NERVE", "Nerve"),
            "bone": margin("K_BONE", "Bone"),
            "other": margin("K_OTHER", "Another kind of structure"),
        },
    ),
    "planned": Concept(
        margin("PLANNED", "What is planned with the structure"),
        {
            "keep": margin("KEEP", "Keep"),
            "resect": margin("RESECT", "Resect"),
            "resect_and_reconstruct": margin("RESECT_RECON", "Resect and reconstruct"),
            "not_stated": NOT_STATED,
        },
    ),
    "round": Concept(margin("NODE_ROUND", "Node is round")),
    "irregular_border": Concept(margin("NODE_IRREGULAR", "Node has an irregular border")),
    "heterogeneous": Concept(margin("NODE_MIXED", "Node has a heterogeneous signal")),
    "ducts": _INVOLVEMENT,
    "compartments": _INVOLVEMENT,
    "structures": _INVOLVEMENT,
    "organs": _INVOLVEMENT,
    "nerves": _INVOLVEMENT,
    "stations": Concept(
        margin("NODE_STATUS", "Status of the lymph node station"),
        {
            "sampled_negative": margin("NODE_SAMPLED_NEG", "Sampled and negative"),
            "negative": margin("NODE_NEGATIVE", "Negative on imaging"),
            "suspicious": margin("NODE_SUSPICIOUS", "Suspicious"),
            "proven": margin("NODE_PROVEN", "Proven metastasis"),
            "not_assessed": NOT_ASSESSED,
        },
    ),
    "sacrum_level": Concept(
        margin("SACRUM_LEVEL", "Highest sacral level involved"),
        {
            "none": margin("SACRUM_NONE", "Sacrum not involved"),
            "coccyx": margin("SACRUM_COCCYX", "Coccyx"),
            **{f"s{n}": margin(f"SACRUM_S{n}", f"Sacral vertebra S{n}") for n in range(1, 6)},
            "not_assessed": NOT_ASSESSED,
        },
    ),
}

# Numbers recorded about a structure: name and unit, by the name of the field or of its group.
MEASURES: Final[Mapping[str, tuple[CodedConcept, CodedConcept]]] = {
    "contact_deg": (CONTACT_ANGLE, DEGREE),
    "short_axis_mm": (SHORT_AXIS, MILLIMETRE),
    "node_short_axis_mm": (SHORT_AXIS, MILLIMETRE),
}


def structure(organ: str, key: str, label: str) -> CodedConcept:
    """The exact structure where its SNOMED CT code is broader: `pancreas/gda` with its label."""
    return margin(f"{organ}/{key}", label)


def category(ruleset: str, code: str, label: str = "") -> CodedConcept:
    """A category of one criteria set: `nccn-2022/borderline`. The same word in another set is
    another code, because it has another definition there.
    """
    words = code.replace("_", " ")
    return margin(f"{ruleset}/{code}", label or f"{words[:1].upper()}{words[1:]}")
