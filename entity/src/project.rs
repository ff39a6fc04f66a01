//! A piece of work for a client.

use crate::value::{
    ClientId, Color, Date, Decimal, InvoiceId, Money, OrganizationId, ProjectId, ProjectStatus, RateType, Timestamp,
};

crate::table! {
    "project" key { id: ProjectId, organization_id: OrganizationId }
    external_id: Option<String>,
    client_id: ClientId,
    name: String,
    name_key: String,
    search_key: String,
    description: Option<String>,
    color: Option<Color>,
    status: ProjectStatus,
    rate_type: RateType,
    hourly_rate: Option<Money>,
    fixed_fee_amount: Option<Money>,
    budget_hours: Option<Decimal>,
    budget_amount: Option<Money>,
    start_date: Option<Date>,
    due_date: Option<Date>,
    fee_invoice_id: Option<InvoiceId>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
