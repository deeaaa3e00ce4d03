"""The files of a tariff, as anybody sends them: a zip or a folder that is not what it says."""

import os
import stat
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from onecard.core.errors import BadInput
from onecard.core.tariff import ready
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import FILES_MAX, of_path
from tests.tariff.small_feed import FEED, Rider


def packed(*files: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", how) as archive:
        for name, text in files:
            archive.writestr(name, text)
    return content.getvalue()


def whole() -> bytes:
    return packed(*((name, text.encode()) for name, text in FEED.items()))


def encrypted() -> bytes:
    """The flag of a password, where the local header and where the list of files have it."""
    content = bytearray(whole())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    return bytes(content)


def lying() -> bytes:
    """An entry that says it has fewer bytes than come out of it."""
    content = bytearray(packed(("stops.txt", b"stop_id\n" * 1000)))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (8).to_bytes(4, "little")
    return bytes(content)


def broken() -> bytes:
    """Bytes in the middle of an entry that are others."""
    content = bytearray(whole())
    content[60:90] = bytes(30)
    return bytes(content)


def sparse() -> bytes:
    """512 MiB and a byte, said in the list of files alone: nothing so large is ever made."""
    content = bytearray(packed(("stops.txt", os.urandom(64)), how=zipfile.ZIP_STORED))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = ((512 << 20) + 1).to_bytes(4, "little")
    return bytes(content)


ZIPS: list[tuple[str, Callable[[], bytes], str]] = [
    ("a bomb", lambda: packed(("stops.txt", bytes(64 << 20))), "zip bomb"),
    ("said to be large", sparse, "zip bomb"),
    ("files in a folder", lambda: packed(("feed/stops.txt", b"")), "without a folder"),
    ("a way out", lambda: packed(("../stops.txt", b"")), "without a folder"),
    ("a way from the root", lambda: packed(("/etc/stops.txt", b"")), "without a folder"),
    ("a way with backslashes", lambda: packed(("..\\stops.txt", b"")), "without a folder"),
    (
        "many files",
        lambda: packed(*((f"{at}", b"") for at in range(FILES_MAX + 1))),
        "at most 1024",
    ),
    ("a password", encrypted, "zip that can be read"),
    ("fewer bytes than it has", lying, "stops.txt"),
    ("bytes that are others", broken, "zip that can be read"),
    ("its end is missing", lambda: whole()[:-40], "neither"),
    ("nothing at all", lambda: b"", "neither"),
    ("no zip", lambda: b"stop_id\n1\n", "neither"),
]


@pytest.mark.parametrize(("what", "content", "words"), ZIPS, ids=[row[0] for row in ZIPS])
def test_a_zip_that_is_none(
    what: str, content: Callable[[], bytes], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(content())
    with pytest.raises(BadInput) as found:
        of_path(path)
    assert words in str(found.value) and "\n" not in str(found.value)
    assert str(path) in str(found.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    path.write_bytes(packed(("stops.txt", b"a"), ("stops.txt", b"b")))
    with pytest.raises(BadInput, match="twice"):
        of_path(path)


def test_a_folder_and_its_zip_are_one_tariff(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    for name, text in FEED.items():
        (folder / name).write_text(text)
    (tmp_path / "feed.zip").write_bytes(whole())
    for path in (folder, tmp_path / "feed.zip"):
        assert Rider(ready.load(str(path))).amounts("bus north hub1 10:00 10:20") == [300]


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing"])
def test_what_is_no_file_in_a_folder(kind: str, tmp_path: Path) -> None:
    for name, text in FEED.items():
        (tmp_path / name).write_text(text)
    odd = tmp_path / "areas.txt"
    odd.unlink()
    if kind == "pipe":
        os.mkfifo(odd)
        assert stat.S_ISFIFO(odd.stat().st_mode)
    elif kind == "folder":
        odd.mkdir()
    else:
        odd.symlink_to(tmp_path / "nothing")
    notices = Notices()
    ready.compiled(of_path(tmp_path), notices)
    errors = [one for one in notices.found if one.severity == "error"]
    said = "areas.txt: file: expected a regular file, found a folder, a pipe or a device; mend it"
    assert kind == "link to nothing" or said in map(str, errors)
    assert {one.code for one in errors} <= {"file", "unknown_reference"} and errors


def test_nothing_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="found nothing"):
        of_path(tmp_path / "nowhere")
