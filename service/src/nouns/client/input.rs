//! What is sent to make a client, and to change one.

use entity::client;
use entity::value::{Currency, ExternalId, Money, Name, Note, Percent, ShortText, Text, fold};

use crate::contract::input::{Defaulted, Field, Input, NonNull, Required, Validate};

/// The two inputs of a client differ in one field: a new one needs its name.
macro_rules! client_input {
    ($(#[doc = $doc:literal])* $name:ident, name: $required:ident, flag: $flag:ident) => {
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
                pub currency: Field<Currency>,
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
        }

        impl Validate for $name {
            fn problems(&self) -> entity::value::FieldErrors {
                self.field_problems()
            }
        }

        impl $name {
            /// Puts what was sent into a row, apart from the name's own columns.
            pub(super) fn apply(self, row: &mut client::Model, default_currency: Currency) {
                self.external_id.change(&mut row.external_id);
                self.contact_name.change(&mut row.contact_name);
                self.email.change(&mut row.email);
                self.phone.change(&mut row.phone);
                self.website.change(&mut row.website);
                match self.currency {
                    Field::Value(currency) => row.currency = currency,
                    Field::Null => row.currency = default_currency,
                    Field::Absent | Field::Bad(_) => {}
                }
                self.notes.change(&mut row.notes);
                self.billing_address.change(&mut row.billing_address);
                self.billing_line1.change(&mut row.billing_line1);
                self.billing_line2.change(&mut row.billing_line2);
                self.billing_city.change(&mut row.billing_city);
                self.billing_region.change(&mut row.billing_region);
                self.billing_postal_code.change(&mut row.billing_postal_code);
                self.billing_country.change(&mut row.billing_country);
                self.billing_email.change(&mut row.billing_email);
                self.tax_number.change(&mut row.tax_number);
                self.default_rate.change(&mut row.default_rate);
                self.default_payment_terms.change(&mut row.default_payment_terms);
                self.default_tax_rate.change(&mut row.default_tax_rate);
                self.require_po_number.change(&mut row.require_po_number);
                if let Some(name) = self.name.take() {
                    row.name = name.into();
                }
                row.name_key = fold(&row.name);
                row.search_key = search_key(row);
            }
        }
    };
}

client_input!(
    /// The fields of a new client. Only `name` is required.
    CreateClientInput, name: Required, flag: Defaulted
);
client_input!(
    /// The fields of a client to change. An absent field keeps its value, null clears a nullable one.
    UpdateClientInput, name: NonNull, flag: NonNull
);

fn search_key(row: &client::Model) -> String {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    fold(&format!("{}\u{1f}{}\u{1f}{}", row.name, text(&row.contact_name), text(&row.email)))
}
