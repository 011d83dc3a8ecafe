"""What TensorFlow remarks about its insides while it starts, which no log level hides."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from maskdet.cli import DEBUG, EXTRAS

_TELLER = "import sys; sys.stderr.buffer.write(sys.stdin.buffer.read())"


@contextmanager
def starting_keras() -> Iterator[None]:
    """Let Keras and its backend be imported without remarks on stderr.

    They are shown all the same where that fails or ends the process, with ``-vv`` and with
    ``--debug``.

    Raises:
        UsageError: KERAS_BACKEND names what cannot be imported.
    """
    debug = click.get_current_context().meta.get(DEBUG)
    shown = debug or logging.getLogger("maskdet").isEnabledFor(logging.DEBUG)
    try:
        with nullcontext() if shown else _unheard():
            yield
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND")
        if not backend or getattr(error, "name", None) in EXTRAS:
            raise
        raise click.UsageError(
            f"KERAS_BACKEND is {backend}, on which Keras cannot run here: {error}"
        ) from error


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep from stderr what is written to it, unless an error or the process' end comes first."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"keras\.")
    sys.stderr.flush()
    kept = os.dup(2)
    # Another process, for on a processor that TensorFlow was not built for, this one just ends.
    teller = subprocess.Popen(
        [sys.executable, "-ISc", _TELLER], stdin=subprocess.PIPE, start_new_session=True
    )
    assert teller.stdin
    os.dup2(teller.stdin.fileno(), 2)
    teller.stdin.close()
    try:
        yield
    except ModuleNotFoundError:  # says all by itself
        raise
    except Exception:
        os.dup2(kept, 2)
        teller.wait()  # it has met the end of what it reads
        raise
    finally:
        teller.kill()
        os.dup2(kept, 2)
        os.close(kept)
        teller.wait()
