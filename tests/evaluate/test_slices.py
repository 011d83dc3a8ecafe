from __future__ import annotations

from maskdet.evaluate.bootstrap import Bootstrap
from maskdet.evaluate.slices import Seen, complaints
from maskdet.evaluate.truth import Tags

WITH, WITHOUT, WRONG = "with_mask", "without_mask", "mask_worn_incorrectly"


def seen(
    picture: int, label: str, guess: str | None, found: bool | None = True, side: float = 50
) -> Seen:
    return Seen(picture, f"{picture}.png", 0, label, side, "", 100, 100, found, guess)


def asked(faces: list[Seen], tags: dict[int, str]) -> dict[str, tuple[object, ...]]:
    noted: Tags = {(f"{number}.png", 0): frozenset({tag}) for number, tag in tags.items()}
    rows = complaints(faces, noted, Bootstrap(len(faces), 0), min_side=24)
    return {
        row["tag"]: (
            row["faces"],
            row["happens"]["value"],
            row["all"]["faces"],
            row["all"]["happens"]["value"],
        )
        for row in rows
    }


def test_how_often_what_users_complain_of_happens() -> None:
    faces = [
        seen(0, WITHOUT, WITH),  # a hand that counts as a mask
        seen(1, WITHOUT, WRONG),
        seen(2, WITHOUT, WITHOUT),
        seen(3, WITHOUT, WITH, side=20),  # too small for the classifier to be asked
        seen(4, WITH, WITHOUT, found=False),  # black, and not found
        seen(5, WITH, WITHOUT, found=True),  # a side face that is called bare
        seen(6, WITH, WITH, found=True),
        seen(7, WRONG, WITHOUT, found=False),
    ]
    tags = {0: "hand", 1: "hand", 3: "hand", 4: "black", 5: "profile", 6: "profile", 7: "black"}
    assert asked(faces, tags) == {
        "hand": (2, 0.5, 3, 0.3333),
        "black": (1, 1.0, 3, 0.3333),
        "profile": (2, 0.5, 3, 0.6667),
    }


def test_what_no_face_is_tagged_with_is_not_asked() -> None:
    assert asked([seen(0, WITH, WITH)], {0: "hand"}) == {}


def test_of_crops_nobody_knows_whether_they_are_found() -> None:
    assert asked([seen(0, WITH, WITH, found=None)], {0: "black"}) == {"black": (0, None, 0, None)}
