"""A small data set as crawl, dedup and label leave it, for the tests of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hostile import picture
from local_bing import LocalBing, Result

from maskdet import files
from maskdet.catalog import Catalog
from maskdet.crawl.options import CrawlOptions
from maskdet.crawl.queries import query
from maskdet.crawl.run import crawl
from maskdet.dedup.aside import set_aside
from maskdet.dedup.match import Match
from maskdet.labels import crop, voc
from maskdet.layout import voc_path
from maskdet.types import Box


@dataclass(frozen=True)
class Collected:
    """Pictures by short name: where they lie, and the address each came from.

    ``street`` and ``park`` are of the class with_mask; ``street`` came from two addresses and
    has two faces, ``street_again`` was set aside as its duplicate. ``door``, of the class
    without_mask, is from another host (127.0.0.2) and has one face. ``mine`` was put there by
    hand, with no face. The address ``html`` gave no picture.
    """

    data: Path
    paths: dict[str, Path]
    urls: dict[str, str]

    def sha256(self, name: str) -> str:
        return files.sha256(self.paths[name])

    def crops(self) -> list[str]:
        return sorted(path.name for path in self.data.glob("faces/*/*.jpg"))

    def crawl_again(self, bing: LocalBing) -> None:
        search(self.data, bing)


def search(data: Path, bing: LocalBing) -> None:
    crawl(
        data,
        [query("masks", "with_mask"), query("faces", "without_mask")],
        CrawlOptions(10, endpoint=bing.endpoint, delay_s=0, min_side=32, allow_private=True),
    )


def serve() -> tuple[LocalBing, LocalBing, dict[str, str]]:
    """Return the servers of both hosts, and the addresses of what they serve."""
    other = LocalBing({}, host="127.0.0.2")
    bing = LocalBing({})
    names = ("street", "street_again", "park")
    urls = {name: bing.address(picture(i)) for i, name in enumerate(names)}
    urls["door"] = other.address(picture(3))
    urls["street_copy"] = bing.serve("/copy", lambda asked: asked.send(picture(0), "image/jpeg"))
    urls["html"] = bing.serve("/html", lambda asked: asked.send(b"<html>", "text/html"))
    masks = ("street", "street_again", "park", "street_copy", "html")
    bing.add("masks", [Result(urls[name], f"{bing.url}/{name}.html", name) for name in masks])
    bing.add("faces", [Result(urls["door"])])
    return bing, other, urls


def collect(data: Path) -> Collected:
    """Crawl, set a duplicate aside, label and cut the faces out."""
    bing, other, urls = serve()
    with bing, other:
        search(data, bing)
    with Catalog(data) as catalog:
        rows = catalog.read("SELECT url, path FROM sources JOIN images ON images.id = image_id")
        of_url = {row["url"]: data / row["path"] for row in rows}
        names = ("street", "street_again", "park", "door")
        paths = {name: of_url[urls[name]] for name in names}
        paths["mine"] = data / "raw/with_mask/mine.jpg"
        paths["mine"].write_bytes(picture(9))
        boxes = {"street": 2, "street_again": 1, "door": 1, "mine": 0}
        for name, number in boxes.items():
            label = paths[name].parent.name
            faces = [
                voc.VocObject(i, label, Box(20 * i, 10, 20 * i + 30, 50)) for i in range(number)
            ]
            voc.write(voc_path(paths[name]), paths[name], 160, 120, faces)
        match = Match(*map(str, (paths["street_again"], paths["street"])), "near", "larger", 2)
        done = set_aside(catalog, [match], "move", data / "duplicates")
        assert not done.problems
        paths["street_again"] = data / "duplicates/with_mask" / paths["street_again"].name
    crop.crop(data / "raw", data / "faces", data)
    return Collected(data, paths, urls)
