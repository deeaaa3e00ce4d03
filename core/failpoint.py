"""Named places where a test may end the process, as a power cut or a kill would.

    ONECARD_FAIL_POINT=before_commit      the first time that place is passed
    ONECARD_FAIL_POINT=before_commit:7    the seventh
    ONECARD_FAIL_ACTION=kill              SIGKILL, the default: nothing is flushed or released
    ONECARD_FAIL_ACTION=stop              SIGSTOP: the process stands there until SIGCONT

The environment is read once, when this module is imported. A process that was started without it
pays one comparison a place, and no place is passed once a tap: a batch, a group or a page at most.
"""

import os
import signal
import sys
import threading

POINTS = (
    "after_decode",  # batches are read, none is judged
    "mid_judge",  # between two batches of a group
    "before_commit",  # a group is judged, the journal does not have it
    "after_commit",  # the journal has it, nobody was answered
    "mid_answer",  # one of a group was answered, the others were not
    "mid_checkpoint",  # before a transaction of state pages
    "before_manifest",  # all pages of a pass are saved, the manifest is the old one
    "mid_identities",  # between two transactions of retiring a generation
    "new_segment",  # made and named, its first block is not there
    "mid_file_export",  # before a settlement file gets its name
    "digest_key_new",  # of a ledger that is migrated: made, and not named yet
    "before_stamp",  # it has its digest key, and ledger.toml is the old one
    "ledger_toml_new",  # the new ledger.toml is there, and has not got its name
    "after_stamp",  # and has it
)
ERASABLE_POINTS = (  # of the erasable store, which no tap passes
    "before_keeping",  # values are sealed, the store does not have them
    "after_keeping",  # it has some thousand of them, nobody was answered
    "mid_erasure_line",  # half of what is put on record is written, or all and not synced
    "after_erasure_line",  # it is on record, and not carried out
    "after_erasing",  # carried out, and the bytes are in the file still
    "mid_wiping",  # between two steps of making the file anew and wiping the one before
)
ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def here(name: str) -> None:
    """Pass a named place; ends or stops the process where it was started to."""
    if name == _armed:
        _pass()


def _pass() -> None:
    global _left
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), _action)


def _read(text: str, action: str) -> tuple[str, int, signal.Signals]:
    name, _, nth = text.partition(":")
    points = (*POINTS, *ERASABLE_POINTS)
    known = (name in points or not text) and action in ACTIONS
    if not known or (nth and not (nth.isdecimal() and int(nth) > 0)):
        # A test that asks for a place that is not there would pass for nothing.
        sys.exit(
            f"ONECARD_FAIL_POINT: expected {', '.join(points)} and :nth, or {', '.join(ACTIONS)} "
            f"as ONECARD_FAIL_ACTION, found {text!r} and {action!r}"
        )
    return name, int(nth or 1), ACTIONS[action]


_lock = threading.Lock()
_armed, _left, _action = _read(
    os.environ.get("ONECARD_FAIL_POINT", ""), os.environ.get("ONECARD_FAIL_ACTION", "kill")
)
