"""Labels the faces of a photograph, once as it is and once with a mask drawn on the face.

The photograph is NASA's portrait of the astronaut Eileen Collins (public domain), which
scikit-image ships. ``scripts/demo [FOLDER]`` sets up what this needs and runs it; the
pictures go to FOLDER, or ``demo/`` in the clone.
"""

from __future__ import annotations

import argparse
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
from maskdet.files import make_folder

FOLDER = Path(__file__).resolve().parent.parent / "demo"
PICTURES = ("astronaut.png", "astronaut_with_mask.png")


def make_pictures(folder: Path) -> None:
    """Write the two photographs into a folder."""
    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    face = create_detector("maskdet").detect(portrait)[0].box
    make_folder(folder)
    for name, picture in zip(PICTURES, (portrait, draw_mask(portrait, face)), strict=True):
        images.write(folder / name, picture)


def main() -> int:
    """Make the pictures, then do with them what a user would type."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where to [demo]")
    folder = parser.parse_args().folder.resolve()
    make_pictures(folder)
    maskdet = Path(sysconfig.get_path("scripts")) / "maskdet"
    arguments = ["detect", "--image", *PICTURES]
    print(f"$ cd {folder}\n$ {shlex.join(['maskdet', *arguments])}", flush=True)
    code = subprocess.run([str(maskdet), *arguments], cwd=folder, check=False).returncode
    if code == 0:
        print(f"\nThe annotated pictures are in {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
