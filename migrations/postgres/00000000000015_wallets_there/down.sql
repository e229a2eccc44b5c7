DROP INDEX wallets_there;
