from __future__ import annotations

import pytest

from maskdet import classes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("with_mask", "with_mask"),
        (" With Mask ", "with_mask"),
        ("mask", "with_mask"),
        ("WithMask", "with_mask"),
        ("no-mask", "without_mask"),
        ("WithoutMask", "without_mask"),
        ("IncorrectMask", "mask_worn_incorrectly"),
        ("face", "without_mask"),
        ("mask_weared_incorrect", "mask_worn_incorrectly"),
        ("Incorrect", "mask_worn_incorrectly"),
        ("background", "background"),
        ("dog", None),
        ("", None),
    ],
)
def test_canonical(name: str, expected: str | None) -> None:
    assert classes.canonical(name) == expected


def test_every_name_leads_to_a_known_class() -> None:
    assert set(classes.ALIASES.values()) <= set(classes.KNOWN)
    assert not set(classes.ALIASES) & set(classes.KNOWN)


def test_every_class_can_be_drawn() -> None:
    assert set(classes.COLOURS) == set(classes.SHORT) == set(classes.CLASSES)
    assert len(set(classes.COLOURS.values())) == len(classes.CLASSES)
