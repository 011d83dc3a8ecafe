from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from maskdet.detect.sources import Picture, camera, expand, places
from maskdet.errors import InputError

FILES = [
    "a.jpg",
    "b.png",
    "notes.txt",
    "old.maskdet.jpg",
    "sub/a.jpg",
    "sub/deep/c.webp",
    "[1].jpg",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with some files and an empty folder."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content does not matter here")
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    for name in ("a.HEIC", "b.jp2", "c.txt"):
        (tmp_path / "foreign" / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("inputs", "sources"),
    [
        (["a.jpg"], ["a.jpg"]),
        (["notes.txt"], ["notes.txt"]),
        (["b.png", "a.jpg"], ["b.png", "a.jpg"]),
        (["a.jpg", "a.jpg", "./a.jpg", "sub/../a.jpg"], ["a.jpg"]),
        (["sub"], ["sub/a.jpg", "sub/deep/c.webp"]),
        (["sub/"], ["sub/a.jpg", "sub/deep/c.webp"]),
        (["sub", "sub/a.jpg"], ["sub/a.jpg", "sub/deep/c.webp"]),
        (["."], ["[1].jpg", "a.jpg", "b.png", "sub/a.jpg", "sub/deep/c.webp"]),
        (["*.jpg"], ["[1].jpg", "a.jpg"]),
        (["?.*"], ["a.jpg", "b.png"]),
        (["s*"], ["sub/a.jpg", "sub/deep/c.webp"]),
        (["**/*.jpg"], ["[1].jpg", "a.jpg", "sub/a.jpg"]),
        (["sub/**"], ["sub/a.jpg", "sub/deep/c.webp"]),
        (["[1].jpg"], ["[1].jpg"]),
        (["[ab].*"], ["a.jpg", "b.png"]),
        (["old.maskdet.jpg"], ["old.maskdet.jpg"]),
        (["a.jpg", "old.maskdet.jpg"], ["a.jpg"]),
        (["*.maskdet.jpg"], ["old.maskdet.jpg"]),
        (["**/deep"], ["sub/deep/c.webp"]),
    ],
)
def test_what_is_meant(
    inputs: Sequence[str], sources: Sequence[str], caplog: pytest.LogCaptureFixture
) -> None:
    pictures = expand(inputs)
    assert [picture.source for picture in pictures] == sources
    assert [picture.problem for picture in pictures] == [None] * len(sources)
    assert len(caplog.messages) == inputs.count(".")  # of what lies in "foreign"


def test_a_pattern_may_be_absolute(folder: Path) -> None:
    assert [p.source for p in expand([f"{folder}/?.jpg"])] == [str(folder / "a.jpg")]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("missing.jpg", "there is no file or folder missing.jpg"),
        ("missing/a.jpg", "there is no file or folder missing/a.jpg"),
        ("notes.txt/a.jpg", "there is no file or folder notes.txt/a.jpg"),
        ("*.gif", "no file matches *.gif"),
        ("empty", "there is no picture in the folder empty"),
        (
            "foreign",
            "there is no picture in the folder foreign (*.maskdet.* is left out), and"
            " maskdet cannot read .heic, .jp2",
        ),
        ("x" * 5000, "cannot read xxx"),
    ],
)
def test_problems_stand_among_the_pictures(given: str, problem: str) -> None:
    first, second = expand([given, "a.jpg"])
    assert first.source == given
    assert first.problem is not None
    assert first.problem.startswith(problem)
    assert (second.source, second.problem) == ("a.jpg", None)


def test_of_pictures_in_a_folder_that_cannot_be_read_the_log_warns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("sub/a.HEIC", "sub/deep/b.svg", "sub/c.svg", "sub/a.xml", "sub/._a.jp2"):
        Path(name).touch()
    assert [picture.problem for picture in expand(["sub", "a.jpg"])] == [None] * 3
    assert caplog.messages == ["sub: pictures left out that maskdet cannot read: 3 (.heic, .svg)"]


def test_a_folder_below_that_cannot_be_read_is_told(refuse: Callable[..., None]) -> None:
    refuse("sub/deep")
    pictures = expand(["sub"])
    assert [(picture.source, picture.problem) for picture in pictures] == [
        ("sub/a.jpg", None),
        ("sub/deep", "cannot read sub/deep: Permission denied"),
    ]
    refuse("sub")
    (picture,) = expand(["sub"])
    assert picture.problem == "cannot read sub: Permission denied"


def test_a_broken_link_is_told() -> None:
    Path("link.jpg").symlink_to("nowhere.jpg")
    (picture,) = expand(["link.jpg"])
    assert picture.problem == "there is no file or folder link.jpg"


def test_bytes_on_stdin() -> None:
    (picture,) = expand(["-", "-"], b"no picture")
    assert (picture.source, picture.inner, picture.problem) == ("-", Path("stdin"), None)
    with pytest.raises(InputError, match="the input is not an image"):
        picture.read()


@pytest.mark.parametrize(
    ("inputs", "out", "expected"),
    [
        (["a.jpg"], None, ["a.maskdet.jpg"]),
        (["sub/a.jpg"], None, ["a.maskdet.jpg"]),
        (["b.png"], None, ["b.maskdet.png"]),
        (["sub/deep/c.webp"], None, ["c.maskdet.webp"]),
        (["notes.txt"], None, ["notes.maskdet.jpg"]),
        (["-"], None, ["stdin.maskdet.jpg"]),
        (["old.maskdet.jpg"], None, ["old.maskdet.maskdet.jpg"]),
        (["a.jpg", "sub/a.jpg"], None, ["a.maskdet.jpg", "a-2.maskdet.jpg"]),
        (["a.jpg"], "empty", ["empty/a.maskdet.jpg"]),
        (["a.jpg"], "new", ["new/a.maskdet.jpg"]),
        (["a.jpg"], "new.PNG", ["new.PNG"]),
        (["a.jpg"], "b.png", ["b.png"]),
        (["a.jpg", "missing.jpg"], "new.png", ["new.png"]),
        (["sub"], "new", ["new/a.maskdet.jpg", "new/deep/c.maskdet.webp"]),
        (["sub"], None, ["a.maskdet.jpg", "c.maskdet.webp"]),
        (
            ["sub", "a.jpg"],
            "new",
            ["new/a.maskdet.jpg", "new/deep/c.maskdet.webp", "new/a-2.maskdet.jpg"],
        ),
        (["missing.jpg"], None, []),
    ],
)
def test_where_copies_go(inputs: Sequence[str], out: str | None, expected: Sequence[str]) -> None:
    pictures = expand(inputs, b"")
    chosen = places(pictures, None if out is None else Path(out))
    assert [str(path) for path in chosen.values()] == expected
    assert list(chosen) == [p.source for p in pictures if p.problem is None]


def test_an_input_is_never_the_place_of_a_copy() -> None:
    # The first one's copy would be called as the second one is.
    pictures = [Picture("a.jpg", Path("a.jpg")), Picture("a.maskdet.jpg", Path("a.maskdet.jpg"))]
    assert [str(path) for path in places(pictures).values()] == [
        "a-2.maskdet.jpg",
        "a.maskdet.maskdet.jpg",
    ]


@pytest.mark.parametrize(
    ("inputs", "out", "message"),
    [
        (["a.jpg", "b.png"], "new.jpg", "names one file, but there are 2 inputs"),
        (["a.jpg"], "sub/../a.jpg", "is an input"),
        (["a.jpg"], "new.txt", "no folder that exists"),
        (["a.jpg"], "new.mp4", "no folder that exists"),
    ],
)
def test_places_that_make_no_sense(inputs: Sequence[str], out: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        places(expand(inputs), Path(out))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "camera-0"),
        ("/dev/video2", "dev-video2"),
        ("rtsp://user:sec@ret@cam:554/a.b", "cam-554-a-b"),
        ("http://cam/video.cgi?user=a&pwd=secret", "cam-video-cgi"),
        ("http://?", "camera"),
    ],
)
def test_a_camera_s_files_are_named_after_it_and_nothing_secret(source: str, name: str) -> None:
    assert str(camera(source).inner) == name
