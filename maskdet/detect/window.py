"""Pictures in a window, one after the other."""

from __future__ import annotations

import cv2

from maskdet import display, files
from maskdet.detect import draw
from maskdet.detect.run import StopRun
from maskdet.images import Bgr
from maskdet.types import ImageResult

INSTEAD = "leave --show out and look at the files that --out writes"


class PictureWindow:
    """The sink that shows one picture after the other: any key goes on, q and Esc end.

    Raises:
        OutputError: no window can be opened here.
    """

    TITLE = "maskdet"

    def __init__(self, blur: bool = False) -> None:
        display.require(INSTEAD)
        self._blur = blur

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Show a picture and wait for a key.

        Raises:
            StopRun: the user has seen enough.
        """
        if image is None:
            return
        shown = display.fit(draw.annotate(image, result, self._blur))
        cv2.namedWindow(self.TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
        cv2.setWindowTitle(self.TITLE, f"{files.readable(result.image)} - maskdet")
        cv2.imshow(self.TITLE, shown)
        while (key := cv2.waitKeyEx(50)) == -1:
            if display.is_closed(self.TITLE):
                raise StopRun
        if key in display.END_KEYS:
            raise StopRun

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
