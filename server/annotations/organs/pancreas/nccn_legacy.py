"""NCCN resectability as in the tables before v1.2019: the first jejunal branches count.

Everything else is read as in v1.2022. Non-regional nodes are metastatic in both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from server.annotations.decision import Trust
from server.annotations.organs.pancreas.anatomy import touched
from server.annotations.organs.pancreas.engine import LOCALLY_ADVANCED, Rule, Table
from server.annotations.organs.pancreas.findings import VESSELS, Case
from server.annotations.organs.pancreas.nccn_2022 import NCCN_2022

SOURCE: Final = "NCCN Pancreatic Adenocarcinoma, older tables, as in s43055-021-00496-z (table 1)"
# Each branch with the vessel contact may go on from, s43055-021-00496-z table 1.
BRANCHES: Final = {"first_jejunal_artery": "sma", "first_jejunal_vein": "smv_pv"}


def _branches(case: Case) -> list[str]:
    """The first jejunal branches that are touched, themselves or by extension of their trunk."""
    return [
        branch
        for branch, trunk in BRANCHES.items()
        if touched(case, branch)
        or (touched(case, trunk) and branch in case.vessel(trunk).extends_to)
    ]


def _text(case: Case) -> str:
    return " ".join(
        f"{VESSELS[branch]} contact {case.vessel(branch).contact_deg}°, any contact."
        if touched(case, branch)
        else f"{VESSELS[BRANCHES[branch]]} contact extending to the {VESSELS[branch].lower()}."
        for branch in _branches(case)
    )


NCCN_LEGACY: Final[Table] = replace(
    NCCN_2022,
    id="nccn-legacy",
    title="NCCN (older tables)",
    version="before 1.2019",
    source=SOURCE,
    rules=(
        *NCCN_2022.rules,
        Rule(
            "N-LA-7",
            LOCALLY_ADVANCED,
            SOURCE,
            Trust.SOURCED,
            lambda case: bool(_branches(case)),
            _text,
        ),
    ),
    addressed=NCCN_2022.addressed | set(BRANCHES),
    reads=NCCN_2022.reads | {(trunk, "extends_to") for trunk in BRANCHES.values()},
)
