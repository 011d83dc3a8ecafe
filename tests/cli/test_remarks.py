from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from conftest import ENOUGH_S, Spawn

from maskdet.cli import DEBUG, main
from maskdet.cli.remarks import starting_keras


def test_what_is_said_is_of_maskdet(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    process = spawn("train", "empty", "--out", "model", cwd=tmp_path)
    _, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 3
    assert messages.count("\n") == 1
    assert "no labelled face" in messages


def test_a_backend_that_is_not_there_is_no_fault_of_maskdet(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    environment = {**os.environ, "KERAS_BACKEND": "none such"}
    process = spawn("train", "empty", "--out", "model", environment=environment, cwd=tmp_path)
    _, messages = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 2
    assert "KERAS_BACKEND is none such, on which Keras cannot run here" in messages


@pytest.mark.parametrize(
    ("missing", "error"), [("jax", click.UsageError), ("tensorflow", ModuleNotFoundError)]
)
def test_only_an_extra_can_be_installed(
    monkeypatch: pytest.MonkeyPatch, missing: str, error: type[Exception]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", missing)
    with click.Context(main), pytest.raises(error, match=missing), starting_keras():
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)


def test_what_is_said_last_before_a_crash_is_shown() -> None:
    crash = (
        "import click, os; from maskdet.cli import main, remarks\n"
        "with click.Context(main), remarks.starting_keras():\n"
        "    os.write(2, b'not for this processor')\n"
        "    os.abort()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", crash], capture_output=True, text=True, timeout=ENOUGH_S
    )
    assert process.returncode == -signal.SIGABRT
    assert "not for this processor" in process.stderr


@pytest.mark.parametrize(
    ("debug", "level", "error", "shown"),
    [
        (False, logging.INFO, None, False),
        (False, logging.INFO, ImportError, True),
        (False, logging.INFO, ModuleNotFoundError, False),
        (False, logging.DEBUG, None, True),
        (True, logging.INFO, None, True),
    ],
)
def test_remarks_are_shown_where_they_matter(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    debug: bool,
    level: int,
    error: type[Exception] | None,
    shown: bool,
) -> None:
    def start() -> None:
        with starting_keras():
            os.write(2, b"of the inside\n")
            if error:
                raise error("no such library")

    with click.Context(main) as context, caplog.at_level(level, "maskdet"):
        context.meta[DEBUG] = debug
        if error:
            with pytest.raises(error):
                start()
        else:
            start()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "of the inside\n" * shown + "afterwards\n"
