"""What TensorFlow remarks about its insides while it starts, which no log level hides."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from maskdet.cli import DEBUG


@contextmanager
def starting_keras() -> Iterator[None]:
    """Let Keras and its backend start without remarks on stderr, and find their devices.

    They are shown all the same where they cannot be loaded, with ``-vv`` and with ``--debug``.
    """
    chatty = click.get_current_context().meta.get(DEBUG)
    if chatty or logging.getLogger("maskdet").isEnabledFor(logging.DEBUG):
        yield
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"keras\.")
    sys.stderr.flush()
    kept = os.dup(2)
    watched = faulthandler.is_enabled()
    try:
        with tempfile.TemporaryFile() as remarks:
            os.dup2(remarks.fileno(), 2)
            if not watched:
                # A processor that TensorFlow was not built for ends the process at once.
                faulthandler.enable(kept)
            try:
                yield
                import keras

                keras.ops.zeros(1)
            except Exception:
                remarks.seek(0)
                os.write(kept, remarks.read())
                raise
            finally:
                if not watched:
                    faulthandler.disable()
                os.dup2(kept, 2)
    finally:
        os.close(kept)
