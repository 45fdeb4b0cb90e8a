-- Accounts that were deleted and whose sessions a server may still have to end. That there is no such account does not tell it:
-- there may be a new one of that address.

CREATE TABLE deletion (
    jid TEXT PRIMARY KEY            -- bare, prepared
) STRICT, WITHOUT ROWID;
