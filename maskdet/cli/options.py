"""Options that several commands share, each set of them one decorator."""

from __future__ import annotations

import functools
import logging
import math
import sys
from collections.abc import Callable
from typing import Any, TextIO

import click

from maskdet.cli import DEBUG
from maskdet.cli.paths import FOLDER
from maskdet.progress import SILENT, Progress

QUIET = "maskdet.quiet"
"""Key in click's ``Context.meta``: whether messages are unwanted."""


class Number(click.FloatRange):
    """A number in a range: unlike click's own, neither NaN nor infinite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-q``, ``-v`` and ``--debug``; the command gets ``progress: Progress``.

    Messages of the library's loggers go to stderr: warnings by default, more with ``-v``,
    errors alone with ``-q``. Bars show on a terminal, and never with ``-q``.
    """

    @click.option("-q", "--quiet", is_flag=True, help="Errors only, no progress bars.")
    @click.option("-v", "--verbose", count=True, help="Say more; -vv says everything.")
    @click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        quiet, verbose, ctx.meta[DEBUG] = (kwargs.pop(key) for key in ("quiet", "verbose", "debug"))
        ctx.meta[QUIET] = quiet
        level = logging.ERROR if quiet else (logging.WARNING, logging.INFO)[min(verbose, 1)]
        handler = _AboveBars()
        handler.setFormatter(logging.Formatter("maskdet: %(message)s"))
        # Only ours: what other libraries report is about their insides.
        logger = logging.getLogger("maskdet")
        logger.handlers = [handler]
        logger.setLevel(logging.DEBUG if verbose > 1 else level)
        return command(*args, progress=SILENT if quiet else _bars(), **kwargs)

    return wrapped


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data``, the data set's root: the command gets ``data: Path``."""
    return click.option(
        "--data",
        type=FOLDER,
        default="data",
        show_default=True,
        envvar="MASKDET_DATA",
        show_envvar=True,
        metavar="DIR",
        help="Root of the data set.",
    )(command)


def exclude_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--exclude`` and ``--exclude-from``; the command gets ``exclude: tuple[str, ...]``.

    They mean what ``labels.dataset.load`` says.
    """

    @click.option(
        "--exclude",
        multiple=True,
        metavar="PATTERN",
        help="Leave files out: a file name or path pattern ('old_*'), column=value of a "
        "manifest.csv ('kind=photo'), or one box of a VOC file ('a.jpg#2', from 0), which then "
        "counts as difficult. Repeatable.",
    )
    @click.option(
        "--exclude-from",
        # Names of files may hold bytes that are no UTF-8.
        type=click.File(encoding="utf-8-sig", errors="surrogateescape"),
        metavar="FILE",
        help="Leave out what the lines of this file say, as --exclude does; lines that begin "
        "with # are remarks.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any, exclude: tuple[str, ...], exclude_from: TextIO | None, **kwargs: Any
    ) -> Any:
        lines = (line.strip() for line in exclude_from or ())
        named = tuple(line for line in lines if line and not line.startswith("#"))
        return command(*args, exclude=exclude + named, **kwargs)

    return wrapped


def margin_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--margin``, as in ``faces.crop.crop_faces``: the command gets ``margin: float``."""
    return click.option(
        "--margin",
        type=Number(0, 1),
        default=0.1,
        show_default=True,
        help="What is added around a face's box on each side, as a part of its longer side.",
    )(command)


def say(message: str, error: bool = False) -> None:
    """Tell the user something on stderr, above a progress bar if there is one.

    With ``-q``, only what is an ``error``.
    """
    if error or not click.get_current_context().meta.get(QUIET):
        from tqdm import tqdm

        tqdm.write(f"maskdet: {message}", file=sys.stderr)


class _AboveBars(logging.Handler):
    """Writes to stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


def _bars() -> Progress:
    from tqdm import tqdm

    # disable=None: no bar where stderr is no terminal.
    return functools.partial(tqdm, file=sys.stderr, disable=None, dynamic_ncols=True)
