"""The algorithms of a ledger: the standards' own vectors, names and numbers for ever."""

import hashlib
import threading
from collections.abc import Iterator

import pytest

from onecard.core.errors import BadInput
from onecard.core.journal import hashing
from onecard.core.journal.algorithms import (
    CHINESE,
    INTERNATIONAL,
    NAMES,
    Algorithms,
    name_of,
    number_of,
)
from onecard.core.journal.hashing import HASHES, HashOf, hash_of
from onecard.core.ledger.keyed_hash import keyed
from onecard.ext.shape.numbers import Hash, Heads, Store, Tokens

ABC64 = b"abcd" * 16
VECTORS = [
    # FIPS 180-4 (NIST's examples)
    (Hash.SHA256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (Hash.SHA256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    # GB/T 32905-2016, appendix A
    (Hash.SM3, b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (Hash.SM3, ABC64, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]
LONG = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2
KEYED = [  # a key, a message, and the first 8 bytes of what they give
    # GM/T 0042-2015, appendix D
    (Tokens.HMAC_SM3, bytes(range(1, 33)), LONG, "ca05e144ed05d185"),
    (Tokens.HMAC_SM3, bytes(range(1, 38)), b"\xcd" * 50, "220bf579ded55539"),
    (Tokens.HMAC_SM3, b"\x0b" * 32, b"Hi There", "c0ba18c68b90c88b"),
    (Tokens.HMAC_SM3, b"Jefe", b"what do ya want for nothing?", "2e87f1d16862e6d9"),
    # Its length is a parameter of BLAKE2b, so no longer vector begins so: that of docs/tokens.md.
    (Tokens.BLAKE2B, bytes(range(32)), b"6217000000000000001", "0978fa1a0d688ef1"),
]


@pytest.mark.parametrize(("number", "message", "wanted"), VECTORS)
def test_a_hash_is_what_the_standard_says(number: Hash, message: bytes, wanted: str) -> None:
    for content in (message, bytearray(message), memoryview(message)):
        assert HASHES[number](content).hex() == hash_of(number)(content).hex() == wanted


def both_of_sm3() -> Iterator[HashOf]:
    yield hashing.sm3_of_cryptography
    if hashing.python_has_sm3():
        yield hashing.sm3_of_python


def test_sm3_is_the_same_by_whichever_library() -> None:
    messages = [message for number, message, _ in VECTORS if number == Hash.SM3]
    for content in (*messages, b"", bytes(range(256)) * 999):
        assert {of(content) for of in both_of_sm3()} == {HASHES[Hash.SM3](content)}
    assert HASHES[Hash.SM3] in list(both_of_sm3())
    assert hashing.python_has_sm3() == ("sm3" in hashlib.algorithms_available)


def test_a_python_without_sm3_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(name: str) -> None:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuses)
    assert not hashing.python_has_sm3()


@pytest.mark.parametrize(("tokens", "key", "message", "wanted"), KEYED)
def test_a_keyed_hash_is_what_the_standard_says(
    tokens: Tokens, key: bytes, message: bytes, wanted: str
) -> None:
    of = keyed(tokens, key)
    assert [of(message).hex(), of(b"another").hex() != wanted, of(message).hex()] == [
        wanted,
        True,
        wanted,
    ]


def test_a_keyed_hash_is_made_by_many_threads_at_once() -> None:
    of = keyed(Tokens.HMAC_SM3, b"Jefe")
    found: list[bytes] = []
    go = threading.Barrier(4)

    def run() -> None:
        go.wait()
        found.extend(of(b"what do ya want for nothing?") for _ in range(500))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.hex() for one in found} == {"2e87f1d16862e6d9"} and len(found) == 2000


def test_every_algorithm_has_a_name_and_a_number_for_ever() -> None:
    numbers = {what: {name: int(number) for name, number in NAMES[what].items()} for what in NAMES}
    assert numbers == {
        "hash": {"sha256": 1, "sm3": 2},
        "tokens": {"blake2b": 1, "hmac-sm3": 2},
        "store": {"aes-gcm": 1, "sm4-gcm": 2},
        "heads": {"ed25519": 1, "sm2": 2},
    }
    for what, kind in (("hash", Hash), ("tokens", Tokens), ("store", Store), ("heads", Heads)):
        assert set(NAMES[what].values()) == set(kind)
        for name, number in NAMES[what].items():
            assert (number_of(what, name), name_of(what, number)) == (number, name)
    for one in (INTERNATIONAL, CHINESE):
        assert Algorithms.named(one.names()) == one
    assert str(CHINESE) == "sm3 blocks, hmac-sm3 tokens, sm4-gcm store, sm2 heads"


REFUSED = [
    ({"hash": "md5"}, "hash: expected sha256 or sm3, found md5"),
    ({"tokens": "HMAC-SM3"}, "tokens: expected blake2b or hmac-sm3, found HMAC-SM3"),
    ({"store": ""}, "store: expected aes-gcm or sm4-gcm, found $"),
    ({"heads": 1}, "heads: expected ed25519 or sm2, found 1"),
]


@pytest.mark.parametrize(("names", "says"), REFUSED)
def test_another_name_is_refused(names: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Algorithms.named(INTERNATIONAL.names() | names)


def test_another_number_is_refused() -> None:
    with pytest.raises(BadInput, match="hash: expected one of 1, 2, found 3"):
        hash_of(3)
