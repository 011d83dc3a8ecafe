from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskdet import images
from maskdet.cli import main
from maskdet.cli.train import command
from maskdet.images import Bgr
from maskdet.train.options import TrainOptions


def test_the_defaults_are_those_of_the_library() -> None:
    defaults = asdict(TrainOptions())
    options = {option.name: option for option in command.params if option.name in defaults}
    assert set(options) == set(defaults)
    for name, option in options.items():
        assert option.default == defaults[name] or not defaults[name], name


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument"),
        (["{tmp}"], 2, "Missing option '--out'"),
        (["{tmp}/none", "--out", "{tmp}/m"], 2, "does not exist"),
        (["{tmp}", "--out", "{tmp}/m"], 3, "no labelled face"),
        (["{tmp}", "--out", "{tmp}/m", "--resume"], 3, "no run to resume"),
        (["{tmp}", "--out", "{tmp}/m", "--validation", "0.9"], 2, "--validation"),
        (["{tmp}", "--out", "{tmp}/m", "--image-size", "100"], 2, "not a multiple of 32"),
        (["{tmp}", "--out", "{tmp}/m", "--seed", "-1"], 2, "--seed"),
        (["{tmp}", "--out", "{tmp}/m", "--weights", "nowhere.h5"], 4, "are missing"),
    ],
)
def test_bad_calls(
    runner: CliRunner, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    result = runner.invoke(
        main, ["train", *(argument.format(tmp=tmp_path) for argument in arguments)]
    )
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert not (tmp_path / "m" / "model.json").exists()


def test_preview_shows_faces_and_their_augmented_forms(
    runner: CliRunner, tmp_path: Path, astronaut: Bgr
) -> None:
    for label, box in (("with_mask", np.s_[100:160, 200:260]), ("no_mask", np.s_[50:210, 150:300])):
        (tmp_path / label).mkdir()
        images.write(tmp_path / label / "a.png", astronaut[box])
    sheet = tmp_path / "sheet.png"
    result = runner.invoke(main, ["train", str(tmp_path), "--preview", str(sheet)])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(sheet)
    # Two faces, each with five augmented forms, in one row of twelve.
    assert images.read(sheet).shape[1] == 12 * TrainOptions().image_size
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("missing", ["imgaug", "tensorflow"])
def test_a_missing_extra_is_named(tmp_path: Path, astronaut: Bgr, missing: str) -> None:
    for label in ("with_mask", "without_mask"):
        (tmp_path / label).mkdir()
        for number in range(3):
            picture = np.roll(astronaut[:200, 100:300], 60 * number, axis=1)
            images.write(tmp_path / label / f"{number}.png", picture)
    code = f"import sys; sys.modules[{missing!r}] = None; from maskdet.cli import main; main()"
    goal = ["--preview", "a.png"] if missing == "imgaug" else ["--out", "m"]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(tmp_path), *goal],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"{missing}" in done.stderr
    assert "pip install 'maskdet[train]'" in done.stderr
