-- A report in a time zone selects entries by the instant of their start, and those without one by their date.
CREATE INDEX time_entry_by_started_at ON time_entry (organization_id, started_at) WHERE started_at IS NOT NULL;
