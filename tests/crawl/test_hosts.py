"""The queue that spares hosts."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass

import pytest

from maskdet.crawl.hosts import HostQueue


@dataclass(frozen=True)
class Task:
    host: str
    number: int


def filled(tasks: str, per_host: int = 1, delay_s: float = 0.0) -> HostQueue:
    """Return a queue with a task for each letter, which is its host."""
    made = HostQueue(per_host, delay_s)
    for number, host in enumerate(tasks):
        made.put(Task(host, number))
    return made


def taken(tasks: HostQueue) -> str:
    """Take what is free, and return the numbers."""
    numbers = ""
    while True:
        try:
            numbers += str(tasks.get(block=False).number)
        except queue.Empty:
            return numbers


@pytest.mark.parametrize(
    ("tasks", "per_host", "free"),
    [("aaa", 1, "0"), ("aaa", 2, "01"), ("aaba", 1, "02"), ("abcabc", 1, "012"), ("", 1, "")],
)
def test_a_task_waits_for_its_host_and_lets_others_pass(
    tasks: str, per_host: int, free: str
) -> None:
    assert taken(filled(tasks, per_host)) == free


def test_a_host_that_is_left_takes_the_next_in_order() -> None:
    tasks = filled("aabb")
    assert taken(tasks) == "02"
    tasks.leave("b")
    assert taken(tasks) == "3"
    tasks.leave("a")
    assert taken(tasks) == "1"


def test_two_requests_to_a_host_are_apart() -> None:
    tasks = filled("aab", per_host=9, delay_s=0.2)
    start = time.monotonic()
    assert [tasks.get(timeout=5).number for _ in range(3)] == [0, 2, 1]
    assert time.monotonic() - start >= 0.2


def test_a_pause_is_for_all_tasks_of_a_host() -> None:
    tasks = filled("aaab", per_host=2)
    assert taken(tasks) == "013"
    start = time.monotonic()
    tasks.leave("a", pause_s=0.3)
    assert tasks.get(timeout=5).number == 2
    assert time.monotonic() - start >= 0.3


def test_nothing_free_in_time_is_empty() -> None:
    tasks = filled("aa")
    tasks.get()
    start = time.monotonic()
    with pytest.raises(queue.Empty):
        tasks.get(timeout=0.1)
    assert time.monotonic() - start >= 0.1


def test_who_waits_is_woken_by_a_task_or_by_a_free_host() -> None:
    tasks = filled("a")
    tasks.get()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(tasks.get().number for _ in range(2)))
    thread.start()
    tasks.put(Task("a", 7))
    tasks.put(Task("b", 8))
    tasks.leave("a")
    thread.join(10)
    assert sorted(found) == [7, 8]
