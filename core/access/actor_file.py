"""The file that somebody signs in with: a name and a secret, for the eyes of its owner alone."""

import secrets
import tomllib
from pathlib import Path

from onecard.core.access.caller import SignIn
from onecard.core.errors import BadInput, quoted
from onecard.core.ledger.folder import write_new
from onecard.core.storage.disk import is_irregular
from onecard.core.storage.key_file import OTHERS_MAY

SECRET_BYTES = 32  # of chance; its digest is on record for ever, so nobody may guess it
# A secret that a person thought of would be found from its digest. Printable ASCII: it travels as
# metadata of a call.
SECRET_CHARACTERS = (32, 128)
FILE_BYTES_MAX = 4_096


def new_actor_file(path: Path, name: str) -> SignIn:
    """Write a new file with a secret of chance; BadInput where there is one already."""
    made = SignIn(name, secrets.token_urlsafe(SECRET_BYTES))
    quoted_name = name.replace("\\", "\\\\").replace('"', '\\"')
    text = (
        "# Who signs in to a ledger, for its owner alone; whoever has it can act in that name.\n"
        f'actor = "{quoted_name}"\nsecret = "{made.secret}"\n'
    )
    try:
        write_new(path, text.encode())
    except FileExistsError:
        raise BadInput(f"{path}: expected no file there yet, found one; name another") from None
    return made


def read_actor_file(path: Path) -> SignIn:
    """Its name and secret; BadInput, which never quotes them."""
    if is_irregular(path) or not path.is_file():
        raise BadInput(f"{path}: expected the file of an actor, found none; onecard actor new")
    mode = path.stat().st_mode & 0o777
    if mode & OTHERS_MAY:
        raise BadInput(
            f"{path}: expected a file that only its owner may read, found mode {mode:04o}; "
            f"chmod 600 {path}"
        )
    if path.stat().st_size > FILE_BYTES_MAX:
        raise BadInput(f"{path}: expected at most {FILE_BYTES_MAX} bytes, found more")
    try:
        found = tomllib.loads(path.read_bytes().decode())
        name, secret = found["actor"], found["secret"]
    except (ValueError, KeyError, RecursionError):
        name = secret = None
    if not isinstance(name, str) or not isinstance(secret, str):
        raise BadInput(
            f"{path}: expected lines actor = and secret =, as onecard actor new writes them, found "
            "otherwise"
        )
    least, most = SECRET_CHARACTERS
    if not least <= len(secret) <= most or not secret.isascii() or not secret.isprintable():
        raise BadInput(
            f"{path}: expected a secret of {least} to {most} printable ASCII characters, found "
            f"another of {len(secret)}; make one by onecard actor new"
        )
    if not name.isprintable() or not name:
        raise BadInput(f"{path}: expected a printable name, found {quoted(name)!r}")
    return SignIn(name, secret)
