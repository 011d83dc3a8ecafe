"""What the documents show must be so. Commands and exit codes: tests/cli/test_main.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT

from maskdet.types import Box, ImageResult, Prediction

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "data/README.md", "model/README.md")


def block(language: str) -> str:
    """Return the one block of a language in the README."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_json_line_has_the_keys_and_types_of_a_result() -> None:
    scores = {"with_mask": 0.7, "without_mask": 0.2, "mask_worn_incorrectly": 0.1}
    face = Prediction(Box(0, 0, 1, 1), 0.9, "with_mask", 0.7, scores)
    real = ImageResult("a/b.jpg", "b.jpg", 10, 10, (face,)).to_dict()
    shown = json.loads(block("json"))
    assert list(shown) == list(real)
    assert [list(item) for item in shown["faces"]] == [list(item) for item in real["faces"]]
    for item in shown["faces"]:
        assert list(item["scores"]) == list(scores)
        assert item["label"] == max(item["scores"], key=item["scores"].get)
        assert item["score"] == item["scores"][item["label"]]


def test_every_key_of_the_json_line_is_explained() -> None:
    shown = json.loads(block("json"))
    table = README.split("### JSON Lines")[1].split("\n### ")[0]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| .*? \|", table, re.MULTILINE))))
    assert explained == (shown.keys() | shown["faces"][0].keys()) - {"faces"}


def test_the_python_example_runs(
    astronaut_jpg: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    astronaut_jpg.rename(astronaut_jpg.with_name("photo.jpg"))
    monkeypatch.chdir(astronaut_jpg.parent)
    exec(compile(block("python"), "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("without_mask ")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (document.parent / link).exists(), link
