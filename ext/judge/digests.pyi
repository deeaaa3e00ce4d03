from onecard.ext.judge.body import BodyKey

LANES: int
PLAIN: int
AVX2: int
AVX512: int

def in_lanes(key: BodyKey, bodies: list[list[int]], way: int) -> list[int]: ...
