from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from maskdet import images
from maskdet.errors import InputError, OutputError
from maskdet.images import Bgr

RED = (200, 60, 30)  # RGB
RED_BGR = RED[::-1]
GREY = round(0.299 * 200 + 0.587 * 60 + 0.114 * 30)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def plain(mode: str = "RGB", colour: object = RED) -> Image.Image:
    return Image.new(mode, (24, 16), colour)  # type: ignore[arg-type]


def sixteen_bit(shape: tuple[int, ...], value: object, suffix: str) -> bytes:
    array = np.empty(shape, np.uint16)
    array[:] = value
    return cv2.imencode(suffix, array)[1].tobytes()


def palette_with_hole() -> Image.Image:
    image = plain().quantize(4)
    image.info["transparency"] = image.getpixel((0, 0))
    return image


WHITE = (255, 255, 255)


@pytest.mark.parametrize(
    ("make", "expected", "tolerance"),
    [
        pytest.param(lambda: encoded(plain(), "PNG"), RED_BGR, 0, id="png"),
        pytest.param(lambda: encoded(plain(), "JPEG", quality=95), RED_BGR, 4, id="jpeg"),
        pytest.param(lambda: encoded(plain(), "WEBP", lossless=True), RED_BGR, 0, id="webp"),
        pytest.param(lambda: encoded(plain(), "BMP"), RED_BGR, 0, id="bmp"),
        pytest.param(lambda: encoded(plain(), "TIFF"), RED_BGR, 0, id="tiff"),
        pytest.param(lambda: encoded(plain(), "PPM"), RED_BGR, 0, id="ppm"),
        pytest.param(lambda: encoded(plain().quantize(4), "GIF"), RED_BGR, 4, id="gif"),
        pytest.param(lambda: encoded(plain().quantize(4), "PNG"), RED_BGR, 4, id="palette"),
        pytest.param(lambda: encoded(palette_with_hole(), "PNG"), WHITE, 0, id="palette, hole"),
        pytest.param(lambda: encoded(plain("L", GREY), "PNG"), (GREY,) * 3, 0, id="grey"),
        pytest.param(lambda: encoded(plain("L", GREY), "JPEG"), (GREY,) * 3, 2, id="grey jpeg"),
        pytest.param(lambda: encoded(plain("1", 1), "PNG"), WHITE, 0, id="1 bit"),
        pytest.param(lambda: encoded(plain("RGBA", (*RED, 255)), "PNG"), RED_BGR, 0, id="rgba"),
        pytest.param(lambda: encoded(plain("RGBA", (*RED, 0)), "PNG"), WHITE, 0, id="rgba, clear"),
        pytest.param(
            lambda: encoded(plain("RGBA", (0, 0, 0, 128)), "PNG"), (127,) * 3, 1, id="rgba, half"
        ),
        pytest.param(lambda: encoded(plain("LA", (GREY, 255)), "PNG"), (GREY,) * 3, 0, id="la"),
        pytest.param(
            lambda: encoded(plain("CMYK", (55, 195, 225, 0)), "JPEG", quality=95),
            RED_BGR,
            6,
            id="cmyk",
        ),
        pytest.param(
            lambda: sixteen_bit((16, 24), GREY * 257, ".png"), (GREY,) * 3, 0, id="16 bit grey png"
        ),
        pytest.param(
            lambda: sixteen_bit((16, 24, 3), np.multiply(RED_BGR, 257), ".png"),
            RED_BGR,
            0,
            id="16 bit rgb png",
        ),
        pytest.param(
            lambda: sixteen_bit((16, 24), GREY * 257, ".tif"), (GREY,) * 3, 0, id="16 bit grey tiff"
        ),
        pytest.param(
            lambda: encoded(Image.fromarray(np.full((16, 24), 0.5, np.float32)), "TIFF"),
            (127,) * 3,
            1,
            id="float tiff",
        ),
        pytest.param(
            lambda: encoded(Image.fromarray(np.full((16, 24), GREY * 257, np.int32)), "TIFF"),
            (GREY,) * 3,
            0,
            id="32 bit tiff that holds 16",
        ),
    ],
)
def test_every_kind_of_picture_becomes_bgr(
    make: Callable[[], bytes], expected: tuple[int, ...], tolerance: int, tmp_path: Path
) -> None:
    data = make()
    image = images.read(data)
    assert image.shape == (16, 24, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - expected).max() <= tolerance
    path = tmp_path / "picture with any ending.txt"
    path.write_bytes(data)
    assert np.array_equal(images.read(path), image)
    assert images.size(path) == (24, 16)


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [plain(colour=RED), plain(colour=(0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(images.read(data).astype(int) - RED_BGR).max() <= 4


# What a camera stores when it is held so; viewers undo it (Exif 2.3, tag Orientation).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_the_exif_orientation_is_applied(orientation: int, form: str, tmp_path: Path) -> None:
    quarters = np.array([[0, 80, 120], [160, 240, 40]], np.uint8)
    upright = quarters.repeat(16, axis=0).repeat(16, axis=1)
    turn = STORED[orientation]
    stored = Image.fromarray(upright)
    stored = stored if turn is None else stored.transpose(turn)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / "a"
    path.write_bytes(encoded(stored, form, exif=exif, quality=95))
    image = images.read(path)
    assert image.shape == (32, 48, 3)
    assert np.abs(image.astype(int) - upright[..., None]).max() < 10
    assert images.size(path) == (48, 32)


def png(width: int, height: int) -> bytes:
    """A picture that claims to be of any size, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


WHOLE = encoded(Image.effect_noise((200, 200), 80).convert("RGB"), "JPEG")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"no picture at all", "is not an image", id="text"),
        pytest.param(WHOLE[: len(WHOLE) // 2], "truncated", id="truncated jpeg"),
        pytest.param(WHOLE[:20], "broken|not an image", id="only the head of a jpeg"),
        pytest.param(png(20_000, 20_000), "decompression bomb", id="bomb"),
        pytest.param(png(14_000, 14_000), "decompression bomb", id="smaller bomb"),
        pytest.param(png(100, 100), "truncated|broken", id="png without its pixels"),
        pytest.param(png(0, 100), "broken|not an image", id="no width"),
        pytest.param(
            encoded(plain(), "EPS"), "is not an image", id="PostScript, which would be executed"
        ),
    ],
)
def test_bad_files_are_told(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as raised:
        images.read(path)
    assert str(path) in str(raised.value)
    with pytest.raises(InputError, match=message):
        images.read(data)


def test_what_pillow_warns_of_is_not_shown(tmp_path: Path) -> None:
    # Of so many pixels Pillow warns; then it finds that they are not there.
    (tmp_path / "a.png").write_bytes(png(10_000, 10_000))
    code = "import sys; from maskdet import images; images.read(sys.argv[1])"
    command = [sys.executable, "-W", "always", "-c", code, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Warning" not in done.stderr


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        images.read(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="directory"):
        images.read(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        images.size(tmp_path / "a.jpg")


def test_a_huge_file_that_is_no_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: it takes no room on the disk
    with pytest.raises(InputError, match="is not an image"):
        images.read(path)


FORMS = [encoded(plain(), form) for form in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")]


@pytest.mark.filterwarnings("ignore")  # pytest has set those aside that maskdet.images made
@settings(max_examples=300)
@given(
    data=st.sampled_from(FORMS),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    keep=st.floats(0, 1),
)
def test_whatever_is_in_a_file_it_is_read_or_told(
    data: bytes, changes: list[tuple[int, int]], keep: float
) -> None:
    mutated = bytearray(data)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    try:
        image = images.read(bytes(mutated[: round(len(mutated) * keep) if keep > 0.3 else None]))
    except InputError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.size


@pytest.mark.parametrize("suffix", sorted(images.WRITABLE))
def test_what_is_written_can_be_read(suffix: str, tmp_path: Path) -> None:
    image: Bgr = np.full((30, 40, 3), RED_BGR, np.uint8)
    path = tmp_path / f"a{suffix.upper()}"
    images.write(path, image)
    assert np.abs(images.read(path).astype(int) - RED_BGR).max() <= 4
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("a.xyz", (5, 5, 3), "unknown format '.xyz'"),
        ("a", (5, 5, 3), "unknown format ''"),
        ("a.webp", (2, 20_000, 3), "20000 x 2 pixels are too many for .webp"),
        ("missing/a.png", (5, 5, 3), "No such file"),
    ],
)
def test_what_cannot_be_written_is_told(
    name: str, shape: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=message):
        images.write(tmp_path / name, np.zeros(shape, np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_find_goes_deep_in_order_and_leaves_hidden_and_other_files_out(tmp_path: Path) -> None:
    names = ["b.JPG", "a/c.png", "a/b.jpeg", ".hidden.jpg", ".git/a.jpg", "a.txt", "a/.x/y.png"]
    names += ["b.maskdet.jpg", "a/c-2.maskdet.png"]  # what detect has drawn on
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in images.find(tmp_path)]
    assert found == ["a/b.jpeg", "a/c.png", "b.JPG"]


def test_find_passes_over_no_folder_that_cannot_be_read(
    tmp_path: Path, refuse: Callable[[Path], None]
) -> None:
    for name in ("a/1.jpg", "b/1.jpg", "c/1.jpg", ".d/1.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    for name in ("b", ".d"):
        refuse(tmp_path / name)
    with pytest.raises(InputError, match=f"cannot read {tmp_path / 'b'}: Permission denied"):
        images.find(tmp_path)
    errors: list[OSError] = []
    found = images.find(tmp_path, errors.append)
    assert found == [tmp_path / "a" / "1.jpg", tmp_path / "c" / "1.jpg"]
    assert [error.filename for error in errors] == [str(tmp_path / "b")]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("grey", [False, True])
def test_at_reduced_scale_it_is_the_same_picture(form: str, grey: bool, astronaut: Bgr) -> None:
    wide = np.ascontiguousarray(astronaut[:300])
    data = encoded(Image.fromarray(wide[:, :, ::-1]), form)
    for side in (50, 75, 250, 400):
        found = images.read_reduced(data, side, grey)
        assert (found.width, found.height) == (512, 300)
        height, width = found.pixels.shape[:2]
        assert min(side, 300) <= height < 2 * side
        assert width / height == pytest.approx(512 / 300, abs=0.03)
        expected = cv2.resize(images.read(data), (width, height), interpolation=cv2.INTER_AREA)
        if grey:
            expected = cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY)
        assert found.pixels.shape == expected.shape
        assert np.abs(found.pixels.astype(int) - expected).mean() < 10


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied_at_reduced_scale(
    orientation: int, form: str, astronaut: Bgr
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    picture = Image.fromarray(np.ascontiguousarray(astronaut[:300, :, ::-1]))
    data = encoded(picture, form, exif=exif)
    whole = images.read(data)
    found = images.read_reduced(data, 60)
    assert (found.height, found.width) == whole.shape[:2]
    height, width = found.pixels.shape[:2]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(found.pixels.astype(int) - small).mean() < 10
    assert np.abs(found.pixels[::-1, ::-1].astype(int) - small).mean() > 40


def test_transparency_is_laid_on_white_at_reduced_scale() -> None:
    data = encoded(Image.new("RGBA", (200, 100), (0, 0, 0, 0)), "PNG")
    assert (images.read_reduced(data, 50, grey=True).pixels == 255).all()
