"""What stands beside a message, both ways: names of metadata that server and client agree on."""

METADATA = "onecard-participant"  # id of a participant, or its name percent-encoded (RFC 3986)
# Of a call of many rows that was refused: the one at fault, such as terminals[17], and how many
# rows of the call were taken before it.
ROW_METADATA = "onecard-row"
TAKEN_METADATA = "onecard-taken"
