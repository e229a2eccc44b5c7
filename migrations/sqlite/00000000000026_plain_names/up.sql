-- Names that say what the tables hold: attempts at passwords that count as failed, and the positions that
-- tasks have reached which all processes share.
ALTER TABLE guesses RENAME TO login_attempts;
ALTER TABLE walks RENAME TO cursors;
