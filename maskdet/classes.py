"""The class names, their order and their colours: one set for the whole program."""

WITH_MASK = "with_mask"
WITHOUT_MASK = "without_mask"
INCORRECT = "mask_worn_incorrectly"
BACKGROUND = "background"

CLASSES = (WITH_MASK, WITHOUT_MASK, INCORRECT)
"""What is reported, in the order of every table and every model."""

KNOWN = (*CLASSES, BACKGROUND)
"""What a model may learn; ``background`` (a false alarm of the detector) is never shown."""

ALIASES = {
    "mask": WITH_MASK,
    "masked": WITH_MASK,
    "withmask": WITH_MASK,
    "face_mask": WITH_MASK,
    "no_mask": WITHOUT_MASK,
    "nomask": WITHOUT_MASK,
    "withoutmask": WITHOUT_MASK,
    "face": WITHOUT_MASK,
    "mask_weared_incorrect": INCORRECT,
    "mask_weared_incorrectly": INCORRECT,
    "incorrect_mask": INCORRECT,
    "incorrectmask": INCORRECT,
    "incorrect": INCORRECT,
}
"""Names that other data sets use, after lower-casing and with ``_`` for spaces and dashes."""

COLOURS: dict[str, tuple[int, int, int]] = {
    WITH_MASK: (60, 160, 30),
    WITHOUT_MASK: (40, 40, 220),
    INCORRECT: (0, 140, 255),
}
"""BGR, 0 to 255: green, red, orange."""

SHORT = {WITH_MASK: "mask", WITHOUT_MASK: "no mask", INCORRECT: "incorrect"}
"""What is written on a picture."""


def canonical(name: str) -> str | None:
    """Return the class that ``name`` stands for, or None if it stands for none."""
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    return key if key in KNOWN else ALIASES.get(key)
