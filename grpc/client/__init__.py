"""The client: `Client`, the columns of a message, and the errors it raises."""

from onecard.grpc.client.client import LOAD_ROWS, Client, message_of
from onecard.grpc.client.columns import column_of, columns_message
from onecard.grpc.client.errors import Refused, Unanswered, Unreachable
from onecard.grpc.client.stream import Answer

__all__ = [
    "LOAD_ROWS",
    "Answer",
    "Client",
    "Refused",
    "Unanswered",
    "Unreachable",
    "column_of",
    "columns_message",
    "message_of",
]
