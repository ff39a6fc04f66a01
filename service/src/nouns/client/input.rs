//! What is sent to make a client, and to change one.

use entity::client;
use entity::value::{Currency, ExternalId, Money, Name, Note, Percent, ShortText, Text, fold};

use crate::contract::input::{Defaulted, Field, Input, NewExternalId, NonNull, Required, Validate, external_id};

/// The two inputs of a client differ in one field: a new one needs its name.
macro_rules! client_input {
    ($(#[doc = $doc:literal])* $name:ident, name: $required:ident, flag: $flag:ident, new: $new:literal) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the client in another system: at most 255 characters, unique among live clients. Null
                /// or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// Name of the client: 1 to 200 characters, not only white space.
                pub name: $required<Name>,
                /// Name of the person to contact: at most 1,000 characters. Null or an empty text clears it.
                pub contact_name: Field<Text<1000>>,
                /// Email address of the contact person: at most 1,000 characters. Null or an empty text clears it.
                pub email: Field<Text<1000>>,
                /// Phone number of the contact person, as entered: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub phone: Field<Text<1000>>,
                /// Website URL of the client: at most 1,000 characters. Null or an empty text clears it.
                pub website: Field<Text<1000>>,
                /// Currency of all rates, expenses and invoices of the client (ISO 4217 code, either case). Null or an
                /// empty text means the workspace's default currency.
                pub currency: Field<Currency> => own,
                /// Internal notes about the client: at most 10,000 characters. Null or an empty text clears them.
                pub notes: Field<Note>,
                /// Full billing address as one text, for addresses that do not fit the separate lines: at most 1,000
                /// characters. Null or an empty text clears it.
                pub billing_address: Field<Text<1000>>,
                /// First line of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_line1: Field<Text<1000>>,
                /// Second line of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_line2: Field<Text<1000>>,
                /// City of the billing address: at most 1,000 characters. Null or an empty text clears it.
                pub billing_city: Field<Text<1000>>,
                /// State, province or region of the billing address: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub billing_region: Field<Text<1000>>,
                /// Postal code of the billing address, as entered: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub billing_postal_code: Field<Text<1000>>,
                /// Country of the billing address, as entered: at most 1,000 characters. Null or an empty text clears
                /// it.
                pub billing_country: Field<Text<1000>>,
                /// Email address that invoices are sent to: at most 1,000 characters. Null or an empty text clears it.
                pub billing_email: Field<Text<1000>>,
                /// Tax or VAT identification number of the client: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub tax_number: Field<Text<1000>>,
                /// Hourly rate that a new project of the client copies when it names none, in the client's currency,
                /// from 0. Null means no rate; existing projects do not change.
                pub default_rate: Field<Money>,
                /// Payment terms of the client in words, such as `Net 30`: at most 50 characters. Null or an empty text
                /// means 30 days.
                pub default_payment_terms: Field<ShortText>,
                /// Tax rate of new invoices, in percent from 0 to 100. Null means no tax.
                pub default_tax_rate: Field<Percent>,
                /// Whether the client asks for a purchase order number on invoices; `false` by default.
                pub require_po_number: $flag<bool>,
            }
            read_only "id" "orgId" "version" "createdAt" "updatedAt" "deletedAt"
            into client
        }

        impl Validate for $name {
            fn external_ids(&self) -> Vec<NewExternalId> {
                if $new { external_id("client", &self.external_id) } else { vec![] }
            }

            fn problems(&self) -> entity::value::FieldErrors {
                self.field_problems()
            }
        }

        impl $name {
            /// Writes the sent values into a row, and what it is sorted and searched by.
            pub(super) fn apply(self, row: &mut client::Model, default_currency: Currency) {
                match &self.currency {
                    Field::Value(currency) => row.currency = currency.clone(),
                    Field::Null => row.currency = default_currency,
                    Field::Absent | Field::Bad(_) => {}
                }
                self.change(row);
                row.name_key = fold(&row.name);
                row.search_key = search_key(row);
            }
        }
    };
}

client_input!(
    /// The fields of a new client. Only `name` is required.
    CreateClientInput, name: Required, flag: Defaulted, new: true
);
client_input!(
    /// The fields of a client to change. An absent field keeps its value, null clears a nullable one.
    UpdateClientInput, name: NonNull, flag: NonNull, new: false
);

fn search_key(row: &client::Model) -> String {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    fold(&format!("{}\u{1f}{}\u{1f}{}", row.name, text(&row.contact_name), text(&row.email)))
}
