"""Options that several commands share, each set of them one decorator."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from maskdet.cli import DEBUG
from maskdet.progress import SILENT, Progress


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
        level = logging.ERROR if quiet else (logging.WARNING, logging.INFO)[min(verbose, 1)]
        logging.basicConfig(
            level=logging.DEBUG if verbose > 1 else level,
            format="maskdet: %(message)s",
            stream=sys.stderr,
            force=True,
        )
        return command(*args, progress=SILENT if quiet else _bars(), **kwargs)

    return wrapped


def _bars() -> Progress:
    from tqdm import tqdm

    # disable=None: no bar where stderr is no terminal.
    return functools.partial(tqdm, file=sys.stderr, disable=None, dynamic_ncols=True)
