"""Options that choose the networks, of the commands that look for faces or label them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from maskdet.cli.exclusive import passed_over
from maskdet.cli.options import Number
from maskdet.cli.paths import NAME, PATH
from maskdet.faces import DETECTORS, LABELLING, SIZED

if TYPE_CHECKING:
    from maskdet.detect.pipeline import Pipeline
    from maskdet.faces.base import FaceDetector

_USUAL = "[default: the model's, else 0.4; of yunet 0.7, of haar 0.5]"


def model_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--model``, the mask classifier's name or folder: the command gets ``model: str``."""
    from maskdet.models.store import CLASSIFIER

    return click.option(
        "--model",
        type=NAME,
        default=CLASSIFIER,
        show_default=True,
        metavar="NAME|PATH",
        help="The mask classifier: its name, or its folder.",
    )(command)


def pipeline_options(detector: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add what chooses the networks; the command gets ``load``, which returns the Pipeline.

    ``load`` takes arguments of ``load_pipeline`` that are to stand instead of the options.

    Args:
        detector: what finds the faces unless ``--detector`` or a detector as ``--model`` does.
    """
    from maskdet.models.store import CLASSIFIER, DETECTOR

    def load(**chosen: Any) -> Pipeline:
        from maskdet.detect.pipeline import choose, load_pipeline

        names = ("model", "detector", "face_model", "classifier")
        try:
            choose(**{name: chosen[name] for name in names})
        except ValueError as error:
            said = passed_over(click.get_current_context(), names)
            if all(chosen[name] is None for name in said):
                raise click.UsageError(str(error)) from error
            return load(**chosen | dict.fromkeys(said))
        return load_pipeline(**chosen)

    usual = CLASSIFIER, f"with --detector maskdet {DETECTOR}"
    if detector in LABELLING:
        usual = DETECTOR, f"behind another --detector {CLASSIFIER}"
    either_option = click.option(
        "--model",
        type=NAME,
        metavar="NAME|PATH",
        help="What says how the masks sit. A classifier looks at each face that --detector finds; "
        "a detector of maskdet's finds the faces itself, and goes with no other --detector. "
        f"[default: {'; '.join(usual)}]",
    )
    classifier_option = click.option(
        "--classifier",
        type=NAME,
        metavar="none|both|NAME|PATH",
        help="With --detector maskdet, who says how the masks sit: none, the detector itself; "
        "NAME, this classifier instead (as --model NAME); both, the mean of the detector and a "
        f"classifier (--model, or {CLASSIFIER}). [default: none, unless --model is a classifier]",
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        inner = either_option(classifier_option(_networks(command, load, detector, _USUAL)))
        ours = "" if detector == "maskdet" else "; maskdet if --model is a detector"
        return _detector_option(detector + ours)(inner)

    return add


def detector_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what chooses the face detector; the command gets ``load``, which returns it.

    ``load`` takes arguments of ``load_pipeline`` that are to stand instead of the options.
    """

    def load(
        detector: str,
        face_model: Path | None,
        min_score: float | None,
        min_face: float,
        threads: int,
        face_size: int | None,
    ) -> FaceDetector:
        import cv2

        from maskdet.faces import create

        if threads:
            cv2.setNumThreads(threads)
        return create(detector, face_model, min_score, min_face, face_size, threads)

    return _detector_option("ssd")(
        _networks(command, load, "ssd", "[default: 0.2; of maskdet 0.3]")
    )


def _detector_option(usual: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--detector",
        type=click.Choice(DETECTORS),
        help="What finds the faces: maskdet's own network, which also says how the masks sit; "
        "OpenCV's SSD or Haar cascade; YuNet, a file of which --face-model names. "
        f"[default: {usual}]",
    )


def _networks(
    command: Callable[..., Any], loader: Callable[..., Any], usual: str, least_score: str
) -> Callable[..., Any]:
    """Add the options of the face detector; ``load`` calls ``loader`` with what is chosen.

    Args:
        command: gets ``load``.
        loader: takes what is chosen, by the options' names.
        usual: the detector if none is named, nor a model that is one.
        least_score: what the help says of the default of ``--min-score``.
    """

    @click.option(
        "--face-model",
        type=PATH,
        metavar="PATH",
        help="The face detector's file, if not the installed one. Of maskdet, the name or folder "
        "of a detector.",
    )
    @click.option(
        "--min-score",
        type=Number(0, 1),
        help="Leave out faces that the detector is less sure of; with maskdet's own, hardly a face "
        "has more than 0.8. " + least_score,
    )
    @click.option(
        "--min-face",
        type=Number(min=0),
        default=0,
        metavar="PX",
        help="Leave out faces whose shorter side has fewer pixels. Where such faces would be too "
        "small for it, maskdet's own detector also looks at tiles of the picture, which takes "
        "longer.",
    )
    @click.option(
        "--face-size",
        type=click.IntRange(300, 2000),
        metavar="PX",
        help="How large the detector sees a picture: the larger, the smaller are the faces that it "
        "finds, and the longer it takes. Of maskdet, the longer side [default: the model's, mostly "
        "640, for films and cameras 0.85 of it]; of the ssd, the side of a square with as many "
        "pixels [default: 450, for films and cameras 300].",
    )
    @click.option(
        "--threads",
        type=click.IntRange(min=0),
        default=0,
        help="Cores to use; 0, the default, lets the libraries choose.",
    )
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        names = (
            *("model", "classifier", "detector", "face_model"),
            *("min_score", "min_face", "threads", "face_size"),
        )
        chosen = {name: kwargs.pop(name) for name in names if name in kwargs}

        def load(**instead: Any) -> Any:
            from maskdet.detect.pipeline import is_detector

            given = chosen | instead
            if given["detector"] is None:
                model = given.get("model")
                finds = model is not None and is_detector(model)
                given["detector"] = LABELLING[0] if finds else usual
            for name, its in (("face_size", SIZED), ("classifier", LABELLING)):
                if given.get(name) and given["detector"] not in its:
                    if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                        option = f"--{name.replace('_', '-')}"
                        raise click.UsageError(f"{option} is for --detector {' and '.join(its)}")
                    given[name] = None  # said in the environment once for all runs
            return loader(**given)

        return command(*args, load=load, **kwargs)

    return wrapped
