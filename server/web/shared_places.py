"""Where a recipient's pages lie below `/r/<launch>/`. Pure."""

from __future__ import annotations

from typing import Final

SHARED_PAGE: Final = "shared"
