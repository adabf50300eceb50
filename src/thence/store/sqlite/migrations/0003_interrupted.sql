-- Schema 3: how many earlier attempts of a live invocation had begun and came to no ending of their
-- own, lost ones aside: the next one is told.

ALTER TABLE waiting ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE running ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
