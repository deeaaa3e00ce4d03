"""`onecard` as it is typed, in processes of its own that start at once.

Python and the libraries take most of a second to load, so one process loads them and then forks a
child for each command; the child runs the same `main()` as the installed script.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PARENT = """
import json, os, sys, traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from onecard.cli.main import app, main
# Libraries load parts of themselves at the first use, and a child may not be able to read them.
for arguments in (["--version"], ["verify", "absent"], ["show", "rules", "absent", "--json"]):
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(Exception):
        app(arguments, standalone_mode=False)
for line in sys.stdin:
    ask = json.loads(line)
    child = os.fork()
    if child == 0:
        for path, number in ((ask["out"], 1), (ask["err"], 2)):
            if path == "closed pipe":
                reading, writing = os.pipe()
                os.close(reading)
                os.dup2(writing, number)
            else:
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        os.chdir(ask["folder"])
        if ask["user"]:
            os.setgroups([])
            os.setgid(ask["user"])
            os.setuid(ask["user"])
        sys.argv = ["onecard", *ask["arguments"]]
        status = 255
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


class Command:
    """Runs commands in `folder`, one after the other."""

    def __init__(self, folder: Path, parent: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self.parent = parent

    def __call__(self, *arguments: object, out: str = "", user: int = 0) -> Done:
        """`out`: another standard output, a path or "closed pipe". `user`: whose process it is."""
        assert self.parent.stdin is not None and self.parent.stdout is not None
        paths = [out or str(self.folder / ".out"), str(self.folder / ".err")]
        for path in paths:
            if path.startswith(str(self.folder)):
                Path(path).write_text("")
        ask = {
            "arguments": [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments],
            "out": paths[0],
            "err": paths[1],
            "folder": str(self.folder),
            "user": user,
        }
        self.parent.stdin.write(json.dumps(ask) + "\n")
        self.parent.stdin.flush()
        status = int(self.parent.stdout.readline())
        said = "" if out else Path(paths[0]).read_text()
        return Done(status, said, Path(paths[1]).read_text())


@contextmanager
def commands(folder: Path) -> Iterator[Command]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Command(folder, parent)
    finally:
        parent.kill()
        parent.communicate(timeout=10)
