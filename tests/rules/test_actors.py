"""Who may act: registered, changed, refused; engine and twin alike, and after every restart."""

from onecard.core.access.caller import SignIn
from onecard.core.authorize.engine import ActIn
from onecard.core.registry.actors import ActorRow as Row
from onecard.core.registry.actors import PutActors
from onecard.ext.shape.numbers import ActorRole as R
from onecard.ext.shape.numbers import Status
from tests.rules.taptable import NOW_US
from tests.support.engine import EngineSide, opened, quick_folder
from tests.support.steps import MALFORMED, Actors, Participants
from tests.twin.acts import ActorRow


def secret(number: int) -> bytes:
    return bytes([number]) * 32


def row(name: str, number: int = 0, roles: int | None = None, **more: int) -> ActorRow:
    """Number 0: its secret stays as it is."""
    return ActorRow(name, secret(number) if number else None, roles, **more)


# What is put, one after the other, and the numbers it is answered; None: refused.
STEPS: list[tuple[Actors, list[int] | None]] = [
    (Actors((row("Li"),)), None),  # who is new needs a secret
    (Actors((row("Li", 1, R.SYSTEM),)), None),  # nobody could register another
    (Actors((row("Li", 1, R.SYSTEM), row("Wu", 2, R.SECURITY))), [1, 2]),
    (Actors((row("Li", 1, R.SYSTEM), row("Wu", 2, R.SECURITY))), [1, 2]),  # nothing is new
    (Actors((row("He", 2, R.MAKER),)), None),  # another's secret
    (Actors((row("Li", 0, R.SYSTEM | R.AUDIT),)), None),  # of three people
    (Actors((), four_eyes=True), None),  # nobody checks
    (Actors((row("Wu", 0, R.SECURITY | R.CHECKER),), four_eyes=True), None),  # it is the same
    (Actors((row("He", 3, R.MAKER | R.CHECKER, participant=1),), four_eyes=True), [3]),
    (Actors((row("He", 0, R.MAKER),)), None),  # four eyes would be two
    (Actors((row("He", status=Status.BLOCKED),)), None),
    (Actors((row("Wu", status=Status.CLOSED),)), None),
    (Actors((row("He", 4), row("He", 3), row("Li", 0, R.SYSTEM))), [3, 3, 1]),  # as it was
    (Actors((row("He", 0, R.MAKER),), four_eyes=False), [3]),
    (Actors((row("Li", 0, 0), row("Wu", 0, 0))), None),  # then acts would need no actor
    (Actors((row("Li", status=Status.BLOCKED),)), None),
    (Actors((row("Li", 0, 0), row("Ｗｕ", 5, R.SYSTEM))), [1, 4]),  # another has it
    (Actors(tuple(row(f"a{n}", n) for n in range(10, 20))), list(range(5, 15))),
]


def test_actors_step_by_step() -> None:
    with opened("engine", NOW_US) as both:
        both.step([Participants((("Bus", 1),))], NOW_US)
        for at, (act, wanted) in enumerate(STEPS, 1):
            found = both.step([act], NOW_US + at)
            assert found == [MALFORMED if wanted is None else wanted], act
            both.restart(checkpoint=at % 2 == 0)
        numbers = both.engine_side.engine.state.by_actor
        assert (numbers[b"Wu"], numbers["Ｗｕ".encode()]) == (2, 4)


def test_what_changed_is_said_without_the_secret() -> None:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US)
        for one, wanted in (
            (Row("Li", secret(1), R.MAKER), {}),
            (Row("Li", secret(2), R.MAKER), {0: "secret"}),
            (Row("Li", None, R.CHECKER, None, 2), {0: "roles 8 -> 16, status 1 -> 2"}),
            (Row("Li", None, R.CHECKER, None, 2), {}),
        ):
            (put,) = side.engine.step([ActIn(PutActors([one]))])
            assert getattr(put, "what", None) == wanted
        side.close()


def test_a_sign_in_is_not_shown() -> None:
    assert repr(SignIn("Li", "what nobody may see")) == "SignIn(...)"
