"""The paths that commands take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class Place(click.Path):
    """A path: unlike with click's own, neither an empty one, nor ``-`` unless it is allowed.

    An empty one, of a script's variable that is not set, would stand for the working directory,
    and ``-``, which elsewhere stands for stdin or stdout, for a file of that name.
    """

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        if value == "":
            self.fail("it is empty: is a variable not set?", param, ctx)
        if value == "-" and not self.allow_dash:
            self.fail("stdin or stdout cannot be named here; a file '-' is './-'", param, ctx)
        return super().convert(value, param, ctx)


PATH = Place(path_type=Path)
FILE = Place(path_type=Path, dir_okay=False)
FOLDER = Place(path_type=Path, file_okay=False)
OLD_PATH = Place(path_type=Path, exists=True)
OLD_FILE = Place(path_type=Path, exists=True, dir_okay=False)
OLD_FOLDER = Place(path_type=Path, exists=True, file_okay=False)
"""The latter three must exist."""

NAME = Place(readable=False)
"""Of a model, or its path; the command gets a ``str``."""

INPUT = Place(readable=False, allow_dash=True)
"""What may also be a pattern or ``-``, and is looked at later; the command gets a ``str``."""
