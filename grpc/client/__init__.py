"""The client: `Client`, the columns of a message, and the errors it raises."""

from onecard.core.errors import BadInput, NotFound, OnecardError, Overloaded
from onecard.grpc.client.client import LOAD_ROWS, TIMEOUT_S, Client
from onecard.grpc.client.columns import column_of, columns_message
from onecard.grpc.client.errors import Refused, Unanswered, Unreachable
from onecard.grpc.client.request import message_of
from onecard.grpc.client.stream import WINDOW, Answer
from onecard.grpc.client.who import SignIn, Who

__all__ = [
    "LOAD_ROWS",
    "TIMEOUT_S",
    "WINDOW",
    "Answer",
    "BadInput",
    "Client",
    "NotFound",
    "OnecardError",
    "Overloaded",
    "Refused",
    "SignIn",
    "Unanswered",
    "Unreachable",
    "Who",
    "column_of",
    "columns_message",
    "message_of",
]
