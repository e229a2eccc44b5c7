-- What may be done with a wallet: freezes, by its manager and by an operator apart, so that
-- neither lifts the other's; the most that its own key may spend; and what that has spent on
-- a day (counted from 1970, UTC).
ALTER TABLE accounts ADD COLUMN frozen_by_manager TEXT CHECK (frozen_by_manager IN ('spending', 'everything'));
ALTER TABLE accounts ADD COLUMN frozen_by_operator TEXT CHECK (frozen_by_operator IN ('spending', 'everything'));
ALTER TABLE accounts ADD COLUMN payment_max_msat BIGINT CHECK (payment_max_msat > 0);
ALTER TABLE accounts ADD COLUMN day_max_msat BIGINT CHECK (day_max_msat > 0);
ALTER TABLE accounts ADD COLUMN spent_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN spent_msat BIGINT NOT NULL DEFAULT 0;
