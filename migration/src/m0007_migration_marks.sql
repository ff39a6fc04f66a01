-- What an older release must know of a step that it does not have: whether it can work on the database all the same, and
-- which release made the step.
CREATE TABLE migration_mark (
    name $key NOT NULL PRIMARY KEY,
    compatible BOOLEAN NOT NULL,
    release TEXT NOT NULL
);
