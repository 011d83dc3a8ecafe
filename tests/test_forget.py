from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from collected import Collected, collect, search, serve
from hostile import picture

from maskdet import forget
from maskdet.catalog import Catalog, crops, origin, pictures
from maskdet.dedup.aside import recover, set_aside, undo
from maskdet.dedup.match import Match
from maskdet.errors import InputError
from maskdet.labels.manifest import Manifest, alone
from maskdet.layout import voc_path
from maskdet.types import Box


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    return collect(tmp_path_factory.mktemp("forget") / "data")


@pytest.fixture
def collected(untouched: Collected, tmp_path: Path) -> Collected:
    """A data set of the test's own."""
    data = tmp_path / "data"
    shutil.copytree(untouched.data, data)
    paths = {
        name: data / path.relative_to(untouched.data) for name, path in untouched.paths.items()
    }
    return Collected(data, paths, untouched.urls)


def do(collected: Collected, *names: str) -> forget.Forgotten:
    with Catalog(collected.data) as catalog:
        return forget.forget(catalog, forget.plan(catalog, names))


def there(collected: Collected) -> set[str]:
    return {name for name, path in collected.paths.items() if path.exists()}


def forgotten(collected: Collected) -> set[tuple[str, str]]:
    with Catalog(collected.data) as catalog:
        return {(row["kind"], row["value"]) for row in catalog.read("SELECT * FROM forgotten")}


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        ("url", {"street", "street_again"}),
        ("second url", {"street", "street_again"}),
        ("page", {"street", "street_again"}),
        ("sha256", {"street", "street_again"}),
        ("digits", {"street", "street_again"}),
        ("path", {"street", "street_again"}),
        ("path in the data set", {"street", "street_again"}),
        ("crop", {"street", "street_again"}),
        ("duplicate", {"street_again"}),
        ("domain", {"door"}),
    ],
)
def test_a_picture_goes_with_all_that_shows_it(
    collected: Collected, kind: str, gone: set[str]
) -> None:
    street, sha256 = collected.paths["street"], collected.sha256("street")
    names = {
        "url": collected.urls["street"],
        "second url": collected.urls["street_copy"],
        "page": collected.urls["street"].split("/pictures")[0] + "/street.html",
        "sha256": sha256.upper(),
        "digits": sha256[:8],
        "path": str(street),
        "path in the data set": str(street.relative_to(collected.data)),
        "crop": str(collected.data / f"faces/with_mask/{street.stem}_0.jpg"),
        "duplicate": str(collected.paths["street_again"]),
        "domain": "127.0.0.2",
    }
    hashes = {name: collected.sha256(name) for name in gone}
    before = there(collected)
    result = do(collected, names[kind])

    assert (result.pictures, result.problems) == (len(gone), [])
    assert there(collected) == before - gone
    for name, sha256 in hashes.items():
        assert not voc_path(collected.paths[name]).exists()
        assert ("sha256", sha256) in forgotten(collected)
        with Catalog(collected.data) as catalog:
            (row,) = pictures.by_sha256(catalog, sha256)
            assert (row.path, row.status) == (None, "forgotten")
            left = catalog.read("SELECT * FROM crops WHERE image_id = ?", (row.id,))
            tried = catalog.read("SELECT outcome FROM sources WHERE image_id = ?", (row.id,))
            assert left == catalog.read("SELECT * FROM aside WHERE image_id = ?", (row.id,)) == []
            assert {source["outcome"] for source in tried} == {"forgotten"}
    crops = collected.crops()
    stems = {collected.paths[name].stem for name in gone}
    assert not [name for name in crops if name.rsplit("_", 1)[0] in stems]
    listed = [Path(row["file"]).name for row in Manifest(collected.data / "faces").rows]
    assert sorted(listed) == crops


def test_crops_that_were_cut_before_there_was_a_ledger_go_too(collected: Collected) -> None:
    with Catalog(collected.data) as catalog, catalog.write() as connection:
        connection.execute("DELETE FROM crops")
    stem = collected.paths["street"].stem
    before = collected.crops()
    do(collected, collected.urls["street"])
    left = [name for name in before if name.rsplit("_", 1)[0] != stem]
    assert len(left) < len(before)
    assert collected.crops() == left
    listed = [Path(row["file"]).name for row in Manifest(collected.data / "faces").rows]
    assert sorted(listed) == left


@pytest.mark.parametrize("of", ["picture", "crop"])
def test_a_synthetic_picture_that_has_a_piece_of_it_goes_too(collected: Collected, of: str) -> None:
    street, door = collected.paths["street"], collected.paths["door"]
    folder = collected.data / "synthetic"
    folder.mkdir()
    shutil.copy(door, folder / "a.jpg")
    with Catalog(collected.data) as catalog:
        origin = pictures.register(catalog, door).id
        row = crops.Crop("synthetic/a.jpg", origin, 0, "without_mask", Box(0, 0, 9, 9), fresh=True)
        crops.update(catalog, [], [row])
        piece = catalog.relative(street)
        if of == "crop":
            first = next(name for name in collected.crops() if name.startswith(street.stem))
            (path,) = (collected.data / "faces").rglob(first)
            piece = catalog.relative(path)
    manifest = Manifest(folder)
    manifest.set("a.jpg", {"picture": f"raw/{door.name}", "piece": piece})
    manifest.write()
    do(collected, collected.urls["street"])
    assert not (folder / "a.jpg").exists()
    assert not Manifest(folder).rows
    assert door.exists()
    with Catalog(collected.data) as catalog:
        assert not list(catalog.read("SELECT * FROM crops WHERE path = 'synthetic/a.jpg'"))


def test_what_was_made_of_a_copy_elsewhere_goes_too(collected: Collected) -> None:
    sha256 = collected.sha256("street")
    for folder, row in (
        ("a", {"picture": "faces/hers.jpg"}),  # looked at before the crop itself is
        ("faces", {"picture": "/photos/street.jpg", "sha256": sha256}),
    ):
        manifest = Manifest(collected.data / folder)
        manifest.set("hers.jpg", row)
        (collected.data / folder).mkdir(exist_ok=True)
        shutil.copy(collected.paths["door"], collected.data / folder / "hers.jpg")
        manifest.write()
    do(collected, collected.urls["street"])
    assert not [*collected.data.rglob("hers.jpg")]
    assert not Manifest(collected.data / "a").rows


@pytest.mark.parametrize("where", ["data/duplicates", "elsewhere"])
def test_a_crop_that_was_set_aside_as_a_copy_goes_too(
    collected: Collected, tmp_path: Path, where: str
) -> None:
    stem = collected.paths["street"].stem
    first, second = (collected.data / f"faces/with_mask/{stem}_{k}.jpg" for k in (0, 1))
    match = Match(str(second), str(first), "near", "more pixels", 1)
    with Catalog(collected.data) as catalog:
        set_aside(catalog, [match], "move", tmp_path / where)
        (row,) = catalog.read("SELECT moved_to FROM aside ORDER BY id DESC LIMIT 1")
        moved = catalog.absolute(row["moved_to"])
        assert moved.is_file()
        if where.startswith("data"):
            known = origin.origin(catalog, moved)
            assert (known.picture.path, known.face and known.face.object) == (
                catalog.relative(collected.paths["street"]),
                1,
            )
        undo(catalog)
        face = origin.origin(catalog, second).face
        assert face
        assert face.object == 1
        set_aside(catalog, [match], "move", tmp_path / where)
    result = do(collected, str(collected.paths["street"]))
    assert result.problems == []
    assert not moved.exists()
    assert not [row for row in Manifest(collected.data / "faces").rows if stem in row["file"]]
    with Catalog(collected.data) as catalog:
        assert not catalog.read("SELECT 1 FROM images WHERE path LIKE '%/faces/%'")
        assert undo(catalog).problems == []


def test_a_copy_that_was_brought_back_goes_from_both_places(collected: Collected) -> None:
    aside = collected.paths["street_again"]
    back = collected.data / "raw/with_mask" / aside.name
    shutil.copy(aside, back)
    with Catalog(collected.data) as catalog:
        assert recover(catalog) == []
    assert do(collected, str(back)).problems == []
    assert not back.exists()
    assert not aside.exists()


@pytest.mark.parametrize("prefix", ["", "raw/"])
def test_no_manifest_names_it_any_more(collected: Collected, prefix: str) -> None:
    manifest = Manifest(collected.data / "raw")
    for name in ("street", "street_again", "park"):  # the second before it was set aside
        manifest.set(f"{prefix}with_mask/{collected.paths[name].name}", {"split": "train"})
    manifest.write()
    assert do(collected, collected.urls["street"]).problems == []
    rows = Manifest(collected.data / "raw").rows
    assert [row["file"] for row in rows] == [f"{prefix}with_mask/{collected.paths['park'].name}"]


def test_manifests_of_others_stop_nothing(collected: Collected) -> None:
    sha256 = collected.sha256("street")
    for name, text in {
        "other": "no,file\n1,2\n",
        "out": f"file,sha256\n../../a.jpg,{sha256}\n",
    }.items():
        (collected.data / name).mkdir()
        (collected.data / name / "manifest.csv").write_text(text)
    (collected.data / "raw" / "manifest.csv").write_text("no\n1\n")
    (collected.data.parent / "a.jpg").write_text("mine")
    result = do(collected, sha256)
    assert (result.pictures, result.problems) == (2, [])
    assert (collected.data.parent / "a.jpg").exists()


def test_a_picture_that_somebody_has_moved_goes_too(collected: Collected) -> None:
    street = collected.paths["street"]
    astray = collected.data / "raw" / "without_mask" / "renamed.jpg"
    street.rename(astray)
    voc_path(street).rename(voc_path(astray))
    result = do(collected, collected.urls["street"])
    assert (result.pictures, result.problems) == (2, [])
    assert not astray.exists()
    assert not voc_path(astray).exists()


def test_beside_another_command_it_is_refused_before_anything_goes(collected: Collected) -> None:
    before = there(collected)
    with alone(collected.data / "faces"), pytest.raises(InputError, match="another maskdet"):
        do(collected, collected.urls["street"])
    assert there(collected) == before
    assert forgotten(collected) == set()


@pytest.mark.parametrize("named", ["url", "picture", "crop"])
def test_what_was_killed_is_finished_by_the_same_command(collected: Collected, named: str) -> None:
    picture = collected.paths["street"]
    crop = collected.data / f"faces/with_mask/{picture.stem}_0.jpg"
    name = {"url": collected.urls["street"], "picture": str(picture), "crop": str(crop)}[named]
    assert crop.exists()
    with Catalog(collected.data) as catalog:
        for removal in forget.plan(catalog, [name]).removals:
            for path in removal.files:
                path.unlink()
    do(collected, name)
    with Catalog(collected.data) as catalog:
        assert forget.plan(catalog, [collected.urls["street"]]).removals == ()
    assert picture.stem not in (collected.data / "faces/manifest.csv").read_text()


def test_the_rest_stays_as_it_is(collected: Collected) -> None:
    before = {path for path in collected.data.rglob("*") if path.suffix in (".jpg", ".xml")}
    do(collected, "127.0.0.2")
    after = {path for path in collected.data.rglob("*") if path.suffix in (".jpg", ".xml")}
    door = collected.paths["door"]
    crop = collected.data / f"faces/without_mask/{door.stem}_0.jpg"
    assert before - after == {door, voc_path(door), crop}
    assert not crop.parent.exists(), "training refuses an empty class folder"


@pytest.mark.parametrize("edits", [(), (7,), (7, 8)])
def test_what_is_forgotten_is_not_fetched_again(tmp_path: Path, edits: tuple[int, ...]) -> None:
    bing, other, urls = serve()
    data = tmp_path / "data"
    with bing, other:
        search(data, bing)
        with Catalog(data) as catalog:
            (street,) = forget.plan(catalog, [urls["street"]]).removals
            for number in edits:
                street.files[0].write_bytes(picture(number))
                pictures.register(catalog, street.files[0])
            assert forget.plan(catalog, [street.picture.sha256[:16]]).targets  # its first name
            plan = forget.plan(catalog, [urls["street"], "127.0.0.2"])
            forget.forget(catalog, plan)
            left = catalog.read("SELECT path FROM images WHERE path IS NOT NULL")
        fetched = sum(other.hits.values())
        # The same bytes under an address that nobody has tried, and more of the same domain.
        street = bytes(next(value for value in bing._files.values() if isinstance(value, bytes)))
        new = bing.serve("/new", lambda asked: asked.send(street, "image/jpeg"))
        from local_bing import Result

        bing.add("faces", [Result(new), Result(f"{other.url}/another.jpg")])
        search(data, bing)
        assert sum(other.hits.values()) == fetched
        with Catalog(data) as catalog:
            assert catalog.read("SELECT path FROM images WHERE path IS NOT NULL") == left
            (row,) = catalog.read("SELECT outcome FROM sources WHERE url = ?", (new,))
            assert row["outcome"] == "forgotten"
    assert len(list(data.glob("raw/*/*.jpg"))) == len(left)


def test_what_is_unknown_can_be_kept_out_beforehand(collected: Collected) -> None:
    result = do(collected, "https://Example.org/a.jpg#top", "example.net")
    assert result == forget.Forgotten()
    assert forgotten(collected) == {("url", "https://example.org/a.jpg"), ("domain", "example.net")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0123abc", "nothing that can be forgotten"),
        ("00000000", "no picture .* begins with 00000000"),
        ("holiday.jpg", "nothing that can be forgotten"),
        ("raw/with_mask", "nothing that can be forgotten"),
        ("http://[::1/a.jpg", "no valid address"),
        ("", "nothing that can be forgotten"),
        (__file__, "is not in .*catalog.sqlite"),
    ],
)
def test_a_name_that_means_nothing_is_an_error(
    collected: Collected, name: str, message: str
) -> None:
    with Catalog(collected.data) as catalog, pytest.raises(InputError, match=message):
        forget.plan(catalog, [collected.urls["street"], name])


def test_digits_of_several_pictures_are_an_error(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        with catalog.write() as connection:
            connection.execute("UPDATE images SET sha256 = 'abcdef012' || substr(sha256, 10)")
        with pytest.raises(InputError, match="several pictures begins with abcdef01: abcdef012"):
            forget.plan(catalog, ["abcdef01"])


def test_a_domain_is_no_part_of_another(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        with catalog.write() as connection:
            connection.execute("UPDATE sources SET host = 'www.example.org' WHERE host LIKE '%2'")
        assert forget.plan(catalog, ["ample.org"]).removals == ()
        for name in ("example.org", "www.example.org", "EXAMPLE.org."):
            assert len(forget.plan(catalog, [name]).removals) == 1


def test_planning_changes_nothing(collected: Collected) -> None:
    with Catalog(collected.data) as catalog:
        plan = forget.plan(catalog, ["127.0.0.1", str(collected.paths["street_again"])])
        assert plan.originals == ()
        only = forget.plan(catalog, [str(collected.paths["street_again"])])
        assert [item.path for item in only.originals] == [
            catalog.relative(collected.paths["street"])
        ]
    assert there(collected) == set(collected.paths)
    assert forgotten(collected) == set()


def test_a_copy_that_lies_outside_of_the_data_set_goes_too(
    collected: Collected, tmp_path: Path
) -> None:
    aside = tmp_path / "aside.jpg"
    copy = collected.paths["street_again"]
    copy.rename(aside)
    voc_path(copy).rename(voc_path(aside))
    with Catalog(collected.data) as catalog, catalog.write() as connection:
        connection.execute("UPDATE aside SET moved_to = '../aside.jpg'")
        connection.execute("UPDATE images SET path = NULL WHERE status = 'duplicate'")
    assert do(collected, collected.urls["street_again"]).pictures == 1
    assert not aside.exists()
    assert not voc_path(aside).exists()


def test_a_run_that_is_killed_is_finished_by_the_next(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink
    street = collected.paths["street"]

    def killed(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        if path == street:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            do(collected, collected.urls["street"])
    assert ("url", collected.urls["street"]) in forgotten(collected), "noted before anything goes"
    assert voc_path(street).exists()

    assert do(collected, collected.urls["street"]).problems == []
    assert not voc_path(street).exists()
    with Catalog(collected.data) as catalog:
        assert forget.plan(catalog, [collected.urls["street"]]).removals == ()
    listed = {Path(row["file"]).name for row in Manifest(collected.data / "faces").rows}
    assert listed == set(collected.crops()) == {f"{collected.paths['door'].stem}_0.jpg"}


def test_a_file_that_cannot_be_removed_is_a_problem(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def fail(path: Path, missing_ok: bool = False) -> None:
        if path == collected.paths["street"]:
            raise PermissionError(13, os.strerror(13), str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        result = do(collected, "127.0.0.1")
    assert [problem.split(": ")[1] for problem in result.problems] == ["Permission denied"]
    assert there(collected) == {"street", "door", "mine"}
    with Catalog(collected.data) as catalog:
        picture = pictures.by_path(catalog, catalog.relative(collected.paths["street"]))
        assert picture is not None
        assert picture.status == "kept", "the next run finds it"


def test_the_boxes_of_another_picture_of_that_name_stay(collected: Collected) -> None:
    street = collected.paths["street"]
    shutil.copy(collected.paths["park"], street.with_suffix(".png"))
    do(collected, collected.urls["street"])
    assert voc_path(street).exists()


def test_a_forged_ledger_removes_nothing_outside(collected: Collected, tmp_path: Path) -> None:
    (tmp_path / "precious.jpg").write_bytes(b"mine")
    with Catalog(collected.data) as catalog:
        with catalog.write() as connection:
            connection.execute(
                "UPDATE crops SET path = '../precious.jpg' WHERE label = 'without_mask'"
            )
        with pytest.raises(InputError, match="does not lie in"):
            forget.plan(catalog, ["127.0.0.2"])
