"""Labels the faces of a photograph, once as it is and once with a mask drawn on the face.

The photograph is NASA's portrait of the astronaut Eileen Collins (public domain), which
scikit-image ships. ``scripts/demo`` sets up what this needs and runs it.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import cv2
from drawn_mask import draw_mask
from skimage import data

from maskdet import images
from maskdet.faces import create as create_detector

FOLDER = Path(__file__).resolve().parent.parent / "demo"
PICTURES = ("astronaut.png", "astronaut_with_mask.png")


def make_pictures(folder: Path) -> None:
    """Write the two photographs into a folder."""
    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    face = create_detector().detect(portrait)[0].box
    folder.mkdir(exist_ok=True)
    for name, picture in zip(PICTURES, (portrait, draw_mask(portrait, face)), strict=True):
        images.write(folder / name, picture)


def main() -> int:
    """Make the pictures, then do with them what a user would type."""
    make_pictures(FOLDER)
    maskdet = Path(sysconfig.get_path("scripts")) / "maskdet"
    arguments = ["detect", "--image", *PICTURES]
    print(f"$ cd {FOLDER}\n$ {shlex.join(['maskdet', *arguments])}", flush=True)
    code = subprocess.run([str(maskdet), *arguments], cwd=FOLDER, check=False).returncode
    if code == 0:
        print(f"\nThe annotated pictures are in {FOLDER}")
    return code


if __name__ == "__main__":
    sys.exit(main())
