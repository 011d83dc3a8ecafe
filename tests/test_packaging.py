"""What leaves the repository: the wheel, the sdist, the pins, the conda environment."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from maskdet import __version__
from maskdet.models import store

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def build(source: Path, target: str, folder: Path) -> Path:
    """Build a wheel or an sdist of the project in ``source`` and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def content(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_package_and_what_its_models_need_to_run(wheel: Path) -> None:
    held = content(wheel)
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "maskdet").rglob("*.py")}
    assert {name for name in held if name.endswith(".py")} == modules
    assert {"maskdet/py.typed", "maskdet/crawl/queries.txt"} <= held
    models = {name for name in held if name.startswith("maskdet/model/")}
    for description in (ROOT / "model").glob(f"*/{store.DESCRIPTION}"):
        inside = f"maskdet/model/{description.parent.name}"
        assert {f"{inside}/{store.DESCRIPTION}", f"{inside}/{store.ONNX}"} <= models
    assert f"maskdet/model/{store.CLASSIFIER}/{store.ONNX}" in models
    assert not [name for name in models if name.endswith(store.KERAS)]
    assert {name.split("/")[0] for name in held} == {"maskdet"}


def test_the_sdist_gives_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert source.name == f"maskdet-{__version__}"
    again = build(source, "wheel", tmp_path / "wheel")
    assert again.name == wheel.name
    assert content(again) == content(wheel)


def test_the_sdist_holds_the_project_and_nothing_else(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py", "scripts/test"} <= names
    assert {name.split("/")[0] for name in names} <= {
        *("maskdet", "model", "scripts", "tests", "docs", "constraints.txt", "environment.yml"),
        *("pyproject.toml", "README.md", "LICENSE", "PKG-INFO", ".gitignore"),
    }


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of an environment that holds the wheel, and no checkout.

    Its other packages are the ones of the environment that runs the tests: installing them
    again would take minutes. The checkout, which a .pth file brings there, does not come
    along.
    """
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run = [sys.executable, "-m"]
    subprocess.run([*run, "venv", "--without-pip", str(environment)], check=True)
    scheme = {"base": str(environment), "platbase": str(environment)}
    python = Path(sysconfig.get_path("scripts", "venv", scheme)) / Path(sys.executable).name
    here = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    there = Path(sysconfig.get_path("purelib", "venv", scheme))
    (there / "borrowed.pth").write_text("\n".join(dict.fromkeys(here)) + "\n", encoding="utf-8")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*run, "pip", "--python", str(python), *install, str(wheel)], check=True)
    return python.parent


def test_the_installed_wheel_detects_in_an_empty_folder(
    installed: Path, astronaut_jpg: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "MASKDET_"))
    }

    def run(*command: str) -> str:
        return subprocess.run(
            [str(installed / command[0]), *command[1:]],
            cwd=empty,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    where = run("python", "-c", "import maskdet; print(maskdet.__file__)")
    assert Path(where).is_relative_to(installed.parent)
    assert run("maskdet", "--version") == f"maskdet {__version__}\n"
    (result,) = map(
        json.loads, run("maskdet", "detect", "--image", str(astronaut_jpg), "--json").splitlines()
    )
    assert result["error"] is None
    assert [face["label"] for face in result["faces"]] == ["without_mask"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_the_pins_are_names_and_versions_in_order() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert [line for line in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert wanted == sorted(wanted, key=str.lower)


def test_the_pins_satisfy_the_projects_own_requirements() -> None:
    pinned = pins()
    extras = PROJECT["optional-dependencies"].values()
    listed = map(Requirement, [*PROJECT["dependencies"], *chain.from_iterable(extras)])
    wanted = [item for item in listed if item.name != "maskdet"]
    assert wanted
    for item in wanted:
        assert item.specifier.contains(pinned[canonicalize_name(item.name)]), item


def needed(requirement: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of all that a requirement pulls in, by what is installed here."""
    name = canonicalize_name(requirement.name)
    yield name
    for extra in ("", *sorted(requirement.extras)):
        if (name, extra) not in seen:
            seen.add((name, extra))
            for text in importlib.metadata.requires(name) or []:
                item = Requirement(text)
                if item.marker is None or item.marker.evaluate({"extra": extra}):
                    yield from needed(item, seen)


def test_everything_that_the_extras_pull_in_is_pinned() -> None:
    extras = ",".join(PROJECT["optional-dependencies"])
    names = set(needed(Requirement(f"maskdet[{extras}]"), set()))
    assert {"numpy", "tensorflow", "pytest", "scikit-image"} <= names
    assert names - set(pins()) <= {"maskdet", "setuptools", "wheel", "pip"}


def test_conda_installs_extras_that_exist_with_the_same_pins() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^ +- --editable \.\[([\w,]+)\]$", text, re.MULTILINE)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert re.search(r"^ +- --constraint constraints\.txt$", text, re.MULTILINE)
    (python,) = re.findall(r"^ +- python(\S+)$", text, re.MULTILINE)
    assert python.startswith(PROJECT["requires-python"])
