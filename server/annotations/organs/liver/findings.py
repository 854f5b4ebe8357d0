"""The vessels and ducts of a liver case, and answers about them that cannot both be true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from server.annotations.decision import Answers

# vessel -> (words, capability that keeping it would need)
VESSELS: Final = {
    "main_pv": ("Main portal vein", "venous_reconstruction"),
    "right_pv": ("Right portal vein", "venous_reconstruction"),
    "right_anterior_pv": ("Right anterior portal branch", "venous_reconstruction"),
    "right_posterior_pv": ("Right posterior portal branch", "venous_reconstruction"),
    "left_pv": ("Left portal vein", "venous_reconstruction"),
    "umbilical_portion": ("Umbilical portion", "venous_reconstruction"),
    "cha": ("CHA", "arterial_resection"),
    "pha": ("PHA", "arterial_resection"),
    "right_ha": ("Right hepatic artery", "arterial_resection"),
    "left_ha": ("Left hepatic artery", "arterial_resection"),
    "replaced_ha": ("Replaced hepatic artery", "arterial_resection"),
    "rhv": ("RHV", "hepatic_vein_reconstruction"),
    "mhv": ("MHV", "hepatic_vein_reconstruction"),
    "lhv": ("LHV", "hepatic_vein_reconstruction"),
    "inferior_rhv": ("Inferior RHV", "hepatic_vein_reconstruction"),
    "ivc": ("IVC", "ivc_reconstruction"),
    "common_duct": ("Common hepatic duct", "biliary_reconstruction"),
    "confluence": ("Ductal confluence", "biliary_reconstruction"),
    "right_duct": ("Right hepatic duct", "biliary_reconstruction"),
    "left_duct": ("Left hepatic duct", "biliary_reconstruction"),
    "right_second_order_ducts": ("Right second-order ducts", "biliary_reconstruction"),
    "left_second_order_ducts": ("Left second-order ducts", "biliary_reconstruction"),
}
# These serve whatever stays; nobody has to say so.
ALWAYS_NEEDED: Final = frozenset({"main_pv", "cha", "pha", "ivc", "common_duct"})


def contradictions(answers: Answers) -> list[tuple[str, str]]:
    """Answers that cannot both be true, as (JSON pointer, sentence)."""
    found: list[tuple[str, str]] = []
    for name, raw in vessel_answers(answers):
        title = VESSELS[name][0]
        if raw.get("contact_deg") == 0 and raw.get("invaded") is True:
            found.append((f"/vessels/{name}/invaded", f"{title}: invaded, and contact of 0°."))
        if raw.get("present") is False and _is_touched(raw):
            found.append(
                (f"/vessels/{name}/present", f"{title}: not present, and contact with it.")
            )
    removed, kept = (
        {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
        for value in (answers.get("planned_resection"), answers.get("planned_remnant"))
    )
    both = sorted(removed & kept)
    if both:
        text = f"Segment {', '.join(both)} is both removed and kept."
        found.append(("/planned_remnant", text))
    return found


def vessel_answers(answers: Answers) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every vessel and duct with its answers, empty where there are none."""
    given = answers.get("vessels")
    vessels: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    for name in VESSELS:
        raw = vessels.get(name)
        yield name, raw if isinstance(raw, Mapping) else {}


def _is_touched(raw: Mapping[str, Any]) -> bool:
    contact = raw.get("contact_deg")
    return isinstance(contact, int | float) and not isinstance(contact, bool) and contact > 0
