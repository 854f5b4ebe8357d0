"""What a header says of the pixels of one frame. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameShape:
    """What a header says of one frame (PS3.3 C.7.6.3 and C.7.6.24); bits per sample."""

    Rows: int
    Columns: int
    SamplesPerPixel: int = 1
    BitsAllocated: int = 16
    BitsStored: int = 16
    PixelRepresentation: int = 0
    PhotometricInterpretation: str = "MONOCHROME2"
    PlanarConfiguration: int = 0
    is_float: bool = False

    @classmethod
    def read(cls, said: object) -> FrameShape:
        """From anything that has these attributes under their keywords."""
        return cls(
            Rows=int(getattr(said, "Rows", 0) or 0),
            Columns=int(getattr(said, "Columns", 0) or 0),
            SamplesPerPixel=int(getattr(said, "SamplesPerPixel", 1) or 1),
            BitsAllocated=int(getattr(said, "BitsAllocated", 0) or 8),
            BitsStored=int(getattr(said, "BitsStored", 0) or getattr(said, "BitsAllocated", 8)),
            PixelRepresentation=int(getattr(said, "PixelRepresentation", 0) or 0),
            PhotometricInterpretation=str(getattr(said, "PhotometricInterpretation", "") or ""),
            PlanarConfiguration=int(getattr(said, "PlanarConfiguration", 0) or 0),
        )

    @property
    def is_subsampled(self) -> bool:
        """Whether native pixels share their colour in pairs (PS3.3 C.7.6.3.1.2)."""
        is_named_so = self.PhotometricInterpretation in ("YBR_FULL_422", "YBR_PARTIAL_422")
        return is_named_so and self.SamplesPerPixel == 3

    @property
    def frame_bytes(self) -> int:
        """The length of one native frame, in whole bytes."""
        return (self.frame_bits + 7) // 8

    @property
    def frame_bits(self) -> int:
        """The length of one native frame in bits."""
        samples = 2 if self.is_subsampled else self.SamplesPerPixel
        return self.Rows * self.Columns * samples * self.BitsAllocated

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """One sample in memory. Raises TypeError for other sizes than 8, 16, 32 and 64 bits."""
        kind = "f" if self.is_float else "i" if self.PixelRepresentation else "u"
        return np.dtype(f"<{kind}{self.BitsAllocated // 8}")
