"""One meaning, one colour, in the terminal, in pictures and on pages.

Price is ink, a model is blue and its spread a light band of it, naive is dashed grey, and each verdict has its own
colour. Colour never stands alone: words, dashes and the shape of a mark say the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

BETTER = "better"
WORSE = "worse"
NOT_DISTINGUISHABLE = "not distinguishable"
TOO_FEW = "too few"


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as `#rrggbb`."""

    paper: str
    card: str
    ink: str
    muted: str
    rule: str
    price: str
    model: str
    band: str
    naive: str
    better: str
    worse: str
    undecided: str
    few: str

    def verdict(self, word: str | None) -> str:
        """Return the colour of a verdict; that of muted text where there is none."""
        return str(getattr(self, VERDICT_ROLES.get(word or "", "muted")))

    def roles(self) -> Iterator[tuple[str, str]]:
        """Yield each role with its colour, for style sheets."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)


VERDICT_ROLES = {BETTER: "better", WORSE: "worse", NOT_DISTINGUISHABLE: "undecided", TOO_FEW: "few"}
VERDICT_MARKERS = {BETTER: "^", WORSE: "v", NOT_DISTINGUISHABLE: "o", TOO_FEW: "s"}
TERMINAL = {BETTER: "green", WORSE: "red", NOT_DISTINGUISHABLE: "yellow", TOO_FEW: "bright_black"}

LIGHT = Palette(
    paper="#fafaf8",
    card="#ffffff",
    ink="#16181d",
    muted="#5f6675",
    rule="#e4e5e9",
    price="#16181d",
    model="#2563eb",
    band="#d3e0fb",
    naive="#7b818d",
    better="#15803d",
    worse="#b91c1c",
    undecided="#9a5b00",
    few="#5f6675",
)
DARK = Palette(
    paper="#0f1013",
    card="#181a20",
    ink="#ededf0",
    muted="#a0a6b2",
    rule="#2b2e37",
    price="#ededf0",
    model="#60a5fa",
    band="#22375a",
    naive="#9298a4",
    better="#4ade80",
    worse="#f87171",
    undecided="#fbbf24",
    few="#a0a6b2",
)
