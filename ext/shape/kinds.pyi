from onecard.ext.shape.numbers import Kind

FINISHING: tuple[Kind, ...]  # kinds that give back, end or correct what an earlier entry began
ROWS: tuple[tuple[int, ...], ...]  # of each kind, as kinds.pyx says at their head
