//! A table, in one list of its columns: the row, how it is read by the places of its columns, and a row of nothing, for a
//! new one to begin with.

use chrono::NaiveDate;

use crate::value::{
    Currency, Date, Decimal, DeliveryStatus, EndpointStatus, ExpenseCategory, Id, InvoiceStatus, Money, PaymentStatus,
    Percent, Plan, ProjectStatus, RateType, Role, TaskPriority, TaskStatus, Timestamp, TokenScope,
};

/// Writes the module of a table, from its name, the columns of its primary key, which come first, and the others in their order.
#[macro_export]
macro_rules! table {
    ($table:literal key { $($key:ident: $key_type:ty),+ } $($(#[$about:meta])* $column:ident: $type:ty,)*) => {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = $table)]
        pub struct Model {
            $(#[sea_orm(primary_key, auto_increment = false)]
            pub $key: $key_type,)+
            $($(#[$about])* pub $column: $type,)*
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}

        impl Model {
            /// A row of nothing: a new one names what it has, and the rest is empty, null or zero.
            pub fn blank() -> Model {
                Model {
                    $($key: $crate::table::Blank::blank(),)+
                    $($column: $crate::table::Blank::blank(),)*
                }
            }
        }

        impl $crate::cells::FromCells for Model {
            const WIDTH: usize = [$(stringify!($key),)+ $(stringify!($column)),*].len();

            fn from_cells<C: $crate::cells::Cells>(cells: &C, first: usize) -> Result<Self, DbErr> {
                use $crate::cells::Cell;
                let mut places = first..first + Self::WIDTH;
                Ok(Model {
                    $($key: Cell::read(cells, places.next().unwrap_or(usize::MAX))?,)+
                    $($column: Cell::read(cells, places.next().unwrap_or(usize::MAX))?,)*
                })
            }
        }

        impl $crate::cells::TableRow for Model {
            const SHOWN: usize = $crate::cells::shown(Self::COLUMNS);
            const COLUMNS: &'static [&'static str] = &[$(stringify!($key),)+ $(stringify!($column)),*];

            fn from_shown<C: $crate::cells::Cells>(cells: &C, first: usize) -> Result<Self, DbErr> {
                use $crate::cells::Cell;
                let mut places = first..first + Self::SHOWN;
                Ok(Model {
                    $($key: Cell::read(cells, places.next().unwrap_or(usize::MAX))?,)+
                    $($column: match const { $crate::cells::is_searched(stringify!($column)) } {
                        true => Cell::empty()?,
                        false => Cell::read(cells, places.next().unwrap_or(usize::MAX))?,
                    },)*
                })
            }

            fn from_some<C: $crate::cells::Cells>(
                cells: &C,
                first: usize,
                columns: $crate::cells::Columns,
            ) -> Result<Self, DbErr> {
                use $crate::cells::Cell;
                use $crate::table::Blank;
                let mut places = $crate::cells::Places::new(columns, first);
                Ok(Model {
                    $($key: match places.place(true) {
                        Some(place) => Cell::read(cells, place)?,
                        None => Blank::blank(),
                    },)+
                    $($column: match places.place(const { !$crate::cells::is_searched(stringify!($column)) }) {
                        Some(place) => Cell::read(cells, place)?,
                        None => Blank::blank(),
                    },)*
                })
            }
        }
    };
}

/// What stands in a column of a row of nothing.
pub trait Blank {
    /// The empty text, null, false, zero, or the first of the values.
    fn blank() -> Self;
}

impl<T> Blank for Option<T> {
    fn blank() -> Option<T> {
        None
    }
}

impl<T> Blank for Id<T> {
    fn blank() -> Id<T> {
        Id::NONE
    }
}

macro_rules! blank {
    ($($type:ty: $value:expr;)*) => {
        $(impl Blank for $type {
            fn blank() -> $type {
                $value
            }
        })*
    };
}

macro_rules! first_of {
    ($($type:ident)*) => {
        $(impl Blank for $type {
            fn blank() -> $type {
                const { $type::ALL[0] }
            }
        })*
    };
}

blank! {
    String: String::new();
    bool: false;
    i32: 0;
    i64: 0;
    Vec<u8>: Vec::new();
    Timestamp: Timestamp::from_millis(0);
    Date: Date(NaiveDate::default());
    Money: Money::ZERO;
    Decimal: Decimal::ZERO;
    Percent: Percent::ZERO;
    Currency: Currency::none();
}

first_of! {
    DeliveryStatus EndpointStatus ExpenseCategory InvoiceStatus PaymentStatus Plan ProjectStatus RateType Role TaskPriority
    TaskStatus TokenScope
}
