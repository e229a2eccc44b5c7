ALTER TABLE accounts DROP COLUMN spent_msat;
ALTER TABLE accounts DROP COLUMN spent_day;
ALTER TABLE accounts DROP COLUMN day_max_msat;
ALTER TABLE accounts DROP COLUMN payment_max_msat;
ALTER TABLE accounts DROP COLUMN frozen_by_operator;
ALTER TABLE accounts DROP COLUMN frozen_by_manager;
