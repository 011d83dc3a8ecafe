"""Opening labelImg on a folder: its living fork labelImg++ 3.5 (PyPI: labelimgplusplus)."""

from __future__ import annotations

import importlib.util
import json
import os
import site
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from maskdet import display, files, images
from maskdet.classes import KNOWN
from maskdet.errors import InputError, OutputError
from maskdet.layout import pictures, voc_path

MODULE = "labelImgPlusPlus"

SETTINGS = ".labelImgSettings.json"
"""The file in the home folder where labelImg++ keeps its settings."""

_DEFAULTS = {"window/size": {"__type__": "QSize", "w": 1200, "h": 800}, "autosave": True}
_OURS = {
    "savedir": "",  # beside the pictures
    "filename": "",
    "lastOpenDir": "",
    "labelFileFormat": {"__type__": "Enum", "cls": "LabelFileFormat", "value": 1},  # Pascal VOC
}

INSTEAD = "change the .xml files beside the pictures on a machine with a display"


def require() -> None:
    """Raise ModuleNotFoundError without labelImg++, and OutputError without a display."""
    if importlib.util.find_spec(MODULE) is None:
        raise ModuleNotFoundError(f"No module named {MODULE!r}", name=MODULE)
    display.require(INSTEAD)


def edit(folder: Path) -> None:
    """Let a person change boxes and classes in labelImg, until its window closes.

    It starts with maskdet's class list and saves Pascal VOC files beside the pictures. Its
    other settings are the user's own; what is changed in them lasts for this run only. Only
    for where ``require()`` has nothing to say.

    Args:
        folder: with all below it.

    Raises:
        InputError: the settings cannot be read, or a picture in ``folder`` has a namesake
            further down, whose boxes labelImg++ would take for its own.
        OutputError: labelImg++ fails.
    """
    _refuse_namesakes(folder)
    before = _saved(folder)
    with tempfile.TemporaryDirectory(prefix="maskdet-") as home:
        classes = Path(home, "classes.txt")
        classes.write_text("\n".join(KNOWN) + "\n", encoding="utf-8")
        Path(home, SETTINGS).write_text(json.dumps(_settings()), encoding="utf-8")
        # -P: a folder named libs, where we are, is not labelImg's.
        command = [sys.executable, "-P", "-m", MODULE, str(folder.absolute()), str(classes)]
        try:
            done = subprocess.run(
                command, env=_environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        finally:
            _bring_home(folder, before)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise OutputError(
            f"labelImg ended with {done.returncode}{': ' if lines else ''}{' | '.join(lines[-3:])}"
        )


def _refuse_namesakes(folder: Path) -> None:
    found, _ = pictures(folder)
    top = {path.stem.casefold(): path for path in found if path.parent == folder}
    for path in found:
        namesake = top.get(path.stem.casefold(), path)
        if namesake.parent != path.parent:
            raise InputError(
                f"labelImg cannot tell {path} from {namesake}: rename one, or edit in maskdet's "
                "own window"
            )


def _saved(folder: Path) -> dict[Path, int]:
    """Return when each VOC file that lies in ``folder`` itself was written."""
    root = files.absolute(folder)  # labelImg++ does not follow links either
    there = (path for path in sorted(root.glob("*.xml")) if path.is_file())
    return {path: path.stat().st_mtime_ns for path in there}


def _bring_home(folder: Path, before: Mapping[Path, int]) -> None:
    """Move files that labelImg++ has saved in ``folder`` beside pictures further down.

    It saves all there, by whatever name; ``<path>`` says which picture is meant. What was there
    ``before`` may be a copy, whose ``<path>`` is another picture's, or what a session left that
    was killed.
    """
    root = files.absolute(folder)
    own = {voc_path(path) for path in root.iterdir() if path.suffix.lower() in images.SUFFIXES}
    for file, written in _saved(folder).items():
        if file in own:
            continue
        try:
            picture = Path(parse(file).findtext("path") or "")
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            continue  # nothing that was saved just now
        if not picture.is_relative_to(root) or not picture.is_file():
            continue
        home = voc_path(picture)
        newer = before.get(file) != written
        if not home.exists() or (newer and home.stat().st_mtime_ns < written):
            file.replace(home)


def _settings() -> dict[str, Any]:
    """Return the user's own settings, but for those that decide where and what is saved."""
    path = Path.home() / SETTINGS
    settings: dict[str, Any] = {}
    if path.is_file():
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read labelImg's settings in {path}: {error}") from error
    return _DEFAULTS | settings | _OURS


def _environment(home: str) -> dict[str, str]:
    """Return the environment for a program with a Qt of its own and another home folder."""
    # OpenCV names the plugins of its own Qt here, with which no other Qt can start.
    ours = {key: value for key, value in os.environ.items() if not key.startswith("QT_QPA_")}
    # What is found by way of the home folder: the X server's key, and pip's --user packages.
    found = {"XAUTHORITY": str(Path.home() / ".Xauthority"), "PYTHONUSERBASE": site.getuserbase()}
    return found | ours | {"HOME": home, "USERPROFILE": home}
