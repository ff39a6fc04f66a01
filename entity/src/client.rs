//! Who work is done for.

use crate::value::{ClientId, Currency, Money, OrganizationId, Percent, Timestamp};

crate::table! {
    "client" key { id: ClientId, organization_id: OrganizationId }
    external_id: Option<String>,
    name: String,
    name_key: String,
    search_key: String,
    contact_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    website: Option<String>,
    currency: Currency,
    notes: Option<String>,
    billing_address: Option<String>,
    billing_line1: Option<String>,
    billing_line2: Option<String>,
    billing_city: Option<String>,
    billing_region: Option<String>,
    billing_postal_code: Option<String>,
    billing_country: Option<String>,
    billing_email: Option<String>,
    tax_number: Option<String>,
    default_rate: Option<Money>,
    default_payment_terms: Option<String>,
    default_tax_rate: Option<Percent>,
    require_po_number: bool,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}
