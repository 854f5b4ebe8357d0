"""The document of an opinion: printed with pictures, and sealed.

python -m bench.opinion
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import get_args

import click
import numpy as np
from PIL import Image
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from server.annotations.organs import ORGANS
from server.annotations.summary import sections
from server.opinions.document import Language, Opinion, Signer, Study, Verdict
from server.opinions.key_images import MOST_IMAGES, KeyImage
from server.opinions.pdf import render_pdf
from server.opinions.recorded import recorded_fields, remaining_sections
from server.opinions.seal import sealed
from server.opinions.seal_key import SealKey, seal_key_of
from server.opinions.standing import Verification
from server.opinions.stored import evaluation_of

MOST_S = 2.0  # the bar for one opinion
SIDE = 560


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> bool:
    """Seconds to print and seal the fullest opinion of each organ, with six key images."""
    table = Table(title="An opinion's document")
    for heading in ("organ", "language", "pages kB", "print", "seal", "both", "bar", ""):
        table.add_column(heading)
    figures = []
    pictures = {image.name: _noise(number) for number, image in enumerate(_images())}
    with tempfile.TemporaryDirectory() as folder:
        now = datetime.now(UTC)
        key = seal_key_of(Path(folder) / "seal.pem", None, "", own=True, now=now)
        for organ in ORGANS:
            for language in get_args(Language):
                opinion = replace(_fullest(organ), language=language)
                timed = _timed(opinion, pictures, key, rounds)
                figures.append({"organ": organ, "language": language, **timed})
                table.add_row(
                    organ,
                    language,
                    f"{timed['kb']}",
                    *(f"{timed[name]:.2f} s" for name in ("print_s", "seal_s", "both_s")),
                    f"{MOST_S:g} s",
                    in_words(bool(timed["kept"])),
                )
    console().print(table)
    passed = all(one["kept"] for one in figures)
    keep("opinion", {"rounds": rounds, "passed": passed, "figures": figures})
    console().print(f"Bars: {in_words(passed)}")
    return passed


def _timed(
    opinion: Opinion, pictures: Mapping[str, bytes], key: SealKey, rounds: int
) -> dict[str, float | bool]:
    """Medians of printing and of sealing in s, and the sealed document's size in kB."""
    prints, seals, size = [], [], 0
    for _ in range(rounds):
        started = time.perf_counter()
        pdf = render_pdf(opinion, pictures)
        printed = time.perf_counter()
        size = len(sealed(pdf, opinion, key))
        prints.append(printed - started)
        seals.append(time.perf_counter() - printed)
    both = median(prints) + median(seals)
    return {
        "kb": size // 1000,
        "print_s": median(prints),
        "seal_s": median(seals),
        "both_s": both,
        "kept": both <= MOST_S,
    }


def _fullest(organ_id: str) -> Opinion:
    """The opinion that the organ's longest example makes."""
    organ = ORGANS[organ_id]
    answers = max(organ.examples().values(), key=lambda example: len(str(example)))
    evaluations = organ.evaluate(answers)
    fields = recorded_fields(answers, organ.schema)
    if not fields["verdict"].code:
        fields["verdict"] = Verdict("resectable_now", "Resectable now")
    return Opinion(
        status="preliminary",
        case_number="M-2026-00001",
        hospital_name="Riverside",
        organ_title=organ.title,
        question="Is resection feasible at your centre, and under what conditions?",
        signer=Signer("A surgeon", "A centre", "A subspecialty"),
        number="M-2026-00001-O1",
        sections=tuple(remaining_sections(sections(organ, answers, evaluations), organ.schema)),
        evaluations=tuple(evaluation_of(one.to_json()) for one in evaluations),
        imaging=(Study("1.2.3", None, "CT", "CT", 4, 1800),),
        key_images=tuple(_images()),
        signed_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        revision=1,
        revision_sha256="0" * 64,
        verification=Verification("https://margin.example/verify", "00000-00000"),
        **fields,
    )


def _images() -> list[KeyImage]:
    return [
        KeyImage(f"/v{n}", f"Vessel {n}: Contact", "series 4", n, "1.2", "1.2.3", f"1.2.3.{n}")
        for n in range(MOST_IMAGES)
    ]


def _noise(seed: int) -> bytes:
    """A JPEG that is hard to compress."""
    pixels = np.random.default_rng(seed).integers(0, 255, (SIDE // 4, SIDE // 4, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE)).save(file, "JPEG", quality=92)
    return file.getvalue()


if __name__ == "__main__":
    as_program(main)
