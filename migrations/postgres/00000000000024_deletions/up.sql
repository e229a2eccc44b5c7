-- Until when a user counts as being deleted, with everybody below it: until then nothing is created for
-- them, so that the deletion settles. A time, so that a deletion that dies leaves nobody marked.
ALTER TABLE users ADD COLUMN deleting_until_ms BIGINT;
