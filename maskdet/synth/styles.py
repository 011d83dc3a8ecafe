"""How a mask may be worn, and which class follows from it."""

from __future__ import annotations

from maskdet.classes import INCORRECT, WITH_MASK, WITHOUT_MASK

CORRECT = "correct"
UNDER_NOSE = "under_nose"
UNDER_MOUTH = "under_mouth"
CHIN = "chin"
OCCLUDED = "occluded"
"""No mask, but something else before the mouth."""

MASK_STYLES = (CORRECT, UNDER_NOSE, UNDER_MOUTH, CHIN)
STYLES = (*MASK_STYLES, OCCLUDED)

LABELS = {CORRECT: WITH_MASK, **dict.fromkeys(MASK_STYLES[1:], INCORRECT), OCCLUDED: WITHOUT_MASK}

SHARES = {CORRECT: 0.3, UNDER_NOSE: 0.3, UNDER_MOUTH: 0.2, CHIN: 0.2, OCCLUDED: 0.3}
"""How often each is drawn, compared with the others that are wanted."""
