"""The processes that ``bench_detect.py`` measures; it starts them, nobody else does.

``frames FOLDER``: makes the pictures. ``profile FOLDER``: says where the time of a frame goes.
``CONTENDER FOLDER THREADS``: answers each number of a frame that it reads from stdin with the faces
that it found and the seconds that it took; CONTENDER is one of CONTENDERS, or a detector of
maskdet's own. All print JSON Lines.
"""

from __future__ import annotations

import cProfile
import itertools
import json
import os
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskdet.detect.pipeline import Pipeline

FACES = (1, 4, 16)
WIDTH, HEIGHT = 640, 480
MIN_SCORE = 0.5
PROFILED = 100

FrameFunction = Callable[[Any], int]
"""Takes a frame (uint8, height x width x 3, BGR), labels its faces, returns how many."""


def maskdet(threads: int, model: str | None = None) -> FrameFunction:
    """What ``maskdet detect --model MODEL`` does with a camera's frame."""
    from maskdet.detect.pipeline import load_pipeline

    pipeline = load_pipeline(model, min_score=MIN_SCORE, threads=threads, moving=True)
    return lambda frame: len(pipeline(frame).faces)


def two_networks(threads: int) -> FrameFunction:
    """What ``maskdet detect --detector ssd`` does with a camera's frame."""
    pipeline = _two_networks(threads)
    return lambda frame: len(pipeline(frame).faces)


def _two_networks(threads: int) -> Pipeline:
    from maskdet.detect.pipeline import load_pipeline

    return load_pipeline(detector="ssd", min_score=MIN_SCORE, threads=threads, moving=True)


def ssd(threads: int) -> FrameFunction:
    """OpenCV's SSD alone, through cv2.dnn: it finds faces, and says nothing of masks."""
    from maskdet.faces.ssd import TRAINED_SIZE, SsdFaceDetector

    detector = SsdFaceDetector(min_score=MIN_SCORE, size=TRAINED_SIZE)
    return lambda frame: len(detector.detect(frame))


def blueprint(threads: int) -> FrameFunction:
    """The usual tutorial: OpenCV's SSD, then ``keras.predict`` on one face after the other.

    Its network is the one that ``maskdet train`` builds, at the tutorial's 224 pixels;
    untrained, since what the weights are makes no difference to the time.
    """
    import cv2
    import numpy as np

    from maskdet.faces.ssd import TRAINED_SIZE, SsdFaceDetector
    from maskdet.train.network import build

    limit_tensorflow(threads)
    detector = SsdFaceDetector(min_score=MIN_SCORE, size=TRAINED_SIZE)
    classifier = build(2, 224, weights="none")

    def label(frame: Any) -> int:
        faces = detector.detect(frame)
        for face in faces:
            x1, y1, x2, y2 = (int(value) for value in face.box.to_list(0))
            rgb = cv2.cvtColor(frame[y1:y2, x1:x2], cv2.COLOR_BGR2RGB)
            classifier.predict(np.expand_dims(cv2.resize(rgb, (224, 224)), 0), verbose=0)
        return len(faces)

    return label


def rival(threads: int) -> FrameFunction:
    """face-mask-detector 0.2.3: its own functions on its own networks."""
    limit_tensorflow(threads)
    import face_mask_detector

    model = face_mask_detector.load_face_mask_detector_model()
    detect = face_mask_detector.get_face_mask_detections
    return lambda frame: len(detect(model, frame, MIN_SCORE)[0])


CONTENDERS = {
    "maskdet": maskdet,
    "two networks": two_networks,
    "ssd": ssd,
    "blueprint": blueprint,
    "rival": rival,
}


def limit_tensorflow(threads: int) -> None:
    """Keep TensorFlow to a number of threads; before its first operation."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def limit_process(threads: int) -> None:
    """Keep this process and OpenCV to a number of cores."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import cv2

    cv2.setNumThreads(threads)


def make_frames(folder: Path) -> None:
    """Write ``<faces>.png`` for each of FACES: the head of a public-domain portrait in a grid."""
    import cv2
    import numpy as np
    from skimage import data

    from maskdet import images

    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    head = portrait[0:230, 110:340]
    for faces in FACES:
        across = round(faces**0.5)
        wide, high = WIDTH // across, HEIGHT // across
        tile = np.full((high, wide, 3), 200, np.uint8)
        left = (wide - high) // 2
        tile[:, left : left + high] = cv2.resize(head, (high, high))
        images.write(folder / f"{faces}.png", np.tile(tile, (across, across, 1)))


def answer(contender: str, folder: Path, threads: int) -> None:
    """Label frames as they are asked for, until stdin ends."""
    from maskdet import images

    # What the contenders print themselves (Keras: a progress bar) must not mix with answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    frames = {faces: images.read(folder / f"{faces}.png") for faces in FACES}
    known = CONTENDERS.get(contender)
    label = known(threads) if known else maskdet(threads, contender)
    for line in sys.stdin:
        frame = frames[int(line)]
        start = time.perf_counter()
        found = label(frame)
        seconds = time.perf_counter() - start
        print(json.dumps({"found": found, "seconds": seconds}), file=answers)


def profile(folder: Path) -> None:
    """Print, for each frame, the parts of the time that the networks and the rest take."""
    from maskdet import images
    from maskdet.detect.draw import annotate
    from maskdet.detect.pipeline import load_pipeline

    pipelines = {
        "maskdet": load_pipeline(min_score=MIN_SCORE, threads=1, moving=True),
        "two networks": _two_networks(1),
    }
    for (name, pipeline), faces in itertools.product(pipelines.items(), FACES):
        frame = images.read(folder / f"{faces}.png")
        pipeline(frame)
        profiler = cProfile.Profile()
        for _ in range(PROFILED):
            result = profiler.runcall(pipeline, frame)
        drawing = cProfile.Profile()
        for _ in range(PROFILED):
            drawing.runcall(annotate, frame, result)
        calls = pstats.Stats(profiler)
        parts = {
            "networks": _seconds(calls),
            "all": calls.total_tt,
            "drawing": pstats.Stats(drawing).total_tt,
        }
        per_frame = {name: seconds / PROFILED for name, seconds in parts.items()}
        print(json.dumps({"pipeline": name, "faces": faces, **per_frame}))


def _seconds(calls: pstats.Stats) -> float:
    """Return the time of a profile inside the compiled functions that run networks."""
    runners = ("'forward' of 'cv2.dnn.Net'", "onnxruntime_pybind11_state.run")
    times = [
        entry[3]
        for (_, _, function), entry in calls.stats.items()
        if any(name in function for name in runners)
    ]
    if not times:
        raise RuntimeError(f"none of {runners} in the profile")
    return sum(times)


def main() -> None:
    """Do what the arguments say."""
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task == "frames":
        make_frames(folder)
        return
    threads = 1 if task == "profile" else int(sys.argv[3])
    limit_process(threads)
    if task == "profile":
        profile(folder)
    else:
        answer(task, folder, threads)


if __name__ == "__main__":
    main()
