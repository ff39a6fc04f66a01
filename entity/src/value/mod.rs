//! The value types of columns and of the contract: each is parsed, stored and rendered by one set of rules on every
//! surface.

mod date;
mod decimal;
mod duration;
mod enums;
mod errors;
mod event_type;
mod id;
mod json;
mod rate;
mod text;
mod timestamp;
mod wire;
mod zone;

pub use date::{Date, DateOrDateTime};
pub use decimal::{Decimal, Money, Percent};
pub use duration::Duration;
pub use enums::{
    AmountShown, DeliveryStatus, EndpointStatus, ExpenseCategory, ExpenseReportGroup, InvoiceReportGroup,
    InvoiceStatus, PaymentStatus, Plan, ProjectStatus, RateType, ReportGroup, Role, TaskPriority, TaskStatus,
    TokenScope,
};
pub use event_type::EventType;
pub use id::*;
pub use json::{Json, JsonError};
pub use rate::Rate;
pub use text::{Color, Currency, ExternalId, Name, Note, ShortText, Tags, Text, email_key, fold};
pub use timestamp::{Instant, Timestamp};
pub use wire::{FieldErrors, Wire, openapi_schema};
pub use zone::{TimeZone, ZoneOffset};
