"""Settlement: closes windows, and says what is in one."""

from typing import Any

from onecard.core.query.window import WindowView, window_of
from onecard.core.settlement.window import Closed, CloseWindow
from onecard.grpc.server.access import ALL, by_force, principal
from onecard.grpc.server.bridge import Bridge
from onecard.grpc.server.numbers import Numbers
from onecard.v1 import settlement_pb2 as pb
from onecard.v1 import settlement_pb2_grpc

SERVICE = "onecard.v1.Settlement"


class SettlementService(settlement_pb2_grpc.SettlementServicer):
    """The generated service over a bridge."""

    def __init__(self, bridge: Bridge, numbers: Numbers) -> None:
        self.bridge = bridge
        self.numbers = numbers

    async def CloseWindow(self, request: pb.CloseWindowRequest, _: Any) -> pb.Window:
        if request.force:
            by_force("a close by force")
        act = CloseWindow(request.window, request.business_day, request.force)
        closed: Closed = await self.bridge.act(act)
        self.numbers.sweep()
        return await self._window(closed.window)

    async def GetWindow(self, request: pb.GetWindowRequest, _: Any) -> pb.Window:
        return await self._window(request.window)

    async def _window(self, number: int) -> pb.Window:
        journal = self.bridge.journal
        return _message(await self.bridge.read(lambda state: window_of(state, journal, number)))


def _message(view: WindowView) -> pb.Window:
    """Of the positions, a participant sees its own."""
    who = principal()
    return pb.Window(
        window=view.window,
        business_day=view.business_day,
        closed=view.closed,
        first=view.first,
        cut=view.cut,
        closed_at_us=view.closed_at_us,
        positions=[
            pb.Position(
                participant=position.participant,
                name=position.name,
                in_fen=position.in_fen,
                out_fen=position.out_fen,
                net_fen=position.net_fen,
                legs=position.legs,
            )
            for position in view.positions
            if who in (ALL, position.participant)
        ],
    )
