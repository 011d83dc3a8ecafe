"""The command line: a group whose commands are imported only when they are called."""

from __future__ import annotations

import errno
import os
import select
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from maskdet import __version__
from maskdet.errors import MaskdetError, OutputError

COMMANDS = {
    "crawl": "Search Bing for pictures, and save and catalog those that stand the checks.",
    "dedup": "Find copies of the same picture and set all but the best one aside.",
    "detect": "Find faces and say who wears a mask, in pictures, films or a camera's view.",
    "label": "Find the faces of photographs, let them be corrected, and cut them out.",
    "convert": "Convert labelled pictures between Pascal VOC, YOLO, COCO and folders of crops.",
    "split": "Split labelled pictures into train, val and test, so that nothing leaks.",
    "catalog": "What a data set holds, where each file came from, and what is to be forgotten.",
    "synth": "Put masks on bare faces, worn properly or not, to train on.",
    "train": "Train a classifier of faces, or a detector, on labelled faces or photographs.",
    "evaluate": "Measure a model, a detector, or the predictions of any program.",
}
"""Each command's module below ``maskdet.cli`` and its line in ``maskdet --help``.

Standing here, the lines need no command to be imported; a test compares them with the
commands' own help."""

DEBUG = "maskdet.debug"
"""Key in click's ``Context.meta``: whether a traceback is wanted."""

VARIABLES = "MASKDET"
"""What the names of the environment's variables begin with."""

CLOSED_PIPE = 141
"""Exit code where whatever reads the output has ended, as ``head`` does: what a shell says of
programs that SIGPIPE (13) ends, 128 more."""

EXTRAS = {
    **dict.fromkeys(
        ("imgaug", "keras", "matplotlib", "onnx", "sklearn", "tensorflow", "tf2onnx"), "train"
    ),
    "ai_edge_litert": "synth",
    "labelImgPlusPlus": "gui",
}
"""Modules that are not part of the base installation, and the extra that brings them."""

DISK = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EROFS), "write"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.ENAMETOOLONG), "use"),
}
"""What the system says where the user's files are in the way, and what then cannot be done."""


class LazyGroup(click.Group):
    """Imports a command when it is called, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"maskdet.cli.{cmd_name}").command
        _name_variables(command, f"{VARIABLES}_{cmd_name.upper()}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:  # closed, as a daemon's may be
                nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
                setattr(sys, name, nothing)
        return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:  # of --help and --version
            sys.exit(CLOSED_PIPE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MaskdetError as error:
            _fail(ctx, f"error: {error}", error.exit_code)
        except KeyboardInterrupt:
            _fail(ctx, "interrupted", 130)
        except click.Abort:
            _fail(ctx, "not confirmed", 130)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: a message, not a traceback
            if isinstance(error, BrokenPipeError) and _nobody_reads():
                ctx.exit(CLOSED_PIPE)
            if isinstance(error, ModuleNotFoundError) and error.name:
                module = error.name.partition(".")[0]
                if module in EXTRAS:
                    install = f"pip install 'maskdet[{EXTRAS[module]}]'"
                    _fail(ctx, f"error: this needs {module}, which is not installed: {install}", 2)
            if isinstance(error, OSError) and error.errno in DISK:
                paths = " -> ".join(str(path) for path in (error.filename, error.filename2) if path)
                what = f"{DISK[error.errno]} {paths}".rstrip()
                _fail(ctx, f"error: cannot {what}: {error.strerror}", OutputError.exit_code)
            hint = "Run the command again with --debug and report what it prints."
            _fail(ctx, f"a fault of maskdet: {type(error).__name__}: {error}\n{hint}", 1)


def _nobody_reads() -> bool:
    """Tell whether stdout or stderr is a closed pipe: not another one, to a process of ours."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _name_variables(command: click.Command, prefix: str) -> None:
    """Name the environment's variables after the options as one types them.

    click names them after the parameters of the functions, which ``--json`` cannot be.
    """
    for option in command.params:
        if isinstance(option, click.Option) and not option.envvar:
            spelled = max(option.opts, key=len).lstrip("-").replace("-", "_")
            if spelled != option.name:
                option.envvar = f"{prefix}_{spelled.upper()}"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            _name_variables(below, f"{prefix}_{name.upper()}")


def _fail(ctx: click.Context, message: str, code: int) -> NoReturn:
    """End with a message and an exit code, with a traceback before them under ``--debug``."""
    if ctx.meta.get(DEBUG):
        import traceback

        click.echo(traceback.format_exc(), nl=False, err=True)
    click.echo(f"maskdet: {message}", err=True)
    ctx.exit(code)


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": VARIABLES,
        "max_content_width": 100,
    },
    epilog="Example: maskdet detect --image photo.jpg",
)
@click.version_option(__version__, "-V", "--version", message="maskdet %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Who wears a face mask, who does not, and who wears it wrongly.

    'maskdet COMMAND -h' explains a command, with an example first.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
