"""What a card or an actor may be. INTERNAL is of terminals alone: neither is a virtual one."""

from onecard.ext.shape.numbers import Status

STATUSES = (Status.ACTIVE, Status.BLOCKED, Status.CLOSED)
