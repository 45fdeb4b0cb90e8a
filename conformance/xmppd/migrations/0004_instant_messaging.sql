-- What else lasts of RFC 3921: requests, roster versions, presence, messages that wait, and what modules keep.
--
-- Stanzas are texts, as they would stand on a client's stream. Times are microseconds since 1970-01-01T00:00:00Z.

-- Drawn at random, so that an account that is made anew is never taken for the old one.
ALTER TABLE account ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;
UPDATE account SET incarnation = random();
-- Removals up to this version of the roster are forgotten.
ALTER TABLE account ADD COLUMN roster_floor INTEGER NOT NULL DEFAULT 0;
-- The last unavailable presence, and when it was sent.
ALTER TABLE account ADD COLUMN last_seen INTEGER;
ALTER TABLE account ADD COLUMN last_presence TEXT;
-- The highest number that a message was given.
ALTER TABLE account ADD COLUMN offline_last INTEGER NOT NULL DEFAULT 0;

ALTER TABLE roster_item ADD COLUMN ask INTEGER NOT NULL DEFAULT 0 CHECK (ask IN (0, 1));
ALTER TABLE roster_item ADD COLUMN approved INTEGER NOT NULL DEFAULT 0 CHECK (approved IN (0, 1));
-- Of the roster, when the item became what it is.
ALTER TABLE roster_item ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE roster_removal (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    contact TEXT NOT NULL,          -- prepared
    version INTEGER NOT NULL,       -- of the roster without it
    PRIMARY KEY (account, contact)
) STRICT, WITHOUT ROWID;

-- Subscription stanzas that came: those of the kind 'request' until they are answered, the others until the user was told.
CREATE TABLE pending (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    contact TEXT NOT NULL,          -- bare, prepared
    kind TEXT NOT NULL CHECK (kind IN ('request', 'notice')),
    stanza TEXT NOT NULL,
    PRIMARY KEY (account, contact, kind)
) STRICT;

CREATE TABLE offline_message (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    received INTEGER NOT NULL,
    bytes INTEGER NOT NULL,         -- what it counts for in limits
    stanza TEXT NOT NULL,
    UNIQUE (account, number)
) STRICT;

-- What modules keep, of accounts and of the server's own domains.
CREATE TABLE module_state (
    owner TEXT NOT NULL,            -- bare, prepared
    module TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (owner, module, key)
) STRICT;

-- A deletion has a number now, which is never used again, and those whom the account had to do with: the server that ends its sessions tells them
-- too.
CREATE TABLE numbered_deletion (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    jid TEXT NOT NULL               -- bare, prepared
) STRICT;
INSERT INTO numbered_deletion (jid) SELECT jid FROM deletion ORDER BY jid;
DROP TABLE deletion;
ALTER TABLE numbered_deletion RENAME TO deletion;
CREATE INDEX deletion_of ON deletion (jid);

CREATE TABLE deleted_contact (
    deletion INTEGER NOT NULL REFERENCES deletion (id) ON DELETE CASCADE,
    contact TEXT NOT NULL,          -- prepared
    subscription TEXT NOT NULL CHECK (subscription IN ('none', 'to', 'from', 'both')),
    ask INTEGER NOT NULL CHECK (ask IN (0, 1)),
    approved INTEGER NOT NULL CHECK (approved IN (0, 1)),
    PRIMARY KEY (deletion, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_request (
    deletion INTEGER NOT NULL REFERENCES deletion (id) ON DELETE CASCADE,
    stanza TEXT NOT NULL
) STRICT;
CREATE INDEX deleted_request_of ON deleted_request (deletion);
