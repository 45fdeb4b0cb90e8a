-- Accounts, their SCRAM keys and their rosters.
--
-- Text is compared byte by byte, as the engine compares prepared addresses. Passwords are never stored.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    jid TEXT NOT NULL UNIQUE,       -- bare, prepared
    created INTEGER NOT NULL        -- seconds since 1970-01-01T00:00:00Z
) STRICT;

-- One row per account and hash function (RFC 5802, section 3: StoredKey and ServerKey).
CREATE TABLE scram_key (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL CHECK (hash IN ('SHA-1', 'SHA-256')),
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL CHECK (iterations > 0),
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- The items of RFC 3921, section 7.
CREATE TABLE roster_item (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    contact TEXT NOT NULL,          -- prepared
    name TEXT,
    subscription TEXT NOT NULL CHECK (subscription IN ('none', 'to', 'from', 'both')),
    UNIQUE (account, contact)
) STRICT;

CREATE TABLE roster_group (
    item INTEGER NOT NULL REFERENCES roster_item (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (item, name)
) STRICT, WITHOUT ROWID;
