"""`onecard show scenes`: what taps may be for."""

from onecard.cli.show.looking import AsJson, Dir, local_time, name_of, opened, say
from onecard.core.query.scene import scenes as every_scene
from onecard.core.registry.scenes import purse_words
from onecard.ext.shape.numbers import Status


def scenes(data: Dir, as_json: AsJson = False) -> None:
    """What taps may be for: code, name, the most of one tap in fen, MCC, status and since when.

    Example: onecard show scenes ./ledger
    """
    with opened(data) as ledger:
        found = [
            {
                "code": one.code,
                "name": one.name,
                "purses": purse_words(one.purses),
                "most_fen": one.most_fen,
                "payee": name_of(ledger, one.payee),
                "mcc": f"{one.mcc:04d}" if one.mcc else "",
                "rated_by": one.rated_by,
                "status": Status(one.status).name.lower(),
                "closed": local_time(ledger, one.closed_us),
                "since": local_time(ledger, one.from_us),
                "record": one.record,
            }
            for one in every_scene(ledger.state)
        ]
    spare = ("record", "rated_by", "payee", "since", "purses")
    say(found, "scenes", as_json, spare, "no scene is loaded")
