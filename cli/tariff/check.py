"""`onecard tariff check`: every mistake in a tariff's files, not the first."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from onecard.cli.exit_status import Exit
from onecard.core.errors import BadInput
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.packed import hash_of, pack
from onecard.core.tariff.ready import compiled, find
from onecard.ext.fare.rate import FareSet

TARIFF = Annotated[str, typer.Argument(metavar="NAME|DIR|ZIP", help="A tariff.")]


def check(
    tariff: TARIFF,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Every mistake in the files of a tariff: file, line, what is wrong, how to mend it. Exit
    status 1 where there is an error; warnings alone are 0.

    Example: onecard tariff check ./feed.zip
    """
    notices = Notices()
    made = compiled(find(tariff), notices)
    if made is None and not notices.errors:
        raise BadInput(f"{tariff}: expected a tariff that can be compiled, found none")
    sha256 = None
    if made is not None and not notices.errors:
        FareSet(made.arrays)  # what was compiled must be what can be rated
        sha256 = hash_of(pack(made))
    if as_json:
        print(_object(tariff, notices, sha256))
        return Exit.DIFFERS if notices.errors else Exit.DONE
    for notice in notices.found:
        print(f"{notice.severity}: {notice}")
    left = notices.errors + notices.warnings - len(notices.found)
    if left:
        print(f"{left} more of these are not shown")
    print(f"{tariff}: {_counted(notices.errors, 'error')}, {_counted(notices.warnings, 'warning')}")
    return Exit.DIFFERS if notices.errors else Exit.DONE


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _object(tariff: str, notices: Notices, sha256: str | None) -> str:
    return json.dumps(
        {
            "tariff": tariff,
            "errors": notices.errors,
            "warnings": notices.warnings,
            "sha256": sha256,
            "notices": [
                {
                    "severity": one.severity,
                    "code": one.code,
                    "file": one.file,
                    "line": one.line,
                    "found": one.found,
                    "do": one.do,
                }
                for one in notices.found
            ],
        },
        ensure_ascii=False,
    )
