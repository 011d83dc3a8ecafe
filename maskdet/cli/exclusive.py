"""Options that exclude each other, one of them on the command line, another in the environment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.core import ParameterSource


def passed_over(ctx: click.Context, names: Iterable[str]) -> list[str]:
    """Return which of some options only the environment names, beside one that is typed."""
    sources = {name: ctx.get_parameter_source(name) for name in names}
    if ParameterSource.COMMANDLINE not in sources.values():
        return []
    return [name for name, source in sources.items() if source is ParameterSource.ENVIRONMENT]


def exclusive(*groups: tuple[str, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Unset what the environment says of options that exclude one on the command line.

    Those that are both typed, or both in the environment, are left to the command to refuse.

    Args:
        groups: names of parameters, those of a group excluding each other.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.pass_context
        @functools.wraps(command)
        def wrapped(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
            for name in {name for group in groups for name in passed_over(ctx, group)}:
                kwargs[name] = () if isinstance(kwargs[name], tuple) else None
            return command(*args, **kwargs)

        return wrapped

    return add
