-- What PostgreSQL gets by this migration, connections to SQLite are given by satkeep itself: the
-- functions satkeep_contains and satkeep_in_time.
SELECT 1;
