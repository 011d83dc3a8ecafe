"""A command that has subcommands, too."""

from __future__ import annotations

from typing import Any

import click


class CommandGroup(click.Group):
    """A command with arguments of its own, unless the first one is the name of a subcommand.

    A file or folder of such a name is given as ``./name``.
    """

    allow_extra_args = False
    allow_interspersed_args = True

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name, invoke_without_command=True, **kwargs)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args and args[0] in self.commands:
            # Not a context of this group, whose own arguments have no place before a subcommand.
            above = click.Context(click.Group(self.name), parent, info_name)
            return self.commands[args[0]].make_context(args[0], args[1:], above, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        return click.Command.invoke(self, ctx)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return click.Command.collect_usage_pieces(self, ctx)
