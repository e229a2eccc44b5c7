DROP VIEW payments;
DROP TABLE transfers;
DROP TABLE invoices;
DROP TABLE wallet_keys;
DROP TABLE wallets;
DROP TABLE users;
DROP TABLE accounts;
DROP TABLE settings;
