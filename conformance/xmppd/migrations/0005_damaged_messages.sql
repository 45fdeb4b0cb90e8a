-- A message that cannot be read any more is kept for whoever can mend it, and is in nobody's way.
ALTER TABLE offline_message ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0 CHECK (damaged IN (0, 1));
