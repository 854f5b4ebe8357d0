"""axe-core, a checker of pages against WCAG: fetched once as it is pinned here, kept under build/."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from viewer_config import install

PACKAGE = install.Package(
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)
KEPT = Path(__file__).resolve().parents[2] / "build" / "tests" / f"{PACKAGE}.js"
# WCAG 2.0 to 2.2, levels A and AA (https://www.w3.org/TR/WCAG22/), and what axe calls best practice.
HELD_TO = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def program(work: Path) -> str:
    """The checker's script; `work` is an empty folder for what is fetched the first time."""
    if not KEPT.is_file():
        tarball = install.fetch(PACKAGE, work)
        install.verify(PACKAGE, tarball)
        with tarfile.open(tarball) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            KEPT.write_bytes(script.read())
    return KEPT.read_text()


def violations(
    page: Page, script: str, rules: list[str] | None = None, within: str = ""
) -> list[str]:
    """What is against the rules on the page as it stands, each with the element and how to mend it.
    `rules` are axe's names of single rules; without them everything that pages are held to.
    `within` is a selector; without it the whole page."""
    page.evaluate(script)
    chosen = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": HELD_TO}
    place = json.dumps(within) if within else "document"
    found: list[dict[str, Any]] = page.evaluate(
        f"async () => (await axe.run({place}, {{runOnly: {json.dumps(chosen)}}})).violations"
    )
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for one in found
        for node in one["nodes"]
    ]
