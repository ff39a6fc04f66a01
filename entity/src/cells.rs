//! Rows read by the places of their columns. The library looks up every column by its name in every row, and makes an
//! error of every null: that was an eighth of the time of a list. Here a table's columns are read in their order.

use chrono::NaiveDate;
use sea_orm::sea_query::{Value, ValueType};
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{Error, Row};
use sea_orm::{ActiveEnum, DbErr};
use uuid::Uuid;

use crate::value::{
    Color, Currency, Date, Decimal, DeliveryStatus, EndpointStatus, ExpenseCategory, Id, InvoiceStatus, Money,
    PaymentStatus, Percent, Plan, ProjectStatus, RateType, Role, TaskPriority, TaskStatus, Timestamp, TokenScope,
};

/// The cells of one row, as a driver gives them. A null is `None`.
pub trait Cells {
    /// A UUID.
    ///
    /// # Errors
    /// The cell is of another type, or there is none; so for the others.
    fn uuid(&self, place: usize) -> Result<Option<Uuid>, DbErr>;
    /// 64 bits.
    ///
    /// # Errors
    /// As `uuid`.
    fn long(&self, place: usize) -> Result<Option<i64>, DbErr>;
    /// 32 bits.
    ///
    /// # Errors
    /// As `uuid`.
    fn int(&self, place: usize) -> Result<Option<i32>, DbErr>;
    /// 16 bits.
    ///
    /// # Errors
    /// As `uuid`.
    fn small(&self, place: usize) -> Result<Option<i16>, DbErr>;
    /// True or false.
    ///
    /// # Errors
    /// As `uuid`.
    fn flag(&self, place: usize) -> Result<Option<bool>, DbErr>;
    /// A text.
    ///
    /// # Errors
    /// As `uuid`.
    fn text(&self, place: usize) -> Result<Option<String>, DbErr>;
    /// Bytes.
    ///
    /// # Errors
    /// As `uuid`.
    fn bytes(&self, place: usize) -> Result<Option<Vec<u8>>, DbErr>;
    /// A day.
    ///
    /// # Errors
    /// As `uuid`.
    fn date(&self, place: usize) -> Result<Option<NaiveDate>, DbErr>;
}

fn unreadable(error: &Error) -> DbErr {
    DbErr::Type(format!("a row cannot be read: {error}"))
}

/// The tables' own types are known, so that the drivers need not compare them in every cell.
macro_rules! by_driver {
    ($row:ty { $($method:ident: $type:ty;)* }) => {
        impl Cells for $row {
            $(fn $method(&self, place: usize) -> Result<Option<$type>, DbErr> {
                self.try_get_unchecked(place).map_err(|error| unreadable(&error))
            })*
        }
    };
}

by_driver! { PgRow { uuid: Uuid; long: i64; int: i32; small: i16; flag: bool; text: String; bytes: Vec<u8>; date: NaiveDate; } }
by_driver! { SqliteRow { uuid: Uuid; long: i64; int: i32; small: i16; flag: bool; text: String; bytes: Vec<u8>; date: NaiveDate; } }

/// What stands in one column.
pub trait Cell: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The cell is of another type, is null where that is not allowed, or there is none.
    fn read<C: Cells>(cells: &C, place: usize) -> Result<Self, DbErr>;

    /// What stands for it where it is not read.
    ///
    /// # Errors
    /// There is nothing of this type that says so little.
    fn empty() -> Result<Self, DbErr> {
        Err(DbErr::Type("a column is not read".into()))
    }
}

impl Cell for String {
    fn read<C: Cells>(cells: &C, place: usize) -> Result<String, DbErr> {
        cells.text(place)?.ok_or_else(|| null(place))
    }

    fn empty() -> Result<String, DbErr> {
        Ok(String::new())
    }
}

impl Cell for Option<String> {
    fn read<C: Cells>(cells: &C, place: usize) -> Result<Option<String>, DbErr> {
        cells.text(place)
    }
}

fn null(place: usize) -> DbErr {
    DbErr::Type(format!("column {place} of a row is null"))
}

macro_rules! cells {
    ($($type:ty: $method:ident, |$raw:ident| $value:expr;)*) => {
        $(impl Cell for $type {
            fn read<C: Cells>(cells: &C, place: usize) -> Result<$type, DbErr> {
                let $raw = cells.$method(place)?.ok_or_else(|| null(place))?;
                $value
            }
        }

        impl Cell for Option<$type> {
            fn read<C: Cells>(cells: &C, place: usize) -> Result<Option<$type>, DbErr> {
                let Some($raw) = cells.$method(place)? else { return Ok(None) };
                let value: Result<$type, DbErr> = $value;
                value.map(Some)
            }
        })*
    };
}

impl<T> Cell for Id<T> {
    fn read<C: Cells>(cells: &C, place: usize) -> Result<Id<T>, DbErr> {
        cells.uuid(place)?.map(Id::new).ok_or_else(|| null(place))
    }
}

impl<T> Cell for Option<Id<T>> {
    fn read<C: Cells>(cells: &C, place: usize) -> Result<Option<Id<T>>, DbErr> {
        Ok(cells.uuid(place)?.map(Id::new))
    }
}

fn of<T: ValueType>(value: impl Into<Value>) -> Result<T, DbErr> {
    T::try_from(value.into()).map_err(|_| DbErr::Type(format!("a cell is no {}", T::type_name())))
}

cells! {
    Timestamp: long, |raw| Ok(Timestamp::from_millis(raw));
    Date: date, |raw| Ok(Date(raw));
    i64: long, |raw| Ok(raw);
    i32: int, |raw| Ok(raw);
    bool: flag, |raw| Ok(raw);
    Vec<u8>: bytes, |raw| Ok(raw);
    Money: long, |raw| of(raw);
    Decimal: long, |raw| of(raw);
    Percent: long, |raw| of(raw);
    Currency: text, |raw| of(raw);
    Color: text, |raw| of(raw);
    DeliveryStatus: small, |raw| DeliveryStatus::try_from_value(&raw);
    EndpointStatus: small, |raw| EndpointStatus::try_from_value(&raw);
    ExpenseCategory: small, |raw| ExpenseCategory::try_from_value(&raw);
    InvoiceStatus: small, |raw| InvoiceStatus::try_from_value(&raw);
    PaymentStatus: small, |raw| PaymentStatus::try_from_value(&raw);
    Plan: small, |raw| Plan::try_from_value(&raw);
    ProjectStatus: small, |raw| ProjectStatus::try_from_value(&raw);
    RateType: small, |raw| RateType::try_from_value(&raw);
    Role: small, |raw| Role::try_from_value(&raw);
    TaskPriority: small, |raw| TaskPriority::try_from_value(&raw);
    TaskStatus: small, |raw| TaskStatus::try_from_value(&raw);
    TokenScope: small, |raw| TokenScope::try_from_value(&raw);
}

/// What is read from neighbouring columns.
pub trait FromCells: Sized {
    /// How many columns those are.
    const WIDTH: usize;

    /// Reads it from the columns that begin at a place.
    ///
    /// # Errors
    /// A cell cannot be read.
    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Self, DbErr>;
}

/// The text that is searched in a record. It is as long as what is shown of the record, and nobody is shown it.
pub const SEARCHED: &str = "search_key";

/// A row of a table.
pub trait TableRow: FromCells {
    /// How many columns it has without the text that is searched.
    const SHOWN: usize;

    /// Reads it from the columns that begin at a place, of which that text is none.
    ///
    /// # Errors
    /// A cell cannot be read.
    fn from_shown<C: Cells>(cells: &C, first: usize) -> Result<Self, DbErr>;
}

/// A row without the text that is searched.
pub struct Shown<M>(pub M);

impl<M: TableRow> FromCells for Shown<M> {
    const WIDTH: usize = M::SHOWN;

    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Shown<M>, DbErr> {
        M::from_shown(cells, first).map(Shown)
    }
}

/// How many of these columns are shown.
const fn shown(columns: &[&str]) -> usize {
    let (mut count, mut i) = (0, 0);
    while i < columns.len() {
        if !is_searched(columns[i]) {
            count += 1;
        }
        i += 1;
    }
    count
}

const fn is_searched(column: &str) -> bool {
    let (column, searched) = (column.as_bytes(), SEARCHED.as_bytes());
    if column.len() != searched.len() {
        return false;
    }
    let mut i = 0;
    while i < column.len() {
        if column[i] != searched[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Reads the models of tables whose columns are selected in the order of the table.
macro_rules! models {
    ($($table:ident { $($column:ident)+ })+) => {
        $(impl FromCells for crate::$table::Model {
            const WIDTH: usize = [$(stringify!($column)),+].len();

            fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Self, DbErr> {
                let mut places = first..first + Self::WIDTH;
                Ok(crate::$table::Model {
                    $($column: Cell::read(cells, places.next().unwrap_or(usize::MAX))?),+
                })
            }
        }

        impl TableRow for crate::$table::Model {
            const SHOWN: usize = shown(&[$(stringify!($column)),+]);

            fn from_shown<C: Cells>(cells: &C, first: usize) -> Result<Self, DbErr> {
                let mut places = first..first + Self::SHOWN;
                Ok(crate::$table::Model {
                    $($column: match const { is_searched(stringify!($column)) } {
                        true => Cell::empty()?,
                        false => Cell::read(cells, places.next().unwrap_or(usize::MAX))?,
                    }),+
                })
            }
        })+

        #[cfg(test)]
        const TABLES: &[(&str, &[&str], fn() -> Vec<String>)] = &[$((stringify!($table), &[$(stringify!($column)),+], || {
            use sea_orm::Iterable;
            crate::$table::Column::iter().map(|column| format!("{column:?}").to_ascii_lowercase()).collect()
        })),+];
    };
}

models! {
    client {
        id organization_id external_id name name_key search_key contact_name email phone website currency
        notes billing_address billing_line1 billing_line2 billing_city billing_region billing_postal_code
        billing_country billing_email tax_number default_rate default_payment_terms default_tax_rate
        require_po_number version created_at updated_at deleted_at
    }
    event {
        id organization_id kind body created_at traceparent
    }
    expense {
        id organization_id external_id client_id project_id invoice_id category custom_category description
        search_key amount currency billable expense_date version created_at updated_at deleted_at
    }
    idempotency_key {
        organization_id user_id key fingerprint role record_id record_version created body expires_at
    }
    invoice {
        id organization_id client_id number number_rank number_key status payment_status subtotal
        discount_amount tax_rate tax_amount total amount_paid currency notes bill_to_name issue_date
        due_date sent_at paid_at version created_at updated_at deleted_at
    }
    invoice_line {
        id organization_id invoice_id position description quantity unit_price amount project_id task_id
    }
    login_link {
        id organization_id member_id hash created_at expires_at used_at
    }
    member {
        id organization_id user_id role name email search_key version created_at updated_at deleted_at
    }
    passkey {
        id organization_id member_id name credential_id credential created_at last_used_at removed_at
    }
    project {
        id organization_id external_id client_id name name_key search_key description color status
        rate_type hourly_rate fixed_fee_amount budget_hours budget_amount start_date due_date
        fee_invoice_id version created_at updated_at deleted_at
    }
    project_member {
        project_id user_id organization_id created_at
    }
    session {
        id organization_id member_id hash sign_in_method device address created_at seen_at expires_at ends_at ended_at
    }
    task {
        id organization_id external_id project_id name name_key search_key description status priority
        billable estimated_hours tags assignee_ids start_date due_date end_date completed_at version
        created_at updated_at deleted_at
    }
    time_entry {
        id organization_id external_id user_id project_id task_id invoice_id duration_seconds billable note
        search_key entry_date started_at stopped_at version created_at updated_at deleted_at
    }
    token {
        id organization_id member_id name prefix hash scope expires_at revoked_at last_used_at created_at
    }
    webhook_delivery {
        id organization_id endpoint_id event_id event_type status reason attempt_count next_attempt_at
        last_attempt_at last_response_status replay_of due_at lease created_at
    }
    webhook_endpoint {
        id organization_id external_id url events description enabled status secret secret_prefix
        previous_secret previous_until version created_at updated_at deleted_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_named_in_the_order_of_their_tables() {
        for (table, named, columns) in TABLES {
            let named: Vec<String> = named.iter().map(|name| name.replace('_', "")).collect();
            assert_eq!(named, columns(), "{table}");
        }
    }
}
