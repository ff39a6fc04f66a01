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

    /// Reads it from a whole row, of a statement that reads these columns of a table alone. What is never read in part is read as
    /// ever.
    ///
    /// # Errors
    /// A cell cannot be read.
    fn from_part<C: Cells>(cells: &C, _columns: Columns) -> Result<Self, DbErr> {
        Self::from_cells(cells, 0)
    }
}

/// Which columns of a table are read, by their places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Columns(u64);

impl Default for Columns {
    fn default() -> Columns {
        Columns::ALL
    }
}

impl Columns {
    /// All of them.
    pub const ALL: Columns = Columns(u64::MAX);
    /// None of them.
    pub const NONE: Columns = Columns(0);

    /// These, and the one at a place.
    #[must_use]
    pub fn and(self, place: usize) -> Columns {
        Columns(self.0 | bit(place))
    }

    /// Whether the column at a place is one of them.
    pub fn has(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }
}

/// No table has 64 columns; if one had, those beyond would be read with the last.
fn bit(place: usize) -> u64 {
    1 << place.min(63)
}

/// Where each column of a table stands in a row that has some of them.
pub struct Places {
    columns: Columns,
    column: usize,
    next: usize,
}

impl Places {
    /// Of a row whose columns of that table begin at a place.
    pub fn new(columns: Columns, first: usize) -> Places {
        Places { columns, column: 0, next: first }
    }

    /// Where the next column of the table stands; none if the row does not have it, as one that is never shown.
    pub fn place(&mut self, is_shown: bool) -> Option<usize> {
        let is_there = is_shown && self.columns.has(self.column);
        self.column += 1;
        is_there.then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// A row that may not be there: then all of its columns are null, the first one included, which is null in no row.
pub struct Maybe<M>(pub Option<M>);

impl<M: FromCells> FromCells for Maybe<M> {
    const WIDTH: usize = M::WIDTH;

    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<Maybe<M>, DbErr> {
        let is_there = cells.uuid(first)?.is_some();
        Ok(Maybe(if is_there { Some(M::from_cells(cells, first)?) } else { None }))
    }
}

impl<A: FromCells, B: FromCells> FromCells for (A, B) {
    const WIDTH: usize = A::WIDTH + B::WIDTH;

    fn from_cells<C: Cells>(cells: &C, first: usize) -> Result<(A, B), DbErr> {
        Ok((A::from_cells(cells, first)?, B::from_cells(cells, first + A::WIDTH)?))
    }
}

/// The text that is searched in a record. It is as long as what is shown of the record, and nobody is shown it.
pub const SEARCHED: &str = "search_key";

/// A row of a table.
pub trait TableRow: FromCells {
    /// How many columns it has without the text that is searched.
    const SHOWN: usize;
    /// The names of its columns, in their order.
    const COLUMNS: &'static [&'static str];

    /// Reads it from the columns that begin at a place, of which that text is none.
    ///
    /// # Errors
    /// A cell cannot be read.
    fn from_shown<C: Cells>(cells: &C, first: usize) -> Result<Self, DbErr>;

    /// Reads it from those of these columns that are shown, which begin at a place; in the others stands what a row of nothing
    /// has there.
    ///
    /// # Errors
    /// A cell cannot be read.
    fn from_some<C: Cells>(cells: &C, first: usize, columns: Columns) -> Result<Self, DbErr>;
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
pub(crate) const fn shown(columns: &[&str]) -> usize {
    let (mut count, mut i) = (0, 0);
    while i < columns.len() {
        if !is_searched(columns[i]) {
            count += 1;
        }
        i += 1;
    }
    count
}

pub(crate) const fn is_searched(column: &str) -> bool {
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
