-- SCRAM-SHA-512. A CHECK cannot be changed, so the table is made anew.

CREATE TABLE wider_scram_key (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL CHECK (hash IN ('SHA-1', 'SHA-256', 'SHA-512')),
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL CHECK (iterations > 0),
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

INSERT INTO wider_scram_key SELECT account, hash, salt, iterations, stored_key, server_key FROM scram_key;
DROP TABLE scram_key;
ALTER TABLE wider_scram_key RENAME TO scram_key;
