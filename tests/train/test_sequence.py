from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from maskdet.train import workers
from maskdet.train.sequence import AugmentedFaces

SIZE = 32

HOLD_WORKERS = """
import sys, time
from pathlib import Path
from maskdet.train import workers

if __name__ == "__main__":
    pool = workers.start(Path(sys.argv[1]), 32, 1)
    pool.submit(max, 1, 2).result()
    print(*pool._processes, flush=True)
    time.sleep(60)
"""


def test_batches_depend_on_nothing_but_seed_epoch_and_number(tmp_path: Path) -> None:
    path = tmp_path / "faces.npy"
    faces = np.random.default_rng(0).integers(0, 256, (10, 42, 42, 3), np.uint8)
    np.save(path, faces)
    indices = np.array([1, 2, 3, 5, 8])
    targets = np.eye(5, dtype=np.float32)
    with workers.start(path, SIZE, 2) as pool:
        a = AugmentedFaces(pool, indices, targets, batch_size=2, seed=3)
        assert len(a) == 3
        first = [a[number] for number in range(3)]
        assert [batch.shape for batch, _ in first] == [(2, SIZE, SIZE, 3)] * 2 + [
            (1, SIZE, SIZE, 3)
        ]
        assert np.array_equal(np.concatenate([t for _, t in first]).sum(axis=0), np.ones(5))
        a.on_epoch_end()
        second = [a[number] for number in range(3)]
        assert not np.array_equal(first[0][0], second[0][0])
        resumed = AugmentedFaces(pool, indices, targets, batch_size=2, seed=3, epoch=1)
        for number in (2, 0, 1):
            for got, expected in zip(resumed[number], second[number], strict=True):
                assert np.array_equal(got, expected)


def test_no_worker_outlives_a_killed_run(tmp_path: Path) -> None:
    np.save(tmp_path / "faces.npy", np.zeros((1, 42, 42, 3), np.uint8))
    script = tmp_path / "hold.py"
    script.write_text(HOLD_WORKERS)
    with subprocess.Popen(
        [sys.executable, script, tmp_path / "faces.npy"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        assert alive(worker)
        process.kill()
    for _ in range(300):
        if not alive(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker still runs 30 s after its parent was killed")


def alive(process: int) -> bool:
    """Tell whether a process runs; one that ended may stay listed until somebody asks for it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
