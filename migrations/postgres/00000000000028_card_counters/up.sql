-- How far cards have counted that were deleted, or have other keys or another unique id now: taps that
-- were accepted once are not accepted again when such a card comes back.
CREATE TABLE card_counters (
    user_id BYTEA NOT NULL REFERENCES users (id),
    uid BYTEA NOT NULL,
    -- Of the keys that taps are read with.
    keys_digest BYTEA NOT NULL,
    counter BIGINT NOT NULL,
    PRIMARY KEY (user_id, uid, keys_digest)
);
