from __future__ import annotations

from pathlib import Path

import pytest

from maskdet import images
from maskdet.catalog import Catalog, store
from maskdet.dedup.find import Options
from maskdet.dedup.run import Scope, look, scope
from maskdet.errors import InputError
from maskdet.images import Bgr


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for folder in ("data/raw/with_mask", "photos/one/x", "photos/two", "bare/raw"):
        (tmp_path / folder).mkdir(parents=True)
    Catalog(tmp_path / "data").close()
    return tmp_path


@pytest.mark.parametrize(
    ("folders", "data", "root", "ledger", "aside"),
    [
        ([], "data", "data", store.FILE, "data/duplicates"),
        ([], "bare", "bare", store.FILE, "bare/duplicates"),
        (["data/raw/with_mask"], "other", "data", store.FILE, "data/duplicates"),
        (["photos"], "data", "photos", store.HIDDEN, "photos-duplicates"),
        (["photos/one", "photos/two"], "data", "photos", store.HIDDEN, "photos-duplicates"),
        (["photos/one/x"], "data", "photos/one/x", store.HIDDEN, "photos/one/x-duplicates"),
    ],
)
def test_which_ledger_and_where_to(
    world: Path, folders: list[str], data: str, root: str, ledger: str, aside: str | None
) -> None:
    found = scope([world / folder for folder in folders], world / data)
    searched = [world / folder for folder in folders or [f"{data}/raw"]]
    beside = world.with_name(f"{world.name}-duplicates")
    expected = beside if aside is None else world / aside
    assert found == Scope(tuple(searched), world / root, ledger, expected)
    chosen = scope([world / folder for folder in folders], world / data, world / "else")
    assert chosen.aside == world / "else"


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["missing"], "there is no folder .*missing$"),
        ([], "there is no folder .*raw: name a folder, or the data set with --data"),
        (["photos/one/x"], "there is no picture in .*x"),
    ],
)
def test_nothing_to_look_at(world: Path, folders: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        look(scope([world / folder for folder in folders], world / "photos"), Options())


def test_folders_of_which_some_belong_to_a_data_set_are_refused(world: Path) -> None:
    with pytest.raises(InputError, match=r"not all of .* belong to the same data set"):
        scope([world / "data/raw", world / "photos"], world / "data")


def test_a_folder_that_is_named_twice_has_no_copies(world: Path, astronaut: Bgr) -> None:
    images.write(world / "photos" / "a.jpg", astronaut)
    (world / "link").symlink_to(world / "photos")
    found = look(scope([world / "photos", world / "link", world / "link/.."], world), Options())
    assert (found.pictures, found.duplicates) == (1, [])


def test_links_and_what_was_set_aside_are_not_looked_at(world: Path, astronaut: Bgr) -> None:
    folder = world / "photos"
    for name in ("one/a.jpg", "kept-apart/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        images.write(folder / name, astronaut)
    (folder / "two" / "link.jpg").symlink_to(folder / "one" / "a.jpg")
    found = look(scope([folder], world, folder / "kept-apart"), Options())
    assert (found.pictures, found.duplicates) == (1, [])


def test_only_folders_below_the_root_name_a_class(world: Path, astronaut: Bgr) -> None:
    above = world / "without_mask" / "photos"
    for name in ("with_mask", "others"):
        (above / name).mkdir(parents=True)
        images.write(above / name / "a.jpg", astronaut)
    found = look(scope([above], world), Options())
    assert (len(found.duplicates), found.conflicts) == (1, [])
    (above / "others").rename(above / "no mask")
    found = look(scope([above / "with_mask", above / "no mask"], world), Options())
    assert (found.duplicates, len(found.conflicts)) == ([], 1)
