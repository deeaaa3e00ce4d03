"""Every kind of what may be due, in the order in which they have their turns."""

from onecard.core.authorize.sweep_holds import HoldEnds
from onecard.core.authorize.sweeps import Work

WORKS: tuple[Work, ...] = (HoldEnds(),)
