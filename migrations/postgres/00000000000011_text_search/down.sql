DROP FUNCTION satkeep_in_time();
DROP FUNCTION satkeep_contains(text, text);
DROP FUNCTION satkeep_fold(text);
DROP COLLATION IF EXISTS satkeep_fold;
