from __future__ import annotations

import logging
import os
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


@pytest.mark.parametrize(
    ("debug", "level", "fails", "shown"),
    [
        (False, logging.INFO, False, False),
        (False, logging.INFO, True, True),
        (False, logging.DEBUG, False, True),
        (True, logging.INFO, False, True),
    ],
)
def test_remarks_are_shown_where_they_matter(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    debug: bool,
    level: int,
    fails: bool,
    shown: bool,
) -> None:
    def start() -> None:
        with starting_keras():
            os.write(2, b"of the inside\n")
            if fails:
                raise ImportError("no such library")

    with click.Context(main) as context, caplog.at_level(level, "maskdet"):
        context.meta[DEBUG] = debug
        if fails:
            with pytest.raises(ImportError):
                start()
        else:
            start()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "of the inside\n" * shown + "afterwards\n"
