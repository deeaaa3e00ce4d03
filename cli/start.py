"""Where `onecard` begins: its parts take most of a second to load, and may be interrupted in it."""

import sys


def main() -> None:
    """Load the commands and run one; an interrupt while they load ends as any other does."""
    try:
        from onecard.cli.exit_status import INTERRUPTED
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        from onecard.cli.main import main as run
    except KeyboardInterrupt:
        print("onecard: interrupted; nothing that was answered is lost", file=sys.stderr)
        sys.exit(INTERRUPTED)
    run()
