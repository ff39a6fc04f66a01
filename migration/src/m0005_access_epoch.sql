-- Grows with every change of who may do what in a workspace, its plan, its members, their tokens, and of who is sent its
-- events. Triggers see to it, so
-- that no way of changing them can forget it. A process that knows a caller at an epoch knows the caller as they are for as
-- long as the epoch stays.
CREATE TABLE access_epoch (
    organization_id $uuid NOT NULL PRIMARY KEY REFERENCES organization (id),
    epoch BIGINT NOT NULL
);
INSERT INTO access_epoch (organization_id, epoch) SELECT id, 1 FROM organization;
