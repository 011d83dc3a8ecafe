"""First boxes and classes for pictures that nobody has labelled yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from maskdet import files, images
from maskdet.errors import InputError, OutputError
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.records import in_folder_beside
from maskdet.layout import folder_class, pictures, voc_path
from maskdet.progress import SILENT, Progress
from maskdet.types import ImageResult


@dataclass(slots=True)
class Proposed:
    """What became of the pictures of a folder.

    ``pictures`` counts those that got a VOC file, ``faces`` the boxes in them, ``faceless``
    the files without one; ``kept`` counts the files that stayed as they were.
    """

    pictures: int = 0
    faces: int = 0
    faceless: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def propose(
    root: Path,
    detector: FaceDetector,
    label: str | None = None,
    classify: Callable[[Bgr], ImageResult] | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Proposed:
    """Write a VOC file with the detected faces beside each picture of a folder.

    A picture without a face gets a file without an object: it says that somebody looked. The
    files are marked as proposals. One that a person has made or changed since stays as it is,
    as does one that cannot be read; another proposal is made anew, unless its class would have
    to come from a folder and does not. A picture that has none beside it, but one in
    ``annotations`` beside its folder ``images``, as in Kaggle's data sets, gets none and is told.

    Args:
        root: the folder, with all below it.
        detector: finds the faces.
        label: the class of every face; None takes the name of the nearest folder, from
            ``root`` on, that is named after a class.
        classify: finds the faces itself and says what class each is of (a Pipeline); the
            other two are not used then.
        force: overwrite what a person has made, too, but no file that is no VOC file.
        progress: makes the bar.

    Raises:
        InputError: ``root`` is no folder.
    """
    found, problems = pictures(root)
    result = Proposed(problems=problems)
    unnamed: dict[Path, int] = {}
    elsewhere: dict[Path, int] = {}
    name = Path(files.absolute(root).name)
    for path in progress(found, desc="faces", unit="picture"):
        own = label or folder_class(name / path.relative_to(root))
        nameless = own is None and classify is None
        try:
            if voc_path(path).exists() and (nameless or not (_is_proposal(path) or force)):
                result.kept += 1
                continue
            other = None if force or voc_path(path).exists() else _voc_elsewhere(path)
            if other:
                elsewhere[other.parent] = elsewhere.get(other.parent, 0) + 1
                continue
            if nameless:
                unnamed[path.parent] = unnamed.get(path.parent, 0) + 1
                continue
            image = images.read(path)
            height, width = image.shape[:2]
            if classify:
                faces = [(face.label, face.box) for face in classify(image).faces]
            else:
                faces = [(own or "", face.box) for face in detector.detect(image)]
            objects = [voc.VocObject(index, *face) for index, face in enumerate(faces)]
            voc.write(voc_path(path), path, width, height, objects, proposal=True)
        except (InputError, OutputError) as error:
            result.problems.append(str(error))
            continue
        result.pictures += 1
        result.faces += len(faces)
        result.faceless += not faces
    for folder, count in unnamed.items():
        result.problems.append(
            f"{folder}: {count} pictures, and no folder is named after their class: name one "
            "(with_mask, without_mask, mask_worn_incorrectly), or give --class NAME or "
            "--class-from model"
        )
    for folder, count in elsewhere.items():
        result.problems.append(
            f"{folder} holds VOC files for {count} pictures, and label knows only those beside "
            "them: 'maskdet convert SET TARGET --to voc', SET being the folder above, takes them "
            "over into a new one; --force proposes all the same"
        )
    return result


def _voc_elsewhere(picture: Path) -> Path | None:
    """Return a picture's VOC file in a folder beside its own, where others than label use it."""
    names = ("annotations", "Annotations")
    beside = (in_folder_beside(files.absolute(picture), name, ".xml") for name in names)
    return next((place for place in beside if place and place.is_file()), None)


def _is_proposal(picture: Path) -> bool:
    images.size(picture)  # a picture that is none is told, even if a person has labelled it
    return voc.is_proposal(voc_path(picture))
