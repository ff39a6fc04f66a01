-- Instants are milliseconds since 1970 in UTC; money and other decimals are ten-thousandths; enums are their rank.
-- organization_id leads every key and index of what belongs to a workspace, so that the tables can be distributed by it.
-- A column that ends in _key is what a list is sorted or searched by: folded text, or a nullable column with its nulls
-- replaced by the least value, so that nulls come first ascending and last descending without a word of dialect.

CREATE TABLE organization (
    id $uuid NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    plan SMALLINT NOT NULL,
    default_currency TEXT NOT NULL,
    invoice_prefix TEXT NOT NULL,
    next_invoice_number BIGINT NOT NULL,
    legal_name TEXT,
    tax_id TEXT,
    business_email TEXT,
    business_website TEXT,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE user_account (
    id $uuid NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key $key NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE member (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL REFERENCES organization (id),
    user_id $uuid NOT NULL REFERENCES user_account (id),
    role SMALLINT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    search_key $key NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX member_live ON member (organization_id, user_id) WHERE deleted_at IS NULL;
CREATE INDEX member_by_user ON member (organization_id, user_id, created_at);
CREATE INDEX member_by_created_at ON member (organization_id, created_at, id);
CREATE INDEX member_by_role ON member (organization_id, role, id);

-- Found by prefix before its workspace is known: an index that the workspace does not lead.
CREATE TABLE token (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    member_id $uuid NOT NULL,
    name TEXT NOT NULL,
    prefix $key NOT NULL UNIQUE,
    hash $bytes NOT NULL,
    scope SMALLINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, member_id) REFERENCES member (organization_id, id)
);
CREATE INDEX token_by_created_at ON token (organization_id, created_at, id);
CREATE INDEX token_by_member ON token (organization_id, member_id, created_at, id);

CREATE TABLE client (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL REFERENCES organization (id),
    external_id TEXT,
    name TEXT NOT NULL,
    name_key $key NOT NULL,
    search_key $key NOT NULL,
    contact_name TEXT,
    email TEXT,
    phone TEXT,
    website TEXT,
    currency TEXT NOT NULL,
    notes TEXT,
    billing_address TEXT,
    billing_line1 TEXT,
    billing_line2 TEXT,
    billing_city TEXT,
    billing_region TEXT,
    billing_postal_code TEXT,
    billing_country TEXT,
    billing_email TEXT,
    tax_number TEXT,
    default_rate BIGINT,
    default_payment_terms TEXT,
    default_tax_rate BIGINT,
    require_po_number BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX client_external_id ON client (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX client_by_created_at ON client (organization_id, created_at, id);
CREATE INDEX client_by_updated_at ON client (organization_id, updated_at, id);
CREATE INDEX client_by_name ON client (organization_id, name_key, id);

CREATE TABLE project (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    external_id TEXT,
    client_id $uuid NOT NULL,
    name TEXT NOT NULL,
    name_key $key NOT NULL,
    search_key $key NOT NULL,
    description TEXT,
    color TEXT,
    status SMALLINT NOT NULL,
    rate_type SMALLINT NOT NULL,
    hourly_rate BIGINT,
    fixed_fee_amount BIGINT,
    budget_hours BIGINT,
    budget_amount BIGINT,
    start_date DATE,
    due_date DATE,
    start_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(start_date, '0001-01-01')) STORED,
    due_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(due_date, '0001-01-01')) STORED,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES client (organization_id, id)
);
CREATE UNIQUE INDEX project_external_id ON project (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX project_by_client ON project (organization_id, client_id, created_at, id);
CREATE INDEX project_by_created_at ON project (organization_id, created_at, id);
CREATE INDEX project_by_updated_at ON project (organization_id, updated_at, id);
CREATE INDEX project_by_name ON project (organization_id, name_key, id);
CREATE INDEX project_by_status ON project (organization_id, status, id);
CREATE INDEX project_by_start_date ON project (organization_id, start_date_key, id);
CREATE INDEX project_by_due_date ON project (organization_id, due_date_key, id);

CREATE TABLE project_member (
    organization_id $uuid NOT NULL,
    project_id $uuid NOT NULL,
    user_id $uuid NOT NULL REFERENCES user_account (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, project_id, user_id),
    FOREIGN KEY (organization_id, project_id) REFERENCES project (organization_id, id)
);
CREATE INDEX project_member_by_user ON project_member (organization_id, user_id, project_id);

CREATE TABLE task (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    external_id TEXT,
    project_id $uuid NOT NULL,
    name TEXT NOT NULL,
    name_key $key NOT NULL,
    search_key $key NOT NULL,
    description TEXT,
    status SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    billable BOOLEAN NOT NULL,
    estimated_hours BIGINT,
    tags TEXT NOT NULL,
    start_date DATE,
    due_date DATE,
    end_date DATE,
    start_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(start_date, '0001-01-01')) STORED,
    due_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(due_date, '0001-01-01')) STORED,
    end_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(end_date, '0001-01-01')) STORED,
    completed_at BIGINT,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, project_id) REFERENCES project (organization_id, id)
);
CREATE UNIQUE INDEX task_external_id ON task (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX task_by_project ON task (organization_id, project_id, created_at, id);
CREATE INDEX task_by_created_at ON task (organization_id, created_at, id);
CREATE INDEX task_by_updated_at ON task (organization_id, updated_at, id);
CREATE INDEX task_by_name ON task (organization_id, name_key, id);
CREATE INDEX task_by_status ON task (organization_id, status, id);
CREATE INDEX task_by_priority ON task (organization_id, priority, id);
CREATE INDEX task_by_start_date ON task (organization_id, start_date_key, id);
CREATE INDEX task_by_due_date ON task (organization_id, due_date_key, id);
CREATE INDEX task_by_end_date ON task (organization_id, end_date_key, id);

CREATE TABLE task_assignee (
    organization_id $uuid NOT NULL,
    task_id $uuid NOT NULL,
    user_id $uuid NOT NULL REFERENCES user_account (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, task_id, user_id),
    FOREIGN KEY (organization_id, task_id) REFERENCES task (organization_id, id)
);
CREATE INDEX task_assignee_by_user ON task_assignee (organization_id, user_id, task_id);

CREATE TABLE invoice (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    client_id $uuid NOT NULL,
    number TEXT NOT NULL,
    number_rank BIGINT NOT NULL,
    number_key $key NOT NULL,
    status SMALLINT NOT NULL,
    payment_status SMALLINT NOT NULL,
    subtotal BIGINT NOT NULL,
    discount_amount BIGINT NOT NULL,
    tax_rate BIGINT,
    tax_amount BIGINT NOT NULL,
    total BIGINT NOT NULL,
    amount_paid BIGINT NOT NULL,
    currency TEXT NOT NULL,
    notes TEXT,
    bill_to_name TEXT NOT NULL,
    issue_date DATE,
    due_date DATE,
    sent_at BIGINT,
    paid_at BIGINT,
    issue_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(issue_date, '0001-01-01')) STORED,
    due_date_key DATE NOT NULL GENERATED ALWAYS AS (COALESCE(due_date, '0001-01-01')) STORED,
    sent_at_key BIGINT NOT NULL GENERATED ALWAYS AS (COALESCE(sent_at, -62135596800000)) STORED,
    paid_at_key BIGINT NOT NULL GENERATED ALWAYS AS (COALESCE(paid_at, -62135596800000)) STORED,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES client (organization_id, id)
);
CREATE UNIQUE INDEX invoice_by_number ON invoice (organization_id, number_rank);
CREATE INDEX invoice_by_client ON invoice (organization_id, client_id, created_at, id);
CREATE INDEX invoice_by_created_at ON invoice (organization_id, created_at, id);
CREATE INDEX invoice_by_updated_at ON invoice (organization_id, updated_at, id);
CREATE INDEX invoice_by_status ON invoice (organization_id, status, id);
CREATE INDEX invoice_by_payment_status ON invoice (organization_id, payment_status, id);
CREATE INDEX invoice_by_total ON invoice (organization_id, total, id);
CREATE INDEX invoice_by_amount_paid ON invoice (organization_id, amount_paid, id);
CREATE INDEX invoice_by_issue_date ON invoice (organization_id, issue_date_key, id);
CREATE INDEX invoice_by_due_date ON invoice (organization_id, due_date_key, id);
CREATE INDEX invoice_by_sent_at ON invoice (organization_id, sent_at_key, id);
CREATE INDEX invoice_by_paid_at ON invoice (organization_id, paid_at_key, id);

CREATE TABLE invoice_line (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    invoice_id $uuid NOT NULL,
    position INTEGER NOT NULL,
    description TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    unit_price BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    project_id $uuid,
    task_id $uuid,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, invoice_id) REFERENCES invoice (organization_id, id)
);
CREATE UNIQUE INDEX invoice_line_by_invoice ON invoice_line (organization_id, invoice_id, position);

CREATE TABLE time_entry (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    external_id TEXT,
    user_id $uuid NOT NULL REFERENCES user_account (id),
    project_id $uuid NOT NULL,
    task_id $uuid,
    invoice_id $uuid,
    duration_seconds INTEGER,
    duration_seconds_key INTEGER NOT NULL GENERATED ALWAYS AS (COALESCE(duration_seconds, -1)) STORED,
    billable BOOLEAN NOT NULL,
    note TEXT,
    search_key $key NOT NULL,
    entry_date DATE NOT NULL,
    started_at BIGINT,
    stopped_at BIGINT,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, project_id) REFERENCES project (organization_id, id),
    FOREIGN KEY (organization_id, task_id) REFERENCES task (organization_id, id),
    FOREIGN KEY (organization_id, invoice_id) REFERENCES invoice (organization_id, id)
);
CREATE UNIQUE INDEX time_entry_external_id ON time_entry (organization_id, external_id) WHERE deleted_at IS NULL;
-- One running timer a person: the database says so, not a check.
CREATE UNIQUE INDEX time_entry_running ON time_entry (organization_id, user_id)
    WHERE duration_seconds IS NULL AND deleted_at IS NULL;
CREATE INDEX time_entry_by_project ON time_entry (organization_id, project_id, created_at, id);
CREATE INDEX time_entry_by_user ON time_entry (organization_id, user_id, created_at, id);
CREATE INDEX time_entry_by_task ON time_entry (organization_id, task_id) WHERE task_id IS NOT NULL;
CREATE INDEX time_entry_by_invoice ON time_entry (organization_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX time_entry_by_created_at ON time_entry (organization_id, created_at, id);
CREATE INDEX time_entry_by_updated_at ON time_entry (organization_id, updated_at, id);
CREATE INDEX time_entry_by_entry_date ON time_entry (organization_id, entry_date, id);
CREATE INDEX time_entry_by_duration ON time_entry (organization_id, duration_seconds_key, id);

CREATE TABLE expense (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL,
    external_id TEXT,
    client_id $uuid NOT NULL,
    project_id $uuid,
    invoice_id $uuid,
    category SMALLINT NOT NULL,
    custom_category TEXT,
    description TEXT NOT NULL,
    search_key $key NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    billable BOOLEAN NOT NULL,
    expense_date DATE NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES client (organization_id, id),
    FOREIGN KEY (organization_id, project_id) REFERENCES project (organization_id, id),
    FOREIGN KEY (organization_id, invoice_id) REFERENCES invoice (organization_id, id)
);
CREATE UNIQUE INDEX expense_external_id ON expense (organization_id, external_id) WHERE deleted_at IS NULL;
CREATE INDEX expense_by_client ON expense (organization_id, client_id, created_at, id);
CREATE INDEX expense_by_project ON expense (organization_id, project_id) WHERE project_id IS NOT NULL;
CREATE INDEX expense_by_invoice ON expense (organization_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX expense_by_created_at ON expense (organization_id, created_at, id);
CREATE INDEX expense_by_updated_at ON expense (organization_id, updated_at, id);
CREATE INDEX expense_by_amount ON expense (organization_id, amount, id);
CREATE INDEX expense_by_expense_date ON expense (organization_id, expense_date, id);

CREATE TABLE event (
    id $uuid NOT NULL,
    organization_id $uuid NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX event_by_created_at ON event (organization_id, created_at, id);

CREATE TABLE idempotency_key (
    organization_id $uuid NOT NULL REFERENCES organization (id),
    user_id $uuid NOT NULL REFERENCES user_account (id),
    key $key NOT NULL,
    fingerprint $bytes NOT NULL,
    role SMALLINT NOT NULL,
    record_id $uuid NOT NULL,
    record_version INTEGER,
    created BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id, key)
);
-- For the sweep, which goes across workspaces.
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
