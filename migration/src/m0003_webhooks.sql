-- Secrets are sealed by the service, never readable here. events is a JSON list of event types.
CREATE TABLE webhook_endpoint (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL REFERENCES organization (id),
    external_id TEXT,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    description TEXT,
    enabled BOOLEAN NOT NULL,
    status SMALLINT NOT NULL,
    secret $bytes NOT NULL,
    secret_prefix TEXT NOT NULL,
    previous_secret $bytes,
    previous_until BIGINT,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX webhook_endpoint_external_id ON webhook_endpoint (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoint_by_created_at ON webhook_endpoint (organization_id, created_at, id);
CREATE INDEX webhook_endpoint_by_updated_at ON webhook_endpoint (organization_id, updated_at, id);

-- next_attempt_at is what callers see; due_at is when a worker may take the row: the same, or the end of a lease.
CREATE TABLE webhook_delivery (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    endpoint_id $uuid NOT NULL,
    event_id $uuid NOT NULL,
    event_type TEXT NOT NULL,
    status SMALLINT NOT NULL,
    reason TEXT,
    attempt_count INTEGER NOT NULL,
    next_attempt_at BIGINT,
    last_attempt_at BIGINT,
    last_response_status INTEGER,
    replay_of $uuid,
    due_at BIGINT,
    lease $uuid,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoint (organization_id, id),
    FOREIGN KEY (organization_id, event_id) REFERENCES event (organization_id, id)
);
CREATE INDEX webhook_delivery_by_created_at ON webhook_delivery (organization_id, created_at, id);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (organization_id, endpoint_id, created_at, id);
CREATE INDEX webhook_delivery_by_event ON webhook_delivery (organization_id, event_id);
CREATE INDEX webhook_delivery_by_status ON webhook_delivery (organization_id, status, created_at, id);
-- For the worker and the sweep, which go across workspaces.
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at) WHERE due_at IS NULL;
CREATE INDEX event_by_age ON event (created_at);

CREATE TABLE webhook_attempt (
    organization_id $uuid NOT NULL,
    delivery_id $uuid NOT NULL,
    number INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms INTEGER NOT NULL,
    response_status INTEGER,
    error TEXT,
    response_excerpt TEXT,
    PRIMARY KEY (organization_id, delivery_id, number),
    FOREIGN KEY (organization_id, delivery_id) REFERENCES webhook_delivery (organization_id, id)
);
