//! The closed lists of the contract. Stored as a small number that is also the rank they are sorted by.

use std::fmt;

use poem_openapi::registry::MetaSchema;
use sea_orm::{DeriveActiveEnum, EnumIter};

use super::Json;
use super::wire::{FieldErrors, Wire, component, in_openapi, openapi_schema};

/// An enum with one spelling on every surface; read in either case.
macro_rules! wire_enum {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $item_doc:literal])* $item:ident = $rank:literal $wire:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
        #[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
        pub enum $name {
            $($(#[doc = $item_doc])* #[sea_orm(num_value = $rank)] #[graphql(name = $wire)] $item),+
        }

        impl $name {
            /// All of them, by rank.
            pub const ALL: &'static [$name] = &[$($name::$item),+];

            /// The number that it is stored as and sorted by.
            pub const fn rank(self) -> i16 {
                match self { $($name::$item => $rank),+ }
            }

            /// Its spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$item => $wire),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = FieldErrors;

            fn from_str(text: &str) -> Result<$name, FieldErrors> {
                <$name as Wire>::parse_text(text)
            }
        }

        impl Wire for $name {
            const GRAPHQL: &'static str = stringify!($name);

            fn describe(registry: &mut async_graphql::registry::Registry) {
                <$name as async_graphql::InputType>::create_type_info(registry);
            }

            fn openapi() -> MetaSchema {
                let values = [$(($wire, concat!($($item_doc),*))),+];
                let title = Some(component(stringify!($name), concat!($($doc),*), &values));
                MetaSchema { title, enum_items: vec![$($wire.into()),+], ..openapi_schema("string", "") }
            }

            fn parse(json: Json) -> Result<$name, FieldErrors> {
                let known = match &json {
                    Json::Text(text) => $name::ALL.iter().find(|item| item.as_str().eq_ignore_ascii_case(text.trim())),
                    _ => None,
                };
                known.copied().ok_or_else(|| {
                    let spellings: Vec<_> = $name::ALL.iter().map(|item| item.as_str()).collect();
                    format!("must be one of {}", spellings.join(", ")).into()
                })
            }
        }

        in_openapi!($name);

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

wire_enum!(
    /// Plan of a workspace, which decides on features and rate limits.
    Plan {
        /// No access to the API.
        Free = 10 "free",
        /// Access to REST, GraphQL and MCP.
        Studio = 20 "studio",
        /// Everything, including webhooks and events, with larger rate limits.
        Agency = 30 "agency",
    }
);

wire_enum!(
    /// Role of a member, which decides what they may see and do.
    Role {
        /// May do everything; a workspace always has at least one Owner.
        Owner = 10 "OWNER",
        /// May do everything that a token can do.
        Admin = 20 "ADMIN",
        /// Manages clients, projects, tasks, expenses and the time of everyone; reads invoices.
        Manager = 30 "MANAGER",
        /// Tracks own time on the projects that they are on, and never sees money.
        Member = 40 "MEMBER",
    }
);

wire_enum!(
    /// Scope of a token, within the role of its member.
    TokenScope {
        /// The token may read.
        Read = 10 "read",
        /// The token may change records.
        Write = 20 "write",
    }
);

wire_enum!(
    /// State of a project.
    ProjectStatus {
        /// The project accepts new time entries.
        Active = 10 "ACTIVE",
        /// The work is done; new time entries are refused (409 `project_not_active`).
        Completed = 20 "COMPLETED",
        /// The project is put away; new time entries are refused (409 `project_not_active`).
        Archived = 30 "ARCHIVED",
    }
);

wire_enum!(
    /// How time on a project is billed.
    RateType {
        /// Billed by the hour, at the hourly rate of the project.
        Hourly = 10 "HOURLY",
        /// Billed once, by a fixed fee.
        Fixed = 20 "FIXED",
        /// Time on the project is never billed.
        NonBillable = 30 "NON_BILLABLE",
    }
);

wire_enum!(
    /// State of a task.
    TaskStatus {
        /// Work has not begun.
        Todo = 10 "TODO",
        /// Work has begun.
        InProgress = 20 "IN_PROGRESS",
        /// Work is finished; `completedAt` says when.
        Done = 30 "DONE",
    }
);

wire_enum!(
    /// Priority of a task.
    TaskPriority {
        /// The task can wait.
        Low = 10 "LOW",
        /// The task has the usual priority.
        Medium = 20 "MEDIUM",
        /// The task comes first.
        High = 30 "HIGH",
    }
);

wire_enum!(
    /// Category of an expense.
    ExpenseCategory {
        /// Travel and accommodation.
        Travel = 10 "TRAVEL",
        /// Food and drink.
        Meals = 20 "MEALS",
        /// Software licences and subscriptions.
        Software = 30 "SOFTWARE",
        /// Devices and furniture that last.
        Equipment = 40 "EQUIPMENT",
        /// Work of other people.
        Contractors = 50 "CONTRACTORS",
        /// Anything else; may have a `customCategory`.
        Other = 60 "OTHER",
    }
);

wire_enum!(
    /// State of an invoice.
    InvoiceStatus {
        /// The invoice was created and not sent yet.
        Draft = 10 "DRAFT",
        /// The invoice was sent to the client.
        Sent = 20 "SENT",
        /// The invoice is paid in full.
        Paid = 30 "PAID",
        /// The invoice was withdrawn. It keeps its number, and its time and expenses can be billed again.
        Cancelled = 40 "CANCELLED",
    }
);

wire_enum!(
    /// How much of an invoice has been paid.
    PaymentStatus {
        /// Nothing has been paid.
        Unpaid = 10 "unpaid",
        /// A part has been paid.
        PartiallyPaid = 20 "partially_paid",
        /// The full total has been paid.
        Paid = 30 "paid",
        /// The payments were given back.
        Refunded = 40 "refunded",
    }
);

wire_enum!(
    /// What the time of a report is grouped by.
    ReportGroup {
        /// By client of the project.
        Client = 10 "CLIENT",
        /// By project of the entry.
        Project = 20 "PROJECT",
        /// By task of the entry.
        Task = 30 "TASK",
        /// By member whose time it is.
        Member = 40 "MEMBER",
        /// By day that the entry counts for.
        Day = 50 "DAY",
        /// By week, from Monday to Sunday.
        Week = 60 "WEEK",
        /// By calendar month.
        Month = 70 "MONTH",
    }
);

wire_enum!(
    /// What the expenses of a report are grouped by.
    ExpenseReportGroup {
        /// By client of the expense.
        Client = 10 "CLIENT",
        /// By project of the expense; null for expenses of no project.
        Project = 20 "PROJECT",
        /// By category of the expense.
        Category = 30 "CATEGORY",
        /// By calendar month of `expenseDate`.
        Month = 40 "MONTH",
    }
);

wire_enum!(
    /// What the invoices of a report are grouped by.
    InvoiceReportGroup {
        /// By client of the invoice.
        Client = 10 "CLIENT",
        /// By state of the invoice.
        Status = 20 "STATUS",
        /// By payment state of the invoice.
        PaymentStatus = 30 "PAYMENT_STATUS",
        /// By calendar month of `issueDate`.
        Month = 40 "MONTH",
    }
);

wire_enum!(
    /// Whether a time report shows what the time earns.
    AmountShown {
        /// Amounts are shown; only for those who see money.
        Earned = 10 "EARNED",
        /// Amounts are left out.
        HideAmount = 20 "HIDE_AMOUNT",
    }
);

wire_enum!(
    /// Whether the deliveries of a webhook endpoint succeed.
    EndpointStatus {
        /// The last finished delivery succeeded, or there was none yet.
        Active = 10 "active",
        /// A delivery failed after its last retry. Events are still sent, and the next success makes the endpoint
        /// active.
        Failing = 20 "failing",
    }
);

wire_enum!(
    /// State of a delivery.
    DeliveryStatus {
        /// An attempt is due, now or later.
        Pending = 10 "pending",
        /// The receiver answered with a 2xx status.
        Succeeded = 20 "succeeded",
        /// All attempts failed.
        Failed = 30 "failed",
        /// Nothing was sent; `reason` says why.
        Skipped = 40 "skipped",
    }
);
