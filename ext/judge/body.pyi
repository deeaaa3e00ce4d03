from typing import final

KEY_BYTES: int

@final
class BodyKey:
    def __init__(self, key: bytes) -> None: ...
    def digest(self, words: list[int]) -> int: ...
