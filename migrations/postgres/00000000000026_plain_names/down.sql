ALTER INDEX cursors_pkey RENAME TO walks_pkey;
ALTER INDEX login_attempts_pkey RENAME TO guesses_pkey;
ALTER TABLE cursors RENAME TO walks;
ALTER TABLE login_attempts RENAME TO guesses;
