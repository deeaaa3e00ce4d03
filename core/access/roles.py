"""Which role an act needs, and which acts need a second actor where the ledger asks for it."""

from onecard.ext.shape.numbers import ActKind, ActorRole, Record

# Of an act that is not here, so that a new one is nobody's by oversight: MAKER.
ROLE: dict[int, ActorRole] = {
    Record.CONFIGS: ActorRole.SYSTEM,
    ActKind.CLOCK: ActorRole.SYSTEM,
    Record.ACTORS: ActorRole.SECURITY,
    ActKind.JOURNAL: ActorRole.AUDIT,
}
# By force a window is closed for a day that does not follow; others of its kind need no second.
CHECKED = frozenset(map(int, (Record.CONFIGS, Record.TARIFFS, Record.TARIFF_SETS, Record.ACTORS)))


def role_of(act: int) -> ActorRole:
    """The role that whoever does an act needs."""
    return ROLE.get(act, ActorRole.MAKER)


def words(roles: int) -> str:
    """A sum of roles as people write it: `maker+checker`."""
    return "+".join(role.name.lower() for role in ActorRole if roles & role)
