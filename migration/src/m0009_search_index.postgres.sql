-- Where the extension is not to be had, or makes nothing of letters beyond ASCII, searches read the rows as before, and
-- `hoursmith doctor` says so.
DO $$
DECLARE
    has_letters BOOLEAN;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    EXECUTE 'SELECT cardinality(show_trgm(''дом'' COLLATE "C")) > 0' INTO has_letters;
    IF has_letters THEN
        CREATE INDEX time_entry_search ON time_entry USING gin (search_key gin_trgm_ops);
        CREATE INDEX expense_search ON expense USING gin (search_key gin_trgm_ops);
        CREATE INDEX task_search ON task USING gin (search_key gin_trgm_ops);
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object OR undefined_function THEN
        RAISE NOTICE 'searches go without an index: %', SQLERRM;
END
$$;
