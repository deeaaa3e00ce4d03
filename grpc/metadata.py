"""What stands beside a message, both ways: names of metadata that server and client agree on."""

METADATA = "onecard-participant"  # id of a participant, or its name percent-encoded (RFC 3986)
# Who acts, who says yes to it, and why (docs/ledger.md, Who did it); names and reason
# percent-encoded.
ACTOR, ACTOR_SECRET = "onecard-actor", "onecard-secret"
CHECKER, CHECKER_SECRET = "onecard-checker", "onecard-checker-secret"
REASON = "onecard-reason"
# Of a call of many rows that was refused: the one at fault, such as terminals[17], and how many
# rows of the call were taken before it.
ROW_METADATA = "onecard-row"
TAKEN_METADATA = "onecard-taken"
