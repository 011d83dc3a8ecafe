from __future__ import annotations

from pathlib import Path

import pytest

from maskdet.errors import InputError
from maskdet.train import run


def test_a_run_does_not_replace_the_model_that_it_begins_with(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "model")
    (tmp_path / "model").mkdir()
    run.check_place(tmp_path / "other", [], False, True, tmp_path / "model")
    with pytest.raises(InputError, match="holds the model that the run begins with"):
        run.check_place(tmp_path / "link", [], False, True, tmp_path / "model")


@pytest.mark.parametrize("there", [False, True])
def test_what_fails_at_once_leaves_no_folder(tmp_path: Path, there: bool) -> None:
    out = tmp_path / "model"
    if there:
        out.mkdir()
    with pytest.raises(InputError), run.work_folder(out, resume=False):
        raise InputError("no face")
    assert [*tmp_path.rglob("*")] == [out] * there
