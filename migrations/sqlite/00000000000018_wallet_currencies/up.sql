-- The currency that a wallet's payments are also told in.
ALTER TABLE wallets ADD COLUMN currency TEXT;
