"""What ``bench_detect.py`` prints: its figures as Markdown, and what they were to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CONTENDERS = ("maskdet", "blueprint", "rival")


def report(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown: three tables and the targets."""
    machine, rounds = figures["machine"], figures["rounds"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {packages}."
        f" Medians of {rounds['frames']} rounds (frames), {rounds['processes']} (processes) and "
        f"{rounds['starts']} (starts), the contenders taking turns.",
        "",
        "Frames per second, 640 x 480, every face found by all three:",
        "",
        "| threads | faces | maskdet | blueprint | rival | maskdet / blueprint | maskdet / rival |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in figures["frames"]:
        ours, blueprint, rival = (row[name] for name in CONTENDERS)
        lines.append(
            f"| {row['threads']} | {row['faces']} | {1 / ours:.1f} | {1 / blueprint:.1f} | "
            f"{1 / rival:.1f} | {blueprint / ours:.1f} x | {rival / ours:.1f} x |"
        )
    lines += [
        "",
        "Whole processes:",
        "",
        "| process | wall time | peak memory |",
        "| --- | ---: | ---: |",
    ]
    detect, starts = figures["processes"], figures["starts"]
    for name, values in (
        ("`maskdet detect --image`, one face", detect["maskdet detect"]),
        ("the rival's command, the same picture", detect["the rival"]),
        ("`maskdet --help`", starts["maskdet --help"]),
        ('`python -c "import click"`', starts["import click"]),
    ):
        # Near the size of this process, which is a child's least, the figure says nothing.
        memory = f"{values['mib']:.0f} MiB" if values["mib"] > 50 else ""
        lines.append(f"| {name} | {1000 * values['seconds']:.0f} ms | {memory} |")
    lines += [
        "",
        "Where the time of a frame goes (one thread):",
        "",
        "| faces | face detector | classifier | everything else | drawing, on top |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in figures["profile"]:
        shares = (row["detector"], row["classifier"], rest(row), row["drawing"])
        cells = " | ".join(
            f"{1000 * part:.1f} ms ({100 * part / row['all']:.1f} %)" for part in shares
        )
        lines.append(f"| {row['faces']} | {cells} |")
    lines += ["", "| target | measured | reached |", "| --- | ---: | --- |"]
    for text, measured, reached in targets(figures):
        lines.append(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def rest(row: dict[str, float]) -> float:
    """Return the seconds of a frame that are spent in neither of the two networks."""
    return row["all"] - row["detector"] - row["classifier"]


def targets(figures: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield what was to be reached, what was measured, and whether that is enough."""
    for faces, factor in ((1, 2.5), (16, 8)):
        least = min(
            row["blueprint"] / row["maskdet"] for row in figures["frames"] if row["faces"] == faces
        )
        text = f"frames per second, {faces} face(s): at least {factor} x the blueprint's"
        yield text, f"{least:.1f} x", least >= factor
    ours, rival = (figures["processes"][name] for name in ("maskdet detect", "the rival"))
    faster, memory = rival["seconds"] / ours["seconds"], ours["mib"] / rival["mib"]
    yield "whole process: at least 5 x faster than the rival's", f"{faster:.1f} x", faster >= 5
    yield "at most a third of the rival's memory", f"{memory:.2f}", memory <= 1 / 3
    starts = figures["starts"]
    longer = starts["maskdet --help"]["seconds"] / starts["import click"]["seconds"]
    yield "`maskdet --help`: at most 1.6 x `import click`", f"{longer:.2f} x", longer <= 1.6
    share = max(rest(row) / row["all"] for row in figures["profile"])
    yield "neither network: under 15 % of a frame", f"{100 * share:.1f} %", share < 0.15
