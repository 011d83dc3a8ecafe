"""What ``bench_detect.py`` prints: its figures as Markdown, and what they were to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

CONTENDERS = ("maskdet", "two networks", "ssd", "blueprint", "rival")
BEST = 1.0
SMALL = 0.45
"""What one thread may take for a frame with maskdet's own detectors, in times of the SSD alone."""
CROWD = 20
"""How many frames of 16 faces they see while the blueprint sees one."""


def report(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown: three tables and the targets."""
    machine, rounds = figures["machine"], figures["rounds"]
    names = [*owns(figures), *CONTENDERS[1:]]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {packages}."
        f" Medians of {rounds['frames']} rounds (frames), {rounds['processes']} (processes) and "
        f"{rounds['starts']} (starts), the contenders taking turns.",
        "",
        "Frames per second, 640 x 480, every face found by all:",
        "",
        "| threads | faces | " + " | ".join(names) + " |",
        "| ---: " * (len(names) + 2) + "|",
    ]
    for row in figures["frames"]:
        rates = " | ".join(f"{1 / row[name]:.1f}" for name in names)
        lines.append(f"| {row['threads']} | {row['faces']} | {rates} |")
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
        "| | faces | networks | everything else | drawing, on top |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in figures["profile"]:
        shares = (row["networks"], row["all"] - row["networks"], row["drawing"])
        cells = " | ".join(
            f"{1000 * part:.1f} ms ({100 * part / row['all']:.1f} %)" for part in shares
        )
        lines.append(f"| {row['pipeline']} | {row['faces']} | {cells} |")
    lines += ["", "| target | measured | reached |", "| --- | ---: | --- |"]
    for text, measured, reached in targets(figures):
        lines.append(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def owns(figures: dict[str, Any]) -> list[str]:
    """Return the names of maskdet's own detectors that were measured, the default first."""
    measured = [name for name in figures["frames"][0] if name not in ("threads", "faces")]
    return [CONTENDERS[0], *(name for name in measured if name not in CONTENDERS)]


def targets(figures: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield what was to be reached, what was measured, and whether that is enough."""
    for faces, factor in ((1, 2.5), (16, 8)):
        least = min(
            row["blueprint"] / row["maskdet"] for row in figures["frames"] if row["faces"] == faces
        )
        text = f"frames per second, {faces} face(s): at least {factor} x the blueprint's"
        yield text, f"{least:.1f} x", least >= factor
    for name in owns(figures):
        alone = [row for row in figures["frames"] if row["threads"] == 1]
        most = SMALL if name.endswith("_small") else BEST
        times = max(row[name] / row["ssd"] for row in alone)
        text = f"{name}, one thread: at most {most} x the time of the SSD alone"
        yield text, f"{times:.2f} x", times <= most
        crowd = min(row["blueprint"] / row[name] for row in alone if row["faces"] == 16)
        text = f"{name}, one thread, 16 faces: at least {CROWD} x the blueprint's frames"
        yield text, f"{crowd:.1f} x", crowd >= CROWD
    ours, rival = (figures["processes"][name] for name in ("maskdet detect", "the rival"))
    faster, memory = rival["seconds"] / ours["seconds"], ours["mib"] / rival["mib"]
    yield "whole process: at least 5 x faster than the rival's", f"{faster:.1f} x", faster >= 5
    yield "at most a third of the rival's memory", f"{memory:.2f}", memory <= 1 / 3
    starts = figures["starts"]
    longer = starts["maskdet --help"]["seconds"] / starts["import click"]["seconds"]
    yield "`maskdet --help`: at most 1.6 x `import click`", f"{longer:.2f} x", longer <= 1.6
    share = max(1 - row["networks"] / row["all"] for row in figures["profile"])
    yield "outside of the networks: under 15 % of a frame", f"{100 * share:.1f} %", share < 0.15
