DROP TABLE card_counters;
