"""The status of a card or a terminal, in the words that a file may say it in."""

from onecard.v1 import registry_pb2 as pb

STATUSES = {
    "": pb.STATUS_UNSPECIFIED,  # as it is
    "active": pb.STATUS_ACTIVE,
    "blocked": pb.STATUS_BLOCKED,
    "closed": pb.STATUS_CLOSED,
}
TERMINAL_STATUSES = STATUSES | {"internal": pb.STATUS_INTERNAL}  # a virtual one
