//! The closed lists of the contract. Stored as a small number that is also the rank they are sorted by.

use std::fmt;

use poem_openapi::registry::MetaSchema;
use sea_orm::{DeriveActiveEnum, EnumIter};

use super::Json;
use super::wire::{FieldErrors, Wire, in_openapi, openapi_schema};

/// An enum with one spelling on every surface; read in either case.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $rank:literal $wire:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum, async_graphql::Enum)]
        #[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
        pub enum $name {
            $($(#[$item_doc])* #[sea_orm(num_value = $rank)] #[graphql(name = $wire)] $item),+
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
                let title = Some(stringify!($name).to_owned());
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
    /// What a workspace has bought.
    Plan {
        /// No access over the API.
        Free = 10 "free",
        /// REST, GraphQL and MCP.
        Studio = 20 "studio",
        /// Everything, webhooks included, with larger budgets.
        Agency = 30 "agency",
    }
);

wire_enum!(
    /// What a member may do in a workspace.
    Role {
        /// May do everything; a workspace has at least one.
        Owner = 10 "OWNER",
        /// May do everything that a token can.
        Admin = 20 "ADMIN",
        /// Runs clients, projects and everyone's time.
        Manager = 30 "MANAGER",
        /// Tracks own time on the projects that they are on; never sees money.
        Member = 40 "MEMBER",
    }
);

wire_enum!(
    /// What a token may do, within its member's role.
    TokenScope {
        /// Read only.
        Read = 10 "read",
        /// Read and write.
        Write = 20 "write",
    }
);

wire_enum!(
    /// The state of a project.
    ProjectStatus {
        /// Takes new time.
        Active = 10 "ACTIVE",
        /// Done; takes no new time.
        Completed = 20 "COMPLETED",
        /// Put away; takes no new time.
        Archived = 30 "ARCHIVED",
    }
);

wire_enum!(
    /// How a project is billed.
    RateType {
        /// By the hour, at the project's rate.
        Hourly = 10 "HOURLY",
        /// One fee, once.
        Fixed = 20 "FIXED",
        /// Not at all.
        NonBillable = 30 "NON_BILLABLE",
    }
);

wire_enum!(
    /// The state of a task.
    TaskStatus {
        /// Not begun.
        Todo = 10 "TODO",
        /// Begun.
        InProgress = 20 "IN_PROGRESS",
        /// Finished; `completedAt` tells when.
        Done = 30 "DONE",
    }
);

wire_enum!(
    /// How urgent a task is.
    TaskPriority {
        /// Can wait.
        Low = 10 "LOW",
        /// As usual.
        Medium = 20 "MEDIUM",
        /// First.
        High = 30 "HIGH",
    }
);

wire_enum!(
    /// What an expense was for.
    ExpenseCategory {
        /// Journeys.
        Travel = 10 "TRAVEL",
        /// Food and drink.
        Meals = 20 "MEALS",
        /// Licences and subscriptions.
        Software = 30 "SOFTWARE",
        /// Things that last.
        Equipment = 40 "EQUIPMENT",
        /// Other people's work.
        Contractors = 50 "CONTRACTORS",
        /// Anything else; may carry a category of one's own.
        Other = 60 "OTHER",
    }
);

wire_enum!(
    /// The state of an invoice.
    InvoiceStatus {
        /// Not sent yet.
        Draft = 10 "DRAFT",
        /// With the client.
        Sent = 20 "SENT",
        /// Paid in full.
        Paid = 30 "PAID",
        /// Withdrawn; keeps its number, released its time and expenses.
        Cancelled = 40 "CANCELLED",
    }
);

wire_enum!(
    /// How much of an invoice is paid.
    PaymentStatus {
        /// Nothing.
        Unpaid = 10 "unpaid",
        /// A part.
        PartiallyPaid = 20 "partially_paid",
        /// All.
        Paid = 30 "paid",
        /// Paid back.
        Refunded = 40 "refunded",
    }
);

wire_enum!(
    /// What the time of a report is summed by.
    ReportGroup {
        /// Whom it was for.
        Client = 10 "CLIENT",
        /// What it was spent on.
        Project = 20 "PROJECT",
        /// The task of that project.
        Task = 30 "TASK",
        /// Whose time it is.
        Member = 40 "MEMBER",
        /// The day that it counts for.
        Day = 50 "DAY",
        /// Its week, Monday to Sunday.
        Week = 60 "WEEK",
        /// Its month.
        Month = 70 "MONTH",
    }
);

wire_enum!(
    /// What the expenses of a report are summed by.
    ExpenseReportGroup {
        /// The client that the expenses were made for.
        Client = 10 "CLIENT",
        /// The project of the expenses; null for those on no project.
        Project = 20 "PROJECT",
        /// The category of the expenses.
        Category = 30 "CATEGORY",
        /// The month of `expenseDate`, `YYYY-MM`.
        Month = 40 "MONTH",
    }
);

wire_enum!(
    /// What the invoices of a report are summed by.
    InvoiceReportGroup {
        /// The client that is billed.
        Client = 10 "CLIENT",
        /// The status of the invoices.
        Status = 20 "STATUS",
        /// The payment status of the invoices.
        PaymentStatus = 30 "PAYMENT_STATUS",
        /// The month of `issueDate`, `YYYY-MM`.
        Month = 40 "MONTH",
    }
);

wire_enum!(
    /// Whether a time report shows what the time has earned.
    AmountShown {
        /// Amounts are shown; for roles that see money.
        Earned = 10 "EARNED",
        /// Amounts are not shown.
        HideAmount = 20 "HIDE_AMOUNT",
    }
);

wire_enum!(
    /// How a webhook endpoint fares.
    EndpointStatus {
        /// Its last delivery that came to an end succeeded, or there was none.
        Active = 10 "active",
        /// A delivery failed for good; it keeps receiving, and the next success makes it active.
        Failing = 20 "failing",
    }
);

wire_enum!(
    /// What became of a delivery.
    DeliveryStatus {
        /// To be sent, now or later.
        Pending = 10 "pending",
        /// Taken by the receiver.
        Succeeded = 20 "succeeded",
        /// Given up.
        Failed = 30 "failed",
        /// Not sent; `reason` tells why.
        Skipped = 40 "skipped",
    }
);
