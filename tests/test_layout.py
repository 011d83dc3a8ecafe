from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from maskdet.layout import folder_class, own_voc, voc_path


@pytest.mark.parametrize(
    ("beside", "own"),
    [
        (["a.xml"], True),
        ([], False),
        (["a.xml", "a.png"], False),
        (["a.xml", "a.PNG"], False),
        (["a.xml", "a.txt", "ab.png", "b.png"], True),
        (["a.xml", "a.1.jpg", "a.maskdet.jpg"], True),
    ],
)
def test_a_voc_file_may_belong_to_two_pictures(
    tmp_path: Path, beside: list[str], own: bool
) -> None:
    for name in ("a.jpg", *beside):
        (tmp_path / name).touch()
    expected = tmp_path / "a.xml" if own else None
    assert own_voc(tmp_path / "a.jpg") == expected


def test_without_a_voc_file_the_folder_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("a large folder would take long"))
    assert own_voc(tmp_path / "a.jpg") is None


def test_a_name_may_look_like_a_pattern(tmp_path: Path) -> None:
    for name in ("[a]*.jpg", "[a]*.xml", "a1.png"):
        (tmp_path / name).touch()
    assert own_voc(tmp_path / "[a]*.jpg") == voc_path(tmp_path / "[a]*.jpg")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("with_mask/a.jpg", "with_mask"),
        ("with_mask/without_mask/2020/a.jpg", "without_mask"),
        ("mask/WithoutMask/a.png", "without_mask"),
        ("photos/with_mask.jpg", None),
    ],
)
def test_the_nearest_folder_names_the_class(name: str, label: str | None) -> None:
    assert folder_class(PurePosixPath(name)) == label
