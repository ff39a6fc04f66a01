//! What callers send of projects, and the rules between its fields.

use entity::project;
use entity::value::{
    ClientId, Color, Date, Decimal, ExternalId, FieldErrors, Money, Name, Note, ProjectStatus, Rate, RateType, fold,
};

use crate::contract::input::{
    Defaulted, Field, Input, NewExternalId, NonNull, Reference, Required, Validate, external_id, references,
};

/// The two inputs of a project differ in what they need.
macro_rules! project_input {
    ($(#[doc = $doc:literal])* $name:ident, needs: $needed:ident, has: $defaulted:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the project in another system: at most 255 characters, unique among live projects.
                /// Null or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// Identifier of the client that the project is for.
                pub client_id: $needed<ClientId>,
                /// Name of the project: 1 to 200 characters, not only white space.
                pub name: $needed<Name>,
                /// Description of the project: at most 10,000 characters. Null or an empty text clears it.
                pub description: Field<Note>,
                /// Colour of the project in lists, as `#rrggbb`. Null or an empty text clears it.
                pub color: Field<Color>,
                /// State of the project; `ACTIVE` by default. Only an `ACTIVE` project accepts new time entries.
                pub status: $defaulted<ProjectStatus>,
                /// How time on the project is billed; `HOURLY` by default. `FIXED` needs `fixedFeeAmount`.
                pub rate_type: $defaulted<RateType>,
                /// Price of one hour, in the client's currency, from 0. Absent, null or empty when a project is created, the
                /// client's default rate is copied; null or an empty text on a change clears it.
                pub hourly_rate: Field<Rate>,
                /// Fee for the whole project, in the client's currency; required with `FIXED`, refused with any other
                /// rate type.
                pub fixed_fee_amount: Field<Money>,
                /// Planned hours, with at most 4 decimals; not together with `budgetAmount`. Null clears it.
                pub budget_hours: Field<Decimal>,
                /// Planned cost, in the client's currency; not together with `budgetHours`. Null clears it.
                pub budget_amount: Field<Money>,
                /// Day on which the project begins. Null clears it.
                pub start_date: Field<Date>,
                /// Day on which the project is due, not before `startDate`. Null clears it.
                pub due_date: Field<Date>,
            }
            read_only "id" "orgId" "version" "createdAt" "updatedAt" "deletedAt"
            into project
        }

        impl $name {
            /// Puts what was sent into a row.
            pub(super) fn apply(self, row: &mut project::Model) {
                self.change(row);
                row.name_key = fold(&row.name);
                let description = row.description.as_deref().unwrap_or_default();
                row.search_key = fold(&format!("{}\u{1f}{description}", row.name));
            }
        }
    };
}

project_input!(
    /// The fields of a new project. `clientId` and `name` are required.
    CreateProjectInput, needs: Required, has: Defaulted
);
project_input!(
    /// The fields of a project to change. An absent field keeps its value, null clears a nullable one.
    UpdateProjectInput, needs: NonNull, has: NonNull
);

/// The rules between the fields of a project, asked of a new one before it is made and of a changed one as it would be.
pub(super) struct Rules {
    /// None if it was sent, but is none: nothing is said of what goes with it then.
    rate_type: Option<RateType>,
    has_fee: bool,
    has_budget_hours: bool,
    has_budget_amount: bool,
    start_date: Option<Date>,
    due_date: Option<Date>,
}

const ONE_BUDGET: &str = "give at most one of budgetHours and budgetAmount; null clears the other";

fn check_dates(start: Option<&Date>, due: Option<&Date>, problems: &mut FieldErrors) {
    if let (Some(start), Some(due)) = (start, due)
        && due < start
    {
        problems.add("dueDate", format!("must not be before startDate {start}"));
    }
}

fn check_fee(rate_type: RateType, has_fee: bool, problems: &mut FieldErrors) {
    match (rate_type, has_fee) {
        (RateType::Fixed, false) => problems.add("fixedFeeAmount", "required with rateType FIXED"),
        (RateType::Hourly | RateType::NonBillable, true) => {
            problems.add("fixedFeeAmount", "only with rateType FIXED; send null to clear it");
        }
        _ => {}
    }
}

impl Rules {
    pub(super) fn add_problems(&self, problems: &mut FieldErrors) {
        if let Some(rate_type) = self.rate_type {
            check_fee(rate_type, self.has_fee, problems);
        }
        if self.has_budget_hours && self.has_budget_amount {
            problems.add("budgetAmount", ONE_BUDGET);
        }
        check_dates(self.start_date.as_ref(), self.due_date.as_ref(), problems);
    }

    pub(super) fn of_row(row: &project::Model) -> Rules {
        Rules {
            rate_type: Some(row.rate_type),
            has_fee: row.fixed_fee_amount.is_some(),
            has_budget_hours: row.budget_hours.is_some(),
            has_budget_amount: row.budget_amount.is_some(),
            start_date: row.start_date,
            due_date: row.due_date,
        }
    }
}

impl Validate for CreateProjectInput {
    fn external_ids(&self) -> Vec<NewExternalId> {
        external_id("project", &self.external_id)
    }

    fn references(&self) -> Vec<(String, Reference)> {
        references(&[("clientId", self.client_id.get().copied().map(Reference::Client))])
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        let rules = Rules {
            rate_type: match &self.rate_type {
                Field::Bad(_) => None,
                sent => Some(sent.get().copied().unwrap_or(RateType::Hourly)),
            },
            has_fee: self.fixed_fee_amount.get().is_some(),
            has_budget_hours: self.budget_hours.get().is_some(),
            has_budget_amount: self.budget_amount.get().is_some(),
            start_date: self.start_date.get().copied(),
            due_date: self.due_date.get().copied(),
        };
        rules.add_problems(&mut problems);
        problems
    }
}

/// The rules between fields need the row and are asked when it is locked.
impl Validate for UpdateProjectInput {
    fn references(&self) -> Vec<(String, Reference)> {
        references(&[("clientId", self.client_id.get().copied().map(Reference::Client))])
    }

    /// What was sent together must fit together, whatever the row.
    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if self.budget_hours.get().is_some() && self.budget_amount.get().is_some() {
            problems.add("budgetAmount", ONE_BUDGET);
        }
        match (self.rate_type.get(), &self.fixed_fee_amount) {
            (Some(rate_type), Field::Value(_)) => check_fee(*rate_type, true, &mut problems),
            (Some(rate_type), Field::Null) => check_fee(*rate_type, false, &mut problems),
            _ => {}
        }
        check_dates(self.start_date.get(), self.due_date.get(), &mut problems);
        problems
    }
}
