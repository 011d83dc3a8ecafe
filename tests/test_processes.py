from __future__ import annotations

import os
import signal
from pathlib import Path

from maskdet import processes


def test_ctrl_c_leaves_processes_alone_even_while_they_start() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with processes.pool(1) as pool:
        asked = pool.submit(os.getpid)
        (pid,) = pool._processes
        os.kill(pid, signal.SIGINT)
        assert asked.result() == pid
        os.kill(pid, signal.SIGINT)
        assert pool.submit(os.getpid).result() == pid
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_process_is_set_up_before_its_first_task(tmp_path: Path) -> None:
    with processes.pool(1, os.chdir, tmp_path) as pool:
        assert pool.submit(Path.cwd).result() == tmp_path
