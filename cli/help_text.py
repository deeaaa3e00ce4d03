"""Help as people read it: a docstring's lines end where the file's do, a terminal's elsewhere."""

from inspect import cleandoc

import typer


def by_paragraph(app: typer.Typer) -> None:
    """Give every command below `app` its docstring with a line a paragraph, to be wrapped anew."""
    for command in app.registered_commands:
        if command.callback is not None and command.help is None:
            text = cleandoc(command.callback.__doc__ or "")
            command.help = "\n\n".join(part.replace("\n", " ") for part in text.split("\n\n"))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            by_paragraph(group.typer_instance)
