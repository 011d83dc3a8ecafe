"""The command line as a whole: help, errors and exit codes, and what the README says of them."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from conftest import ENOUGH_S, ROOT, Spawn

from maskdet import cli, errors
from maskdet.catalog import Catalog
from maskdet.cli import detect, main

README = (ROOT / "README.md").read_text(encoding="utf-8")
HEAVY = {"numpy", "cv2", "PIL", "onnxruntime", "tensorflow", "keras", "matplotlib"}
COMMANDS = sorted(cli.COMMANDS)


def load(name: str) -> click.Command:
    """Return a command by its name, or a subcommand by both names (``label check``)."""
    command: click.Command | None = main
    for part in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), part)
        assert command is not None
    return command


def with_subcommands(name: str) -> list[str]:
    command = load(name)
    below = command.commands if isinstance(command, click.Group) else {}
    return [name, *(f"{name} {part}" for part in below)]


ALL = [path for name in COMMANDS for path in with_subcommands(name)]


@pytest.mark.parametrize("arguments", [[], *(name.split() for name in ALL)])
def test_help_is_the_same_by_both_names_and_has_an_example(
    runner: CliRunner, arguments: list[str]
) -> None:
    short, long = (runner.invoke(main, [*arguments, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
    assert re.search(rf"Examples?:\s+maskdet {' '.join(arguments)}", short.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_group_says_of_it(name: str) -> None:
    command = load(name)
    assert command.get_short_help_str(limit=1000) == cli.COMMANDS[name]
    assert (command.help or "").splitlines()[0] == cli.COMMANDS[name]


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained(name: str) -> None:
    options = [item for item in load(name).params if isinstance(item, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_group_lists_every_command(runner: CliRunner) -> None:
    text = " ".join(runner.invoke(main, ["--help"]).stdout.split())
    for name, line in cli.COMMANDS.items():
        assert f"{name} {line}" in text


def test_the_version_is_the_packages(runner: CliRunner) -> None:
    from maskdet import __version__

    assert runner.invoke(main, ["--version"]).stdout == f"maskdet {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY),
        (["--version"], HEAVY),
        (["crawl", "--help"], HEAVY | {"icrawler", "urllib3", "bs4"}),
        (["detect", "--help"], HEAVY),
        (["train", "--help"], HEAVY),
        (["detect", "--image", "missing.jpg"], {"tensorflow", "keras", "matplotlib"}),
        (["train", "docs", "--out", "nowhere", "--resume"], {"tensorflow", "keras", "matplotlib"}),
    ],
)
def test_nothing_heavy_is_imported_without_need(arguments: list[str], unwanted: set[str]) -> None:
    code = (
        "import json, sys\n"
        "from maskdet.cli import main\n"
        f"try: main({arguments!r})\n"
        "finally: print(json.dumps([name for name in sys.modules if '.' not in name]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in modules
    assert modules & unwanted == set()


def test_an_unknown_command_is_wrong_usage(runner: CliRunner) -> None:
    result = runner.invoke(main, ["detcet"])
    assert result.exit_code == 2
    assert "detcet" in result.stderr


NUMBERS = [
    (name, option.opts[-1])
    for name in ALL
    for option in load(name).params
    if isinstance(option.type, click.types.FloatParamType)
]


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize(("name", "option"), NUMBERS)
def test_a_number_is_finite(runner: CliRunner, name: str, option: str, value: str) -> None:
    # The first error met decides: arguments that are missing come later.
    result = runner.invoke(main, [*name.split(), option, value])
    assert result.exit_code == 2
    assert option in result.stderr


PLACES = [
    (name, item) for name in ALL for item in load(name).params if isinstance(item.type, click.Path)
]


@pytest.mark.parametrize(
    ("name", "item"), PLACES, ids=[f"{name} {item.name}" for name, item in PLACES]
)
def test_an_empty_path_is_not_the_working_directory(
    runner: CliRunner, name: str, item: click.Parameter
) -> None:
    given = [item.opts[-1]] if isinstance(item, click.Option) else []
    if item.name == "target":
        given = ["."]  # the source, which comes before it
    with runner.isolated_filesystem():
        result = runner.invoke(main, [*name.split(), *given, ""])
        assert list(Path().iterdir()) == []
        dash = runner.invoke(main, [*name.split(), *given, "-"]).exit_code
    assert result.exit_code == 2
    assert "it is empty: is a variable not set?" in result.stderr
    assert dash == 2 or item.type.allow_dash


def test_the_paths_that_the_environment_lists_may_hold_blanks(runner: CliRunner) -> None:
    given = {"MASKDET_DETECT_IMAGE": os.pathsep.join(["a b.jpg", "c.jpg"])}
    result = runner.invoke(main, ["detect", "--json"], env=given)
    assert [json.loads(line)["source"] for line in result.stdout.splitlines()] == [
        "a b.jpg",
        "c.jpg",
    ]


@pytest.mark.parametrize("command", ["detect --image a.jpg", "label", "evaluate --data a"])
@pytest.mark.parametrize("detector", ["yunet", "haar"])
def test_not_every_detector_has_a_size(runner: CliRunner, command: str, detector: str) -> None:
    options = ["--detector", detector, "--face-size", "450"]
    result = runner.invoke(main, [*command.split(), *options])
    assert result.exit_code == 2
    assert "--face-size is for --detector maskdet and ssd" in result.stderr


@pytest.mark.parametrize("option", [None, "400"])
@pytest.mark.parametrize(
    ("command", "moving"),
    [
        ("detect --image a.jpg", False),
        ("detect --video a.mp4", True),
        ("detect --webcam 9", True),
        ("label photos", False),
        ("evaluate --data .", False),
    ],
)
@pytest.mark.parametrize("detector", ["maskdet", "ssd"])
def test_what_moves_is_seen_smaller_unless_told_otherwise(
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    moving: bool,
    detector: str,
    option: str | None,
) -> None:
    asked: list[object] = []

    def load_pipeline(face_size: int | None, moving: bool = False, **_: object) -> None:
        asked.append((face_size, moving))
        raise errors.ModelError("enough")

    monkeypatch.setattr("maskdet.detect.pipeline.load_pipeline", load_pipeline)
    with runner.isolated_filesystem():
        arguments = [*command.split(), "--detector", detector]
        arguments += ["--face-size", option] if option else []
        assert runner.invoke(main, arguments).exit_code == 4
    assert asked == [(int(option) if option else None, moving)]


@pytest.mark.parametrize(
    ("detector", "asked"),
    [("maskdet", (400, "both")), ("ssd", (400, None)), ("haar", (None, None))],
)
def test_of_the_environment_what_does_not_fit_the_detector_is_passed_over(
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    detector: str,
    asked: tuple[int | None, str | None],
) -> None:
    def load_pipeline(face_size: int | None, classifier: str | None, **_: object) -> None:
        raise errors.ModelError(f"asked for {(face_size, classifier)}")

    monkeypatch.setattr("maskdet.detect.pipeline.load_pipeline", load_pipeline)
    environment = {"MASKDET_DETECT_FACE_SIZE": "400", "MASKDET_DETECT_CLASSIFIER": "both"}
    given = ["detect", "--webcam", "9", "--detector", detector]
    result = runner.invoke(main, given, env=environment)
    assert result.exit_code == 4
    assert f"asked for {asked}" in result.stderr


@pytest.mark.parametrize(
    ("command", "environment", "asked"),
    [
        ("detect --image a.jpg --no-save", {"OUT": "eo"}, {}),
        ("detect --image a.jpg", {"VIDEO": "a.avi", "WEBCAM": "9"}, {"moving": False}),
        ("detect --video a.avi", {"IMAGE": "a.jpg", "NO_WINDOW": "1"}, {"moving": True}),
        ("detect --image a.jpg", {"NO_WINDOW": "1", "MAX_FRAMES": "3"}, {"moving": False}),
        ("detect --image a.jpg --json", {"BLUR": "1"}, {}),
        ("detect --image a.jpg --detector ssd", {"MODEL": "mask_detector"}, {"model": None}),
        ("detect --image a.jpg --model mask_detector", {"DETECTOR": "ssd"}, {"detector": None}),
        ("label --propose-only", {"CROP_ONLY": "1"}, {}),
        ("label --class with_mask", {"CLASS_FROM": "model"}, {}),
        ("label --crop-only --suggest", {"FORCE": "1", "CLASS": "with_mask"}, {}),
        ("evaluate --data . --model a", {"PREDICTIONS": "a.jsonl"}, {}),
    ],
)
def test_what_is_typed_comes_before_what_the_environment_says_of_its_contrary(
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    environment: dict[str, str],
    asked: dict[str, object],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "data/raw").mkdir(parents=True)
    given: dict[str, object] = {}

    def load_pipeline(**chosen: object) -> None:
        given.update(chosen)
        raise errors.ModelError("enough")

    monkeypatch.setattr("maskdet.detect.pipeline.load_pipeline", load_pipeline)
    name = command.split()[0].upper()
    variables = {f"MASKDET_{name}_{key}": value for key, value in environment.items()}
    result = runner.invoke(main, command.split(), env=variables)
    assert result.exit_code == 4, result.output
    assert {key: given.get(key) for key in asked} == asked


@pytest.mark.parametrize(
    "arguments", [[], ["--save-crops", "crops"]], ids=["both in the environment", "--blur"]
)
def test_contraries_of_which_none_comes_first_are_refused(
    runner: CliRunner, arguments: list[str]
) -> None:
    environment = {"MASKDET_DETECT_BLUR": "1", "MASKDET_DETECT_SAVE_CROPS": "crops"}
    result = runner.invoke(main, ["detect", "--image", "a.jpg", *arguments], env=environment)
    assert result.exit_code == 2
    assert "--blur hides the faces" in result.stderr


def raising(error: BaseException) -> Callable[..., None]:
    def load_pipeline(**_: object) -> None:
        raise error

    return load_pipeline


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.InputError("no picture"), 3, "maskdet: error: no picture\n"),
        (errors.ModelError("no model"), 4, "maskdet: error: no model\n"),
        (errors.CameraError("no camera"), 5, "maskdet: error: no camera\n"),
        (
            ModuleNotFoundError("No module named 'keras'", name="keras"),
            2,
            "maskdet: error: this needs keras, which is not installed: "
            "pip install 'maskdet[train]'\n",
        ),
        (
            ModuleNotFoundError("No module named 'x'", name="x"),
            1,
            "maskdet: a fault of maskdet: ModuleNotFoundError: No module named 'x'\n",
        ),
        (OSError(errno.ENOSPC, "No space"), 3, "maskdet: error: cannot write: No space\n"),
        *(
            (
                OSError(number, "told by the system", "data/a.jpg"),
                3,
                f"maskdet: error: cannot {what} data/a.jpg: told by the system\n",
            )
            for number, what in (
                *((errno.EACCES, "use"), (errno.EPERM, "use"), (errno.ENAMETOOLONG, "use")),
                (errno.EROFS, "write"),
            )
        ),
        (
            OSError(errno.EACCES, "told", "a", None, "b"),
            3,
            "maskdet: error: cannot use a -> b: told\n",
        ),
        (OSError(errno.EBADF, "odd"), 1, "maskdet: a fault of maskdet: OSError: "),
        (ZeroDivisionError("oh"), 1, "maskdet: a fault of maskdet: ZeroDivisionError: oh\n"),
        (KeyboardInterrupt(), 130, "maskdet: interrupted\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("debug", [False, True])
def test_errors_become_exit_codes(
    runner: CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    message: str,
    debug: bool,
) -> None:
    monkeypatch.setattr("maskdet.detect.pipeline.load_pipeline", raising(error))
    with runner.isolated_filesystem():
        result = runner.invoke(main, ["detect", "--image", "a.jpg", *["--debug"] * debug])
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in result.stderr
    assert ("Traceback (most recent call last)" in result.stderr) == debug


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_with_130_and_without_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "maskdet", "detect", "--image", "-", "--no-save"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    # More than a pipe holds: once it is written, the command is there and reads.
    process.stdin.write(b"x" * 2**20)
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=ENOUGH_S)
    assert process.returncode == 130
    assert stdout == b""
    assert stderr.decode() == "maskdet: interrupted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["detect", "--image", "astronaut.jpg", "--no-save"],
        ["detect", "--image", "astronaut.jpg", "--json"],
        ["label", ".", "--propose-only", "--suggest", "--class", "with_mask"],
        ["catalog", "export"],
        ["crawl", "--help"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_a_closed_pipe_ends_quietly_as_a_shell_expects(
    spawn: Spawn, astronaut_jpg: Path, arguments: list[str]
) -> None:
    with Catalog(astronaut_jpg.parent / "data"):
        pass
    process = spawn(*arguments, cwd=astronaut_jpg.parent)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(timeout=ENOUGH_S)
    assert (process.returncode, stderr) == (cli.CLOSED_PIPE, "")


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        ("0<&-", ["--image", "-"], 3),
        ("1>&-", ["--image", "astronaut.jpg", "astronaut.jpg", "--no-save"], 0),
        ("1>&-", ["--image", "astronaut.jpg", "--json"], 0),
        ("2>&-", ["--image", "astronaut.jpg", "none.jpg", "--no-save"], 3),
    ],
)
def test_a_daemon_has_no_terminal(
    astronaut_jpg: Path, closed: str, arguments: list[str], code: int
) -> None:
    begin = ["sh", "-c", f'exec "$0" -m maskdet detect "$@" {closed}', sys.executable]
    done = subprocess.run(
        [*begin, *arguments], cwd=astronaut_jpg.parent, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "fault of maskdet" not in done.stderr


def test_a_pipe_of_another_process_that_breaks_is_a_fault(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = BrokenPipeError(errno.EPIPE, "a worker has died")
    monkeypatch.setattr("maskdet.detect.pipeline.load_pipeline", raising(error))
    result = runner.invoke(main, ["detect", "--image", "a.jpg", "--no-save"])
    assert result.exit_code == 1
    assert "a worker has died" in result.stderr


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_is_respected(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    coloured = click.Command("detect", callback=lambda: click.secho("red", fg="red"))
    monkeypatch.setattr(main, "get_command", lambda ctx, name: coloured)
    environment = {"NO_COLOR": "1" if no_color else None}
    result = runner.invoke(main, ["detect"], env=environment, color=True)
    assert result.output == ("red\n" if no_color else "\x1b[31mred\x1b[0m\n")


@pytest.mark.parametrize("name", ALL)
def test_the_readme_has_an_example_of_every_command(name: str) -> None:
    assert re.search(rf"^(\$ )?maskdet {name} ", README, re.MULTILINE)


def test_the_readme_has_all_exit_codes() -> None:
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    raised = {kind.exit_code for kind in errors.MaskdetError.__subclasses__()}
    assert listed == sorted(raised | {0, 1, 2, detect.NOT_ALL, detect.FOUND, 130, cli.CLOSED_PIPE})


def test_the_readme_names_only_options_that_exist() -> None:
    known = {"--help", "--version"}
    for name in ALL:
        known |= {flag for item in load(name).params for flag in item.opts}
    for line in re.findall(r"^(?:\$ )?maskdet .*$", README, re.MULTILINE):
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= known, line


@pytest.mark.parametrize("name", ALL)
def test_every_option_can_be_set_in_the_environment_by_its_name(name: str) -> None:
    prefix = "_".join(["MASKDET", *name.upper().split()])
    for option in load(name).params:
        if isinstance(option, click.Option):
            spelled = max(option.opts, key=len).lstrip("-").replace("-", "_").upper()
            variable = f"{prefix}_{spelled}"
            context = click.Context(load(name), auto_envvar_prefix=prefix)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(variable, "anything")
                assert option.resolve_envvar_value(context) == "anything", variable


def test_a_flag_that_the_environment_sets(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "none.jpg").touch()
    given = ["detect", "--image", str(tmp_path / "none.jpg")]
    result = runner.invoke(main, given, env={"MASKDET_DETECT_JSON": "1"})
    assert json.loads(result.stdout)["faces"] == []


def test_the_least_scores_in_the_help_are_those_of_the_detectors(runner: CliRunner) -> None:
    from maskdet.faces import haar, own, ssd, yunet
    from maskdet.labels import mine

    text = " ".join(runner.invoke(main, ["detect", "-h"]).stdout.split())
    assert ssd.DEFAULT_MIN_SCORE == own.DEFAULT_MIN_SCORE
    said = f"else {ssd.DEFAULT_MIN_SCORE:g}; of yunet {yunet.DEFAULT_MIN_SCORE:g}, "
    assert f"{said}of haar {haar.DEFAULT_MIN_SCORE:g}]" in text
    text = " ".join(runner.invoke(main, ["label", "mine", "-h"]).stdout.split())
    assert f" [default: {mine.MIN_SCORE:g}; of maskdet " in text
    assert f"of maskdet {mine.MIN_SCORES['maskdet']:g}]" in text
