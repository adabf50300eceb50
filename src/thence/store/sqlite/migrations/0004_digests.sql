-- Schema 4: a digest of each mailbox message. (Payloads and results have had the columns since
-- schema 1; those in rows now use them too.)

ALTER TABLE mailbox ADD COLUMN digest TEXT;
