-- Schema 6: what is stopping because its function was disabled, and not because its caller asked.
ALTER TABLE running ADD COLUMN aborted INTEGER NOT NULL DEFAULT 0;
