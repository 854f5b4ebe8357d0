"""Pancreas answers for tests: everything clear, then the one thing a test is about."""

from __future__ import annotations

from typing import Any

from server.annotations.organs.pancreas.findings import VESSELS

Answers = dict[str, Any]


def clear_vessel() -> Answers:
    """A vessel looked at and free, with every part of it said."""
    return {
        "contact_deg": 0,
        "contact_kind": "none",
        "contour": "regular",
        "thrombus": "none",
        "reconstructable": "yes",
        "extends_to": [],
    }


def touched(contact_deg: int, **more: Any) -> Answers:
    """A vessel with solid contact, otherwise regular and reconstructable."""
    return {**clear_vessel(), "contact_deg": contact_deg, "contact_kind": "solid", **more}


def pancreas(site: str = "head", m_status: str = "m0", **vessels: Any) -> Answers:
    """Answers with all vessels clear except those given; None leaves a vessel out."""
    said = {name: clear_vessel() for name in VESSELS} | vessels
    return {
        "site": site,
        "m_status": m_status,
        "vessels": {name: value for name, value in said.items() if value is not None},
    }
