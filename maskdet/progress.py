"""Progress bars that a caller may hand to the library, which itself shows nothing."""

from functools import partial
from typing import Any, Protocol

from tqdm import tqdm


class Progress(Protocol):
    """Makes a bar: called as ``tqdm`` is, returns what ``tqdm`` returns."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


SILENT: Progress = partial(tqdm, disable=True)
"""The default of every library function."""
