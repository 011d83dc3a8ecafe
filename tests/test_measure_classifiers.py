from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_a_row_for_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    sys.modules.pop("measure_classifiers", None)
    from measure_classifiers import main

    names = ["mask_mobilenetv2", "mask_mobilenetv2_small"]
    result = CliRunner().invoke(main, [*names, "--rounds", "1"])
    assert result.exit_code == 0, result.output
    head, _, *rows = result.output.splitlines()
    assert [row.split(" | ")[0] for row in rows] == [f"| `{name}`" for name in names]
    assert {row.count("|") for row in rows} == {head.count("|")}
    assert rows[0].endswith(" 1.00 x | 1,558 of 1,558 |")
    assert rows[1].endswith(" | 124 of 1,555 |")
