ALTER TABLE cursors RENAME TO walks;
ALTER TABLE login_attempts RENAME TO guesses;
