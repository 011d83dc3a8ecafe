"""The filters of Bing's image search, under names of our own."""

from __future__ import annotations

from collections.abc import Mapping

FILTERS: dict[str, dict[str, str]] = {
    "license": {
        "any": "licenseType-Any",
        "public-domain": "license-L1",
        "share": "license-L2_L3_L4_L5_L6_L7",
        "share-commercially": "license-L2_L3_L4",
        "modify": "license-L2_L3_L5_L6",
        "modify-commercially": "license-L2_L3",
    },
    "size": {
        "small": "imagesize-small",
        "medium": "imagesize-medium",
        "large": "imagesize-large",
        "extra-large": "imagesize-wallpaper",
    },
    "type": {
        "photo": "photo-photo",
        "clipart": "photo-clipart",
        "line": "photo-linedrawing",
        "animated": "photo-animatedgif",
        "transparent": "photo-transparent",
    },
    "people": {"face": "face-face", "portrait": "face-portrait"},
    "date": {"day": "age-lt1440", "week": "age-lt10080", "month": "age-lt43200"}
    | {"year": "age-lt525600"},
    "color": {"color": "color2-color", "monochrome": "color2-bw"}
    | {
        name: f"color2-FGcls_{name.upper()}"
        for name in (
            *("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"),
            *("brown", "black", "gray", "white"),
        )
    },
}
"""For each filter its choices, and what stands for them in Bing's parameter ``qft``."""


def qft(chosen: Mapping[str, str]) -> str:
    """Return Bing's parameter ``qft`` for filters by name, e.g. ``{"size": "large"}``."""
    return "".join(f"+filterui:{FILTERS[name][choice]}" for name, choice in chosen.items())
