//! A workspace: the tenant that everything else belongs to.

use crate::value::{Currency, OrganizationId, Plan, Timestamp};

crate::table! {
    "organization" key { id: OrganizationId }
    name: String,
    plan: Plan,
    default_currency: Currency,
    invoice_prefix: String,
    next_invoice_number: i64,
    legal_name: Option<String>,
    tax_id: Option<String>,
    business_email: Option<String>,
    business_website: Option<String>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}
