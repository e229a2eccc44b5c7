-- How far cards have counted that were deleted, or have other keys or another unique id now: taps that
-- were accepted once are not accepted again when such a card comes back.
CREATE TABLE card_counters (
    user_id BLOB NOT NULL REFERENCES users (id),
    uid BLOB NOT NULL,
    -- Of the keys that taps are read with.
    keys_digest BLOB NOT NULL,
    counter BIGINT NOT NULL,
    PRIMARY KEY (user_id, uid, keys_digest)
) WITHOUT ROWID;
