"""What every test may use: a real face, models that are built on the spot, the corpus."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hostile import HostileBing
from hypothesis import settings
from mjpeg import MjpegServer, SilentServer
from screen import Screen, open_screen

from maskdet import files, images
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.types import Box

if TYPE_CHECKING:
    from maskdet.synth.landmarks import Mesh

# On a busy machine a single example may take any time.
settings.register_profile("maskdet", deadline=None)
settings.load_profile("maskdet")

# requests and FFmpeg would ask a proxy for what the tests serve themselves.
for name in ("http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(name, None)
    os.environ.pop(name.upper(), None)

ROOT = Path(__file__).resolve().parent.parent

ASTRONAUT_FACE = Box(175, 60, 275, 200)
"""Where the astronaut's face is, about."""


ENOUGH_S = 180.0
"""Nothing that a test waits for takes nearly as long; on a busy machine it may."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as ``condition()`` is true; fail when it does not become so."""
    end = time.monotonic() + ENOUGH_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let names that are no UTF-8 stand in a report, which pytest-xdist sends as UTF-8."""
    report = yield
    report.sections = [(name, _utf8(text)) for name, text in report.sections]
    if report.failed and _utf8(str(report.longrepr)) != str(report.longrepr):
        report.longrepr = _utf8(str(report.longrepr))
    return report


def _utf8(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Switch Ctrl-C on for what the tests start: a shell's background jobs inherit it off."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in os.environ:
        if name.startswith("MASKDET_") and name != "MASKDET_CORPUS":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the image corpus; a test that asks for it fails where it is missing."""
    folder = Path(os.environ.get("MASKDET_CORPUS") or ROOT / "../shared/data").resolve()
    if not (folder / "train_pool").is_dir():
        pytest.fail(f"there is no corpus in {folder}: set MASKDET_CORPUS to its folder")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> Bgr:
    """A portrait without a mask: uint8, shape (512, 512, 3), BGR (public domain, NASA)."""
    from skimage import data

    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


@pytest.fixture(scope="session")
def astronaut_mesh(astronaut: Bgr) -> Mesh:
    """The points of the portrait's face."""
    from maskdet.synth.landmarks import LandmarkNet

    mesh = LandmarkNet().find(astronaut, ASTRONAUT_FACE)
    assert mesh is not None
    return mesh


@pytest.fixture
def astronaut_jpg(tmp_path: Path, astronaut: Bgr) -> Path:
    """The portrait as ``astronaut.jpg`` in ``tmp_path``."""
    path = tmp_path / "astronaut.jpg"
    images.write(path, astronaut)
    return path


@pytest.fixture
def runner() -> CliRunner:
    """Calls the command line in this process, stdout and stderr apart."""
    return CliRunner()


Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts ``maskdet`` in processes of their own, which end with the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def begin(
        *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "maskdet", *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes, env=environment, cwd=cwd))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


ModelMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def make_model() -> ModelMaker:
    """Return a function that builds a small, real model folder."""
    return _make_model


def _make_model(
    folder: Path,
    classes: Sequence[str] = ("with_mask", "without_mask", "mask_worn_incorrectly"),
    weights: Sequence[Sequence[float]] | None = None,
    bias: Sequence[float] | None = None,
    size: int = 32,
    margin: float = 0.0,
) -> Path:
    """Write a model whose probabilities are ``softmax(mean RGB / 255 @ weights + bias)``.

    ``weights`` has a row each for red, green and blue and a column a class; without it and
    ``bias``, all classes are equally likely.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    matrix = np.array(weights or np.zeros((3, len(classes))), np.float32) / 255
    constants = {
        "weights": matrix,
        "bias": np.array(bias or [0] * len(classes), np.float32),
        "axes": np.array([1, 2], np.int64),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "mean_colour",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(classes)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / store.ONNX).write_bytes(model.SerializeToString())
    store.save_info(
        folder,
        store.ModelInfo(
            name=folder.name,
            classes=tuple(classes),
            image_size=size,
            margin=margin,
            files={store.ONNX: files.sha256(folder / store.ONNX)},
        ),
    )
    return folder


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | Path], None]:
    """Return a function after which a folder cannot be read, not even by root."""

    def forbid(folder: str | Path) -> None:
        before = os.scandir

        def scan(path: str = ".") -> Iterator[os.DirEntry[str]]:
            if os.path.realpath(path) == os.path.realpath(folder):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return before(path)

        monkeypatch.setattr(os, "scandir", scan)

    return forbid


@pytest.fixture
def mjpeg(astronaut: Bgr) -> Iterator[MjpegServer]:
    """A running motion JPEG camera that shows the astronaut, at 320 x 320 pixels."""
    server = MjpegServer(cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server on loopback that accepts connections and never answers."""
    server = SilentServer()
    yield server.port
    server.stop()


@pytest.fixture
def bing() -> Iterator[HostileBing]:
    """A Bing on the loopback with pictures of all kinds of trouble, of which nothing was asked."""
    with HostileBing() as server:
        yield server


@pytest.fixture(scope="session")
def screen() -> Iterator[Screen]:
    """An X display under Xvfb."""
    with open_screen() as opened:
        yield opened


FilmMaker = Callable[..., Path]


@pytest.fixture
def make_film(tmp_path: Path, astronaut: Bgr) -> FilmMaker:
    """Return a function that writes a film in which the astronaut moves to the right."""

    def make(
        name: str = "film.mp4", frames: int = 10, fps: float = 25, codec: str = "mp4v"
    ) -> Path:
        path = tmp_path / name
        small = cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA)
        fourcc = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (320, 320))
        for number in range(frames):
            writer.write(np.roll(small, 4 * number, axis=1))
        writer.release()
        return path

    return make
