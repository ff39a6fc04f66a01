//! The inputs of expenses, and the rules between their fields.

use entity::expense;
use entity::value::{ClientId, Date, ExpenseCategory, ExternalId, FieldErrors, Money, ProjectId, Text, fold};

use crate::contract::input::{
    Defaulted, Field, Input, NewExternalId, NonNull, Reference, Required, Validate, external_id, references,
};

/// The two inputs of an expense differ in what they need.
macro_rules! expense_input {
    ($(#[doc = $doc:literal])* $name:ident, needs: $needed:ident, has: $defaulted:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the expense in another system: at most 255 characters, unique among live expenses.
                /// Null or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// Identifier of the client that the money was spent for.
                pub client_id: $needed<ClientId>,
                /// Identifier of a project of that client. Null means no project.
                pub project_id: Field<ProjectId>,
                /// Category of the expense; `OTHER` by default.
                pub category: $defaulted<ExpenseCategory>,
                /// A category in your own words, accepted with `OTHER` only: at most 1,000 characters. Null or an empty text
                /// clears it.
                pub custom_category: Field<Text<1000>>,
                /// What the money was spent on, printed on the invoice: 1 to 500 characters.
                pub description: $needed<Text<500>>,
                /// Amount of the expense in the client's currency; greater than 0, with at most 4 decimals.
                pub amount: $needed<Money>,
                /// Whether the expense is billed to the client; `true` by default.
                pub billable: $defaulted<bool>,
                /// Day on which the money was spent.
                pub expense_date: $needed<Date>,
            }
            read_only "id" "orgId" "invoiceId" "currency" "version" "createdAt" "updatedAt" "deletedAt"
            into expense
        }

        impl $name {
            /// Applies what was sent to a row.
            pub(super) fn apply(self, row: &mut expense::Model) {
                self.change(row);
                let custom = row.custom_category.as_deref().unwrap_or_default();
                row.search_key = fold(&format!("{}\u{1f}{custom}", row.description));
            }

            fn named(&self) -> Vec<(String, Reference)> {
                references(&[
                    ("clientId", self.client_id.get().copied().map(Reference::Client)),
                    ("projectId", self.project_id.get().copied().map(Reference::Project)),
                ])
            }

            /// Errors of single fields, and an amount of 0.
            fn own_problems(&self) -> FieldErrors {
                let mut problems = self.field_problems();
                if self.amount.get() == Some(&Money::ZERO) {
                    problems.add("amount", "must be more than 0");
                }
                problems
            }
        }
    };
}

expense_input!(
    /// The fields of a new expense. The currency is that of the client.
    CreateExpenseInput, needs: Required, has: Defaulted
);
expense_input!(
    /// The fields of an expense to change. An absent field keeps its value, null clears a nullable one.
    UpdateExpenseInput, needs: NonNull, has: NonNull
);

/// A custom category is allowed with OTHER only.
pub(super) fn check_category(category: ExpenseCategory, custom: bool, problems: &mut FieldErrors) {
    if custom && category != ExpenseCategory::Other {
        problems.add("customCategory", "only with category OTHER; send null to clear it");
    }
}

impl Validate for CreateExpenseInput {
    fn external_ids(&self) -> Vec<NewExternalId> {
        external_id("expense", &self.external_id)
    }

    fn references(&self) -> Vec<(String, Reference)> {
        self.named()
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.own_problems();
        if !problems.names("category") {
            let category = self.category.get().copied().unwrap_or(ExpenseCategory::Other);
            check_category(category, self.custom_category.get().is_some(), &mut problems);
        }
        problems
    }
}

/// The rules between fields depend on the row and are checked once it is locked.
impl Validate for UpdateExpenseInput {
    fn references(&self) -> Vec<(String, Reference)> {
        self.named()
    }

    /// Checks what was sent together; what also depends on the row is checked once it is locked.
    fn problems(&self) -> FieldErrors {
        let mut problems = self.own_problems();
        if let Some(category) = self.category.get() {
            check_category(*category, self.custom_category.get().is_some(), &mut problems);
        }
        problems
    }
}
