"""Which modules of maskdet may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

STEPS = {"crawl", "dedup", "detect", "evaluate", "forget", "labels", "synth", "train"}
"""What stands for a step of the work: they do not import each other's insides."""

SHARED = {
    # Reading labelled data, and comparing boxes with it.
    *("labels.ap", "labels.dataset", "labels.manifest", "labels.match", "labels.records"),
    *("labels.split", "labels.voc"),
    # What is measured is what detects.
    "detect.pipeline",
}
"""What the steps may import of each other all the same."""


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "maskdet").rglob("*.py")):
        parts = path.relative_to(ROOT / "maskdet").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(name: str) -> Iterator[str]:
    """Yield what a module imports, anywhere in it; of maskdet without that first word."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}".removeprefix("maskdet.")
                outer = (node.module or "").removeprefix("maskdet").removeprefix(".")
                yield whole if whole in MODULES else outer


IMPORTS = {name: set(_imports(name)) for name in MODULES}


def _top(name: str) -> str:
    return name.partition(".")[0]


def test_no_module_imports_itself_by_a_detour() -> None:
    inside = {name: imported & (MODULES.keys() - {name}) for name, imported in IMPORTS.items()}
    assert len([*TopologicalSorter(inside).static_order()]) == len(MODULES)


def test_a_step_leaves_the_insides_of_others_alone() -> None:
    found = {
        (name, other)
        for name, imported in IMPORTS.items()
        for other in imported & MODULES.keys() - SHARED
        if _top(name) != _top(other) and _top(other) in STEPS and _top(name) != "cli"
    }
    assert not found


def test_what_the_steps_share_leans_on_no_inside() -> None:
    inside = {name for name in MODULES if _top(name) in STEPS} - SHARED
    assert not {(name, other) for name in SHARED for other in IMPORTS[name] & inside}
    used = {
        other
        for name in MODULES
        for other in IMPORTS[name]
        if _top(name) not in ("cli", _top(other))
    }
    assert not SHARED - used


@pytest.mark.parametrize("only_here", ["click", "cli"])
def test_the_library_knows_nothing_of_the_command_line(only_here: str) -> None:
    users = {
        name
        for name, imported in IMPORTS.items()
        if any(_top(other) == only_here for other in imported)
    }
    assert users
    assert {_top(name) for name in users} <= {"cli", "__main__"}
