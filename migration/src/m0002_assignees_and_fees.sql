-- The people of task_assignee in the order in which they were named, as a JSON array: lists show them without a join.
ALTER TABLE task ADD COLUMN assignee_ids TEXT NOT NULL DEFAULT '[]';

-- The invoice that bills the fixed fee; null while it can still be billed.
ALTER TABLE project ADD COLUMN fee_invoice_id $uuid;
CREATE INDEX project_by_fee_invoice ON project (organization_id, fee_invoice_id) WHERE fee_invoice_id IS NOT NULL;

-- Lists below a task and below a project, and invoicing by client and day; the narrower ones go with them.
DROP INDEX time_entry_by_task;
DROP INDEX expense_by_project;
CREATE INDEX time_entry_by_task_made ON time_entry (organization_id, task_id, created_at, id) WHERE task_id IS NOT NULL;
CREATE INDEX time_entry_to_bill ON time_entry (organization_id, project_id, entry_date) WHERE invoice_id IS NULL;
CREATE INDEX expense_to_bill ON expense (organization_id, client_id, expense_date) WHERE invoice_id IS NULL;
CREATE INDEX expense_by_project_made ON expense (organization_id, project_id, created_at, id)
    WHERE project_id IS NOT NULL;

-- The operator names an invoice by its id alone.
CREATE INDEX invoice_by_id ON invoice (id);
