"""What was found: two files that show the same picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("exact", "near", "crop", "mirrored")


@dataclass(frozen=True, slots=True)
class Match:
    """A picture, and a better one that shows the same.

    Attributes:
        path: the picture.
        kept: the one that stays.
        kind: ``exact`` (the same bytes), ``near`` (the same picture, encoded, scaled or coloured
            otherwise), ``crop`` (another framing) or ``mirrored``.
        because: what speaks for the one that stays, in words.
        distance: between the hashes, in bits (Hamming).
        similarity: -1 to 1, see ``verify.Verdict``; None where nothing was compared.
        overlap: intersection over union of the framings, 0 to 1; None likewise.
    """

    path: str
    kept: str
    kind: str
    because: str
    distance: int
    similarity: float | None = None
    overlap: float | None = None

    @property
    def reason(self) -> str:
        """Why the two are taken for the same, in words."""
        if self.kind == "exact":
            return "the same bytes"
        if self.similarity is None or self.overlap is None:
            return f"{self.kind}: hashes {self.distance} bits apart"
        return (
            f"{self.kind}: similarity {self.similarity:.2f}, "
            f"{100 * self.overlap:.0f} % of the framing in common"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the match as ``maskdet dedup --json`` prints it."""
        return asdict(self) | {
            "similarity": _rounded(self.similarity),
            "overlap": _rounded(self.overlap),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
