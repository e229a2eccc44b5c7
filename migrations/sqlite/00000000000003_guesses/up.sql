-- Guesses of passwords, so that they become slower; kept here, so that a restart does not
-- forget them. The subject is a digest of what is guessed at.
CREATE TABLE guesses (
    subject BLOB NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at_ms BIGINT NOT NULL
) WITHOUT ROWID;
