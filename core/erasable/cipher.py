"""How a value is sealed: AES-256-GCM or SM4-GCM (GB/T 32907), both out of OpenSSL.

A nonce is 96 random bits a value. A key of a subject seals a few values in its life; how many the
store's key may seal is in `store_key.py`.
"""

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onecard.ext.shape.numbers import Store

NONCE_BYTES = 12
TAG_BYTES = 16


KEY_BYTES = {Store.AES_GCM: 32, Store.SM4_GCM: 16}


class Sealer(Protocol):
    """Seals and opens under one key. `about` is what a value belongs to: it is not kept with the
    value, and one that was moved elsewhere does not open there."""

    def encrypt(self, nonce: bytes, data: bytes, about: bytes, /) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, about: bytes, /) -> bytes: ...


class Sm4Gcm:
    """SM4-GCM with the calls of the library's AESGCM, which has no such class for it."""

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, about: bytes, /) -> bytes:
        sealing = Cipher(self._key, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(about)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, about: bytes, /) -> bytes:
        tag = data[-TAG_BYTES:]
        if len(tag) < TAG_BYTES:
            raise InvalidTag
        opening = Cipher(self._key, modes.GCM(nonce, tag)).decryptor()
        opening.authenticate_additional_data(about)
        return opening.update(data[:-TAG_BYTES]) + opening.finalize()


def sealer(cipher: Store, key: bytes) -> Sealer:
    """What seals under `key`, which has the bytes that the cipher wants."""
    return AESGCM(key) if cipher == Store.AES_GCM else Sm4Gcm(key)


def seal(by: Sealer, nonce: bytes, data: bytes, about: bytes) -> bytes:
    """Nonce, what was sealed, and its tag: 28 bytes more than the data."""
    return nonce + by.encrypt(nonce, data, about)


def unseal(by: Sealer, sealed: bytes, about: bytes) -> bytes | None:
    """What was sealed; None where it is not as it was, belongs elsewhere, or the key is another."""
    try:
        return by.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except (InvalidTag, ValueError):  # ValueError: cut so short that its nonce is none
        return None
