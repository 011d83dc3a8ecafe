"""What every training run keeps in its model's folder, so that it can be resumed."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.errors import InputError, OutputError
from maskdet.files import leads_below, make_folder, write_bytes
from maskdet.models import store

log = logging.getLogger(__name__)

RECORD = "run.json"
WORK = ".work"
"""Folder inside the model's own: what a run keeps so that it can be resumed."""


def check_place(
    out: Path, data: Sequence[Path], resume: bool, overwrite: bool, begun: Path | None = None
) -> None:
    """See whether a run may begin, or go on, in a model's folder.

    Args:
        out: the folder.
        data: folders of what is trained on.
        resume, overwrite: whether the user wants that.
        begun: folder of the model whose weights the run begins with.

    Raises:
        InputError: the folder lies in the data or is ``begun``, or there is no run to resume.
        OutputError: there is a model or an unfinished run, and neither ``resume`` nor
            ``overwrite`` is asked for.
    """
    for root in data:
        if leads_below(out, root):
            raise InputError(
                f"{out} is {root} or lies in it, and a model's files would lie among the pictures "
                "of the data: choose a folder elsewhere for --out"
            )
    if begun and begun.resolve() == out.resolve():
        raise InputError(
            f"{out} holds the model that the run begins with, and would lose it: choose another "
            "folder for --out"
        )
    record = out / WORK / RECORD
    if resume and not record.is_file():
        raise InputError(f"there is no run to resume in {out}")
    if record.exists() and not (resume or overwrite):
        raise OutputError(
            f"{out} holds an unfinished run: --resume goes on with it, --overwrite begins anew"
        )
    if (out / store.DESCRIPTION).exists() and not (resume or overwrite):
        raise OutputError(f"{out} holds a model already: choose another --out, or --overwrite it")


@contextmanager
def work_folder(out: Path, resume: bool) -> Iterator[Path]:
    """Make the folder that a run works in; what ends it early leaves it if there is a record.

    Raises:
        OutputError: something in ``out`` cannot be written.
    """
    work = out / WORK
    record = work / RECORD
    made = not out.exists()
    try:
        if work.exists() and not resume:
            shutil.rmtree(work)
        make_folder(work)
        yield work
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror or error}") from error
    except KeyboardInterrupt:
        if record.exists():
            log.warning("stopped before there was a model; --resume goes on")
        raise
    finally:
        if not record.exists():
            shutil.rmtree(work, ignore_errors=True)
            if made:
                with suppress(OSError):  # it is no longer empty
                    out.rmdir()


def keep_record(
    work: Path,
    fingerprint: str,
    parts: Sequence[npt.NDArray[np.bool_]],
    options: Mapping[str, Any],
    resume: bool,
) -> None:
    """Keep what a run is begun with, or compare it with what it was begun with.

    Args:
        work: the run's folder.
        fingerprint: of the data.
        parts: which of it are in the training part, and which in the validation part.
        options: all of them.
        resume: whether to compare.

    Raises:
        InputError: a resumed run has other options, other data or another split.
    """
    record = work / RECORD
    # The split also follows from groups, which no fingerprint of what is learnt from holds.
    faces = hashlib.sha256(fingerprint.encode() + np.stack(parts).tobytes()).hexdigest()
    # Through JSON, so that it can be compared with what was read from there.
    asked = json.loads(json.dumps({"faces": faces, "options": dict(options)}))
    if not resume:
        write_bytes(record, json.dumps(asked, indent=2).encode())
        return
    begun = json.loads(record.read_text(encoding="utf-8"))
    was, now = begun["options"], asked["options"]
    if set(was) != set(now):
        raise InputError("--resume needs the task of the run's beginning, and the same maskdet")
    differing = [f"--{key.replace('_', '-')} was {was[key]}" for key in now if now[key] != was[key]]
    if differing:
        raise InputError(
            f"--resume needs the options of the run's beginning: {', '.join(differing)}"
        )
    if begun["faces"] != asked["faces"]:
        raise InputError(
            "--resume needs the data of the run's beginning: faces were added, removed or changed "
            "(or their parts or groups), and some that were trained on might now be in the "
            "validation part"
        )
