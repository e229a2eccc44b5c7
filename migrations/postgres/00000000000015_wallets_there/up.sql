-- How many wallets a user has is counted whenever it gets one more: deleted ones, however many, cost
-- nothing then.
CREATE INDEX wallets_there ON wallets (user_id) WHERE deleted_at_ms IS NULL;
