DROP TABLE withdrawals;
DROP TABLE withdraw_links;
