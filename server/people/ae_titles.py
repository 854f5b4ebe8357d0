"""What an AE title may look like (PS3.5 6.2, VR AE)."""

from __future__ import annotations

from server.foundation.errors import FieldProblem

LONGEST_AE_TITLE = 16  # PS3.5 6.2: 16 bytes maximum


def problem(ae_title: str) -> FieldProblem | None:
    """Why `ae_title` cannot be registered, or None when it can."""
    if not ae_title or ae_title != ae_title.strip():
        return FieldProblem(
            "/ae_title", "An AE title has 1 to 16 characters, without spaces at the ends."
        )
    if len(ae_title) > LONGEST_AE_TITLE:
        return FieldProblem(
            "/ae_title", f"An AE title has at most 16 characters; {len(ae_title)} were given."
        )
    if any(not 0x20 <= ord(character) <= 0x7E or character == "\\" for character in ae_title):
        return FieldProblem(
            "/ae_title", "An AE title consists of plain ASCII characters and has no backslash."
        )
    return None
