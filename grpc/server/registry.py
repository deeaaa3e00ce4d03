"""Registry: who takes part, by which rules. Every change is an act of the engine, journalled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput, NotFound, OnecardError
from onecard.core.query.card import Card, card_of
from onecard.core.query.declarations import Declared, Difference, differences
from onecard.core.query.dry_run import would_put
from onecard.core.query.rules import rules_of
from onecard.core.query.scene import scenes
from onecard.core.query.terminal import Terminal, operators_of, terminal_of
from onecard.core.registry.actors import ActorRow, PutActors
from onecard.core.registry.calendar import Days, PutCalendar, calendar_of
from onecard.core.registry.cards import PutCards
from onecard.core.registry.declarations import Declare
from onecard.core.registry.hold_terms import HoldTerms, PutHoldTerms
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.row_change import Put
from onecard.core.registry.rules import PutRules
from onecard.core.registry.scenes import PutScenes, SceneRow
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.grpc.server.access import only_party, principal
from onecard.grpc.server.bridge import Bridge
from onecard.grpc.server.numbers import Numbers
from onecard.v1 import registry_pb2 as pb
from onecard.v1 import registry_pb2_grpc

SERVICE = "onecard.v1.Registry"
DECLARED_MAX = 10_000  # rows of one call: an operator's terminals of a day
NUMBERS_MAX = 5_000  # of one call: some 10 ms of the loop that all calls share
LOADED_MAX = 10_000  # rows of one message: some 20 ms of the loop; twice what our client sends
COLUMN_MAX = 100_000  # tokens of one message as a column: one act, and some 100 ms of the engine
Row = TypeVar("Row")
ROWS_AN_ACT = 2_048  # of participants or terminals: some 20 ms of the engine
NOTES_MAX = 10_000  # a kind of row in one answer: under a mebibyte
SCENES_MAX = 2_000  # of one call: some 20 ms of the engine, or of an answer
Registering: TypeAlias = PutParticipants | PutTerminals | PutCards | PutScenes


class RegistryService(registry_pb2_grpc.RegistryServicer):
    """The generated service over a bridge."""

    def __init__(self, bridge: Bridge, token: Callable[[str], int], numbers: Numbers) -> None:
        self.bridge = bridge
        self.token = token
        self.numbers = numbers

    async def Load(self, requests: AsyncIterator[pb.LoadRequest], _: Any) -> pb.LoadResponse:
        """Acts of some thousand rows, whole each; what was taken before an error stays, and the
        error says how many rows that is and which one it is about."""
        response = pb.LoadResponse()
        async for request in requests:
            try:
                await self._load(request, response)
            except OnecardError as error:
                ids = len(response.participant_ids) + len(response.terminal_ids)
                error.taken = 0 if request.dry_run else ids + response.cards
                raise
        response.sequence = self.bridge.journal.durable.last
        return response

    async def _load(self, request: pb.LoadRequest, response: pb.LoadResponse) -> None:
        """One request; `response` grows by each act that is durable."""
        _check_size(request)
        for first, part in _parts(request.participants):
            participants = PutParticipants([(row.name, int(row.role)) for row in part])
            with _of("participants", first):
                put = await self._put(participants, request.dry_run)
            response.participant_ids.extend(put.ids)
            _note(put, response.participant_changes, response.participant_notes)
        for first, gates in _parts(request.terminals):
            rows = [_terminal_row(row) for row in gates]
            terminals = PutTerminals(rows, may_move=not request.refuse_moves)
            with _of("terminals", first):
                put = await self._put(terminals, request.dry_run)
            response.terminal_ids.extend(put.ids)
            _note(put, response.terminal_changes, response.terminal_notes)
        kept = self.numbers.are_kept and not request.dry_run
        if kept and any(card.number for card in request.cards):
            await self.numbers.check()
        for of_what, first, act in self._card_acts(request):
            with _of(of_what, first):
                put = await self._put(act, request.dry_run)
            if kept and of_what == "cards":
                await self._keep(act.token, request.cards[first : first + len(act.token)])
            response.cards += len(put.change)
            response.changed += put.changed
            if of_what == "cards":
                _note(put, response.card_changes, response.card_notes)

    async def _put(self, act: Registering, dry_run: bool = False) -> Put:
        """What became of an act's rows; in a dry run, what would become of them now."""
        if not dry_run:
            done: Put = await self.bridge.act(act)
            return done
        now_us = self.bridge.clock.now_us()
        try:
            return await self.bridge.read(lambda state: would_put(state, act, now_us))
        except BadInput as error:
            first, second = act.halves()
            if not first.size_bytes:  # one row, and it is refused
                return Put.refused(error)
        return Put.joined([await self._put(first, dry_run), await self._put(second, dry_run)])

    async def PutParticipant(self, request: pb.Participant, _: Any) -> pb.Participant:
        act = PutParticipants([(request.name, int(request.role))])
        (number,) = (await self._put(act)).ids
        return pb.Participant(id=number, name=request.name, role=request.role)

    async def PutTerminal(self, request: pb.Terminal, _: Any) -> pb.Terminal:
        (number,) = (await self._put(PutTerminals([_terminal_row(request)]))).ids
        return _terminal(await self.bridge.read(lambda state: terminal_of(state, number)))

    async def PutCard(self, request: pb.Card, _: Any) -> pb.Card:
        [(_, _, act)] = self._card_acts(pb.LoadRequest(cards=[request]))
        if request.number:
            await self.numbers.check()
        await self.bridge.act(act)
        await self._keep(act.token, [request])
        return await self._card(int(act.token[0]))

    async def GetCard(self, request: pb.GetCardRequest, _: Any) -> pb.Card:
        by_number = request.WhichOneof("ref") == "number"
        return await self._card(self.token(request.number) if by_number else request.token)

    async def TokensOf(self, request: pb.TokensOfRequest, _: Any) -> pb.TokensOfResponse:
        """For whoever is identified: it holds the numbers already, and learns no card's row."""
        if len(request.numbers) > NUMBERS_MAX:
            raise BadInput(
                f"TokensOf: expected at most {NUMBERS_MAX} numbers a call, found "
                f"{len(request.numbers)}; send them in parts"
            )
        _ = self.bridge.card_tokens  # Stopped while it is being opened: there is no key yet
        with _of("numbers", 0):
            return pb.TokensOfResponse(tokens=_each(request.numbers, self.token))

    async def PutTariff(self, request: pb.Tariff, _: Any) -> pb.Tariff:
        fares = np.array(request.fares_fen, np.int32)
        act = PutTariff(
            request.name,
            request.effective_from_us,
            request.stations,
            fares,
            request.entry_min_fen,
            request.network,
        )
        version = await self.bridge.act(act)
        return pb.Tariff(
            version=version,
            name=request.name,
            effective_from_us=request.effective_from_us,
            stations=request.stations,
            entry_min_fen=request.entry_min_fen,
            network=request.network,
        )

    async def PutHoldTerms(self, request: pb.HoldTerms, _: Any) -> pb.HoldTerms:
        terms = HoldTerms(tuple(request.fundings), request.partial, request.life_s)
        act = PutHoldTerms(request.name, request.effective_from_us, terms, request.network)
        if request.dry_run:
            now_us = self.bridge.clock.now_us()
            put = await self.bridge.read(lambda state: would_put(state, act, now_us))
        else:
            put = await self.bridge.act(act)
        request.version, request.changed = put.version, put.changed
        return request

    async def PutRules(self, request: pb.Rules, _: Any) -> pb.Rules:
        await self.bridge.act(
            PutRules(
                request.go_live_us,
                request.age_max_us,
                request.ahead_max_us,
                request.amount_max_fen,
                request.zone_offset_us,
            )
        )
        return request

    async def GetRules(self, request: pb.GetRulesRequest, _: Any) -> pb.Rules:
        return pb.Rules(**await self.bridge.read(rules_of))

    async def ConfirmClock(
        self, request: pb.ConfirmClockRequest, _: Any
    ) -> pb.ConfirmClockResponse:
        booked_at_us = await self.bridge.confirm_clock(request.wall_us, request.reason)
        return pb.ConfirmClockResponse(booked_at_us=booked_at_us)

    async def PutActors(self, request: pb.PutActorsRequest, _: Any) -> pb.PutActorsResponse:
        rows = [_actor_row(row) for row in request.actors]
        four_eyes = request.four_eyes if request.HasField("four_eyes") else None
        with _of("actors", 0):
            put: Put = await self.bridge.act(PutActors(rows, four_eyes))
        response = pb.PutActorsResponse(ids=put.ids)
        _note(put, response.changes, response.notes)
        return response

    async def PutScenes(self, request: pb.PutScenesRequest, _: Any) -> pb.PutScenesResponse:
        if len(request.scenes) > SCENES_MAX:
            raise BadInput(
                f"PutScenes: expected at most {SCENES_MAX} rows a call, found "
                f"{len(request.scenes)}; send them in parts"
            )
        response = pb.PutScenesResponse()
        if request.scenes:
            with _of("scenes", 0):
                rows = [_scene_row(row) for row in request.scenes]
                put = await self._put(PutScenes(rows), request.dry_run)
            _note(put, response.changes, response.notes)
        return response

    async def ListScenes(self, request: pb.ListScenesRequest, _: Any) -> pb.ListScenesResponse:
        after = request.after
        found = await self.bridge.read(lambda state: list(scenes(state, after, SCENES_MAX)))
        names = [field.name for field in pb.Scene.DESCRIPTOR.fields]
        listed = [pb.Scene(**{name: getattr(one, name) for name in names}) for one in found]
        return pb.ListScenesResponse(scenes=listed)

    async def PutCalendar(self, request: pb.PutCalendarRequest, _: Any) -> pb.Calendar:
        act = PutCalendar(Days(request.first_day, request.classes), request.calendar)
        if request.dry_run:
            now_us = self.bridge.clock.now_us()
            put = await self.bridge.read(lambda state: would_put(state, act, now_us))
        else:
            put = await self.bridge.act(act)
        days = put.calendar
        return pb.Calendar(first_day=days.first_day, classes=days.classes, changed=put.changed)

    async def GetCalendar(self, request: pb.GetCalendarRequest, _: Any) -> pb.Calendar:
        if request.calendar:
            raise NotFound(f"calendar: expected 0, the one there is, found {request.calendar}")
        days = await self.bridge.read(calendar_of)
        return pb.Calendar(first_day=days.first_day, classes=days.classes)

    async def Declare(
        self, requests: AsyncIterator[pb.DeclareRequest], _: Any
    ) -> pb.DeclareResponse:
        rows: list[tuple[int, int, int, int]] = []
        async for row in requests:
            if len(rows) == DECLARED_MAX:
                raise BadInput(f"Declare: expected at most {DECLARED_MAX} rows a call, found more")
            rows.append((row.terminal, row.day, row.taps, row.sum_fen))
        await self._only_own(sorted({row[0] for row in rows}))
        if rows:
            with _of("declarations", 0):
                await self.bridge.act(Declare(rows))
        rules = await self.bridge.read(rules_of)
        declared = [Declared(*row) for row in rows]
        found = await asyncio.to_thread(differences, self.bridge.journal, declared, rules)
        return pb.DeclareResponse(
            differences=[_difference(row) for row in found], compared=len(rows)
        )

    async def _only_own(self, terminals: list[int]) -> None:
        """Forbidden where a participant speaks for another's terminals."""
        if principal() == 0:
            return
        operators = await self.bridge.read(lambda state: operators_of(state, terminals))
        for terminal, operator in zip(terminals, operators, strict=True):
            only_party(f"terminal {terminal}", operator)

    def _card_acts(self, request: pb.LoadRequest) -> list[tuple[str, int, PutCards]]:
        """The columns as one act; of the rows, one act for each run of cards that are alike.

        Each with which rows they are, and the first of them.
        """
        acts = []
        if request.HasField("card_columns"):
            columns = request.card_columns
            token = np.array(columns.token, np.uint64)
            alike = pb.Card(issuer=columns.issuer, funding=columns.funding, status=columns.status)
            if columns.HasField("floor_fen"):
                alike.floor_fen = columns.floor_fen
            acts.append(("card_columns.token", 0, _put_cards(token, _alike(alike), None)))
        first = 0
        for same, run in groupby(request.cards, _alike):
            cards = list(run)
            with _of("cards", first):
                token = np.array(_each(cards, self._token), np.uint64)
            account = np.array([card.account for card in cards], np.uint32)
            # What comes again is put after what came before, and so finds that done.
            for part in _once_each(token) if account.any() else [slice(0, len(cards))]:
                wanted = account[part] if account[part].any() else None
                act = replace(_put_cards(token[part], same, wanted), in_words=True)
                acts.append(("cards", first + part.start, act))
            first += len(cards)
        may_move = not request.refuse_moves
        return [(rows, first, replace(act, may_move=may_move)) for rows, first, act in acts]

    async def _keep(self, token: NDArray[np.uint64], cards: Sequence[pb.Card]) -> None:
        """Keep the numbers of cards that are registered now, where numbers are kept."""
        numbered = [at for at, card in enumerate(cards) if card.number]
        if numbered:
            tokens = [int(token[at]) for at in numbered]
            await self.numbers.keep(tokens, [cards[at].number for at in numbered])

    def _token(self, card: pb.Card) -> int:
        """The token, computed where a printed number is given; both must agree."""
        token = self.token(card.number) if card.number else card.token
        if card.token not in (0, token):
            raise BadInput("card: its token is not that of its number; leave one of them out")
        return token

    async def _card(self, token: int) -> pb.Card:
        card = await self.bridge.read(lambda state: card_of(state, token))
        only_party("card", card.issuer)
        return _card(card)


def _card(card: Card) -> pb.Card:
    return pb.Card(
        token=card.token,
        issuer=card.issuer,
        funding=card.funding,  # type: ignore[arg-type]  # an open enum
        status=card.status,  # type: ignore[arg-type]
        since_us=card.since_us,
        floor_fen=card.floor_fen,
        account=card.account,
        posted_fen=card.posted_fen,
        held_fen=card.held_fen,
        denied=card.denied,
        deny_version=card.deny_version,
        bank_status=card.bank_status,  # type: ignore[arg-type]
        generation=card.generation,
        expires_day=card.expires_day,
        key_version=card.key_version,
        home_issuer=card.home_issuer,
        pasts=[pb.CardPast(**vars(past)) for past in card.pasts],
    )


Said: TypeAlias = int | None  # None where a row does not say
# issuer, funding, status, since_us, floor_fen; bank_status, generation, expires_day, key_version
Alike: TypeAlias = tuple[int, int, int, int, Said, Said, Said, Said, Said]


def _alike(card: pb.Card) -> Alike:
    """What rows of one act have alike."""
    return (
        card.issuer,
        card.funding,
        card.status,
        card.since_us,
        card.floor_fen if card.HasField("floor_fen") else None,
        int(card.bank_status) if card.HasField("bank_status") else None,
        card.generation if card.HasField("generation") else None,
        card.expires_day if card.HasField("expires_day") else None,
        card.key_version if card.HasField("key_version") else None,
    )


def _check_size(request: pb.LoadRequest) -> None:
    """BadInput for more rows in a message than all other calls can wait for."""
    rows = len(request.participants) + len(request.terminals) + len(request.cards)
    tokens = len(request.card_columns.token)
    for found, most, what in ((rows, LOADED_MAX, "rows"), (tokens, COLUMN_MAX, "tokens")):
        if found > most:
            raise BadInput(
                f"Load: expected at most {most} {what} a message, found {found}; send them in parts"
            )


def _terminal_row(row: pb.Terminal) -> TerminalRow:
    """What the message leaves out is None: it stays as it is."""
    return TerminalRow(
        row.number,
        row.operator,
        row.place if row.HasField("place") else None,
        row.mode if row.HasField("mode") else None,
        int(row.status) or None,
        row.counterless if row.HasField("counterless") else None,
        row.network if row.HasField("network") else None,
        row.since_us,
    )


def _actor_row(row: pb.Actor) -> ActorRow:
    """What the message leaves out is None: it stays as it is."""
    return ActorRow(
        row.name,
        row.secret_sha256 or None,
        row.roles if row.HasField("roles") else None,
        row.participant if row.HasField("participant") else None,
        int(row.status) or None,
    )


def _scene_row(row: pb.Scene) -> SceneRow:
    """What the message leaves out is None: it stays as it is."""
    optional = ("purses", "most_fen", "payee", "mcc", "rated_by")
    said = {name: getattr(row, name) for name in optional if row.HasField(name)}
    return SceneRow(row.code, row.name or None, status=int(row.status) or None, **said)


def _terminal(terminal: Terminal) -> pb.Terminal:
    return pb.Terminal(
        id=terminal.id,
        number=terminal.number,
        operator=terminal.operator,
        place=terminal.place,
        mode=terminal.mode,
        status=terminal.status,  # type: ignore[arg-type]  # an open enum
        counterless=terminal.counterless,
        network=terminal.network,
    )


def _parts(rows: Sequence[Row]) -> Iterator[tuple[int, list[Row]]]:
    """So many at a time as an act may take of the engine; taps are judged between two of them.
    Each with the index of its first row."""
    for first in range(0, len(rows), ROWS_AN_ACT):
        yield first, list(rows[first : first + ROWS_AN_ACT])


def _each(rows: Iterable[Row], token: Callable[[Row], int]) -> list[int]:
    """The token of each row; an error says of which."""
    found: list[int] = []
    for row in rows:
        try:
            found.append(token(row))
        except BadInput as error:
            error.row = len(found)
            raise
    return found


def _once_each(token: NDArray[np.uint64]) -> Iterator[slice]:
    """Runs of rows in which no card comes twice."""
    start, seen = 0, set[int]()
    for at, value in enumerate(token.tolist()):
        if value in seen:
            yield slice(start, at)
            start, seen = at, set()
        seen.add(value)
    yield slice(start, len(token))


def _note(put: Put, changes: Any, notes: Any) -> None:
    """Add what became of rows to an answer."""
    before = len(changes)
    changes.extend(put.change.tolist())
    for row, what in islice(put.what.items(), NOTES_MAX - len(notes)):
        notes.add(row=before + row, what=what)


@contextmanager
def _of(rows: str, first: int) -> Iterator[None]:
    """An error about a row of a part becomes one about the row of the request."""
    try:
        yield
    except OnecardError as error:
        if error.row is not None:
            error.row += first
        error.rows = rows
        raise


def _put_cards(
    token: NDArray[np.uint64], alike: Alike, account: NDArray[np.uint32] | None
) -> PutCards:
    issuer, funding, status, since_us, floor_fen, *recorded = alike
    act = PutCards(token, issuer, funding, int(status) or None, since_us, floor_fen, account)
    bank_status, generation, expires_day, key_version = recorded
    return replace(
        act,
        bank_status=bank_status,
        generation=generation,
        expires_day=expires_day,
        key_version=key_version,
    )


def _difference(row: Difference) -> pb.Difference:
    """The message; OnecardError where the sum of what is booked is beyond its field."""
    if not -(1 << 63) <= row.booked_fen < 1 << 63:
        raise OnecardError(
            f"terminal {row.declared.terminal}, day {row.declared.day}: what was declared is on "
            f"record; it differs: the sum of what is booked, {row.booked_fen} fen, is beyond 64 "
            "bits, so no message holds it; see onecard show gaps"
        )
    return pb.Difference(
        terminal=row.declared.terminal,
        day=row.declared.day,
        declared_taps=row.declared.taps,
        booked_taps=row.booked_taps,
        declared_fen=row.declared.sum_fen,
        booked_fen=row.booked_fen,
    )
