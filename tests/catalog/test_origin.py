from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from collected import Collected, collect

from maskdet.catalog import Catalog
from maskdet.catalog.origin import Origin, origin
from maskdet.errors import InputError


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    return collect(tmp_path_factory.mktemp("origin") / "data")


def ask(collected: Collected, path: Path) -> Origin:
    with Catalog(collected.data) as catalog:
        return origin(catalog, path)


def test_a_picture_has_all_its_addresses(collected: Collected) -> None:
    found = ask(collected, collected.paths["street"])
    assert {item.url for item in found.addresses} == {
        collected.urls["street"],
        collected.urls["street_copy"],
    }
    address = next(item for item in found.addresses if item.url == collected.urls["street"])
    assert (address.phrase, address.label, address.rank) == ("masks", "with_mask", 1)
    assert (address.title, address.page_url) == ("street", address.page_url)
    assert address.page_url is not None
    assert address.page_url.endswith("/street.html")
    assert (found.face, found.original, found.picture.status) == (None, None, "kept")


def test_a_path_may_be_as_the_ledger_has_it(collected: Collected) -> None:
    path = collected.paths["street"].relative_to(collected.data)
    assert ask(collected, path).picture.path == path.as_posix()
    crop = ask(collected, Path(f"faces/with_mask/{path.stem}_1.jpg"))
    assert crop.face is not None
    assert crop.picture.path == path.as_posix()


def test_a_duplicate_leads_to_the_picture_that_was_kept(collected: Collected) -> None:
    found = ask(collected, collected.paths["street_again"])
    assert [item.url for item in found.addresses] == [collected.urls["street_again"]]
    assert found.picture.status == "duplicate"
    assert found.original == ask(collected, collected.paths["street"]).picture


def test_a_crop_leads_to_its_face_and_picture(collected: Collected) -> None:
    stem = collected.paths["street"].stem
    found = ask(collected, collected.data / f"faces/with_mask/{stem}_1.jpg")
    assert found.face is not None
    assert (found.face.object, found.face.label) == (1, "with_mask")
    assert found.face.box.to_list() == [20, 10, 50, 50]
    assert found.picture == ask(collected, collected.paths["street"]).picture
    assert len(found.addresses) == 2
    shown = json.loads(json.dumps(found.to_dict()))
    assert shown["crop"] == {"object": 1, "label": "with_mask", "box": [20, 10, 50, 50]}
    assert {item["url"] for item in shown["sources"]} == {item.url for item in found.addresses}
    assert all(item["class"] == "with_mask" and "label" not in item for item in shown["sources"])


def test_a_picture_put_there_by_hand_has_no_address(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        from maskdet.catalog import pictures

        pictures.register(catalog, collected.paths["mine"])
    assert ask(collected, collected.paths["mine"]).addresses == ()


def test_a_copy_elsewhere_is_known_by_its_bytes(collected: Collected, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    shutil.copy(collected.paths["door"], copy)
    assert [item.url for item in ask(collected, copy).addresses] == [collected.urls["door"]]


@pytest.mark.parametrize(
    ("name", "end"), [("missing.jpg", ", and there is no such file"), ("other.jpg", "")]
)
def test_what_the_ledger_does_not_know_is_an_error(
    collected: Collected, tmp_path: Path, name: str, end: str
) -> None:
    (tmp_path / "other.jpg").write_bytes(b"other")
    with pytest.raises(InputError, match=rf"{name} is not in .*catalog.sqlite{end}$"):
        ask(collected, tmp_path / name)
