//! The workspace: read by its members, made by the operator, changed on the settings pages and by the operator.

use entity::organization;
use entity::value::{Currency, FieldErrors, Id, Json, Name, OrganizationId, Plan, Text, Timestamp};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::policy;
use crate::access::scope::{workspace, workspaces};
use crate::contract::error::Error;
use crate::contract::input::{Field, Input, NonNull, Validate};
use crate::contract::outcome::{Precondition, Record, Written};
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::door::operator::Operator;
use crate::door::write::Write;

/// A workspace: one business with its members and all of its records. Everyone reads it; Members do not see its legal
/// and tax fields. It is changed on the settings pages.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct Organization {
    /// Identifier of the workspace (UUID v7).
    pub id: OrganizationId,
    /// Name of the workspace.
    pub name: String,
    /// Plan of the workspace, which decides on features and rate limits.
    pub plan: Plan,
    /// Currency of clients that are created without one (ISO 4217 code).
    pub default_currency: Currency,
    /// Text that every invoice number begins with.
    pub invoice_prefix: String,
    /// Legal name of the business, printed on invoices; null if none was given.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub legal_name: Visible<String>,
    /// Tax or VAT identification number of the business, printed on invoices; null if none was given.
    #[serde(default, skip_serializing_if = "Visible::is_hidden")]
    pub tax_id: Visible<String>,
    /// Email address of the business, printed on invoices; null if none was given.
    #[oai(nullable)]
    pub business_email: Option<String>,
    /// Website URL of the business, printed on invoices; null if none was given.
    #[oai(nullable)]
    pub business_website: Option<String>,
    /// Time at which the workspace was created (UTC).
    pub created_at: Timestamp,
}

crate::contract::record::written!(Organization);

impl Organization {
    fn shown(row: organization::Model, legal: bool) -> Organization {
        let organization::Model {
            id,
            name,
            plan,
            default_currency,
            invoice_prefix,
            next_invoice_number: _,
            legal_name,
            tax_id,
            business_email,
            business_website,
            version: _,
            created_at,
            updated_at: _,
        } = row;
        Organization {
            id,
            name,
            plan,
            default_currency,
            invoice_prefix,
            legal_name: Visible::only_if(legal, legal_name),
            tax_id: Visible::only_if(legal, tax_id),
            business_email,
            business_website,
            created_at,
        }
    }
}

/// The caller's workspace.
///
/// # Errors
/// `Forbidden` (role or scope), `NotFound` (or not visible to the caller), or `Internal` (database).
#[crate::boxed]
pub async fn get(cx: &Cx) -> Result<Organization, Error> {
    let row = cx.read(Action::GetOrganization)?.organization().await?;
    Ok(Organization::shown(row, policy::sees_legal_details(cx.caller().role())))
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: OrganizationId) -> Result<organization::Model, Error> {
    workspace(id).one(db).await?.ok_or(Error::NotFound("workspace"))
}

/// Everything that counts members or Owners, makes invoices, or changes the workspace itself takes its turn on its row. Rows
/// of the workspace can be made meanwhile: their foreign keys only ask that it stays.
pub(crate) async fn lock(write: &Write) -> Result<organization::Model, Error> {
    use sea_orm::QuerySelect;
    use sea_orm::sea_query::LockType;
    let query = workspace(write.organization_id()).lock(LockType::NoKeyUpdate);
    query.one(write.connection()).await?.ok_or(Error::NotFound("workspace"))
}

/// What a new workspace needs.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Its name.
    pub name: Name,
    /// What it has bought.
    pub plan: Plan,
    /// The currency of clients that name none.
    pub currency: Currency,
    /// Its first member, with role Owner.
    pub owner: crate::nouns::member::NewMember,
}

/// A new workspace with its Owner.
///
/// # Errors
/// `NotFound` (workspace or record), `Invalid` (input), `Conflict` (state or cap), or `Internal` (database).
pub async fn create(operator: &Operator, input: NewOrganization) -> Result<Organization, Error> {
    let id = operator.new_id();
    operator
        .write(id, async |write| {
            let row = organization::Model {
                id,
                name: input.name.into(),
                plan: input.plan,
                default_currency: input.currency,
                invoice_prefix: "INV-".into(),
                next_invoice_number: 1,
                version: 1,
                created_at: write.now,
                updated_at: write.now,
                ..organization::Model::blank()
            };
            let shown = Organization::shown(row.clone(), true);
            let row = row.into_active_model().reset_all();
            organization::Entity::insert(row).exec_without_returning(write.connection()).await?;
            crate::nouns::member::join(write, input.owner).await?;
            Ok(shown)
        })
        .await
}

/// Puts a workspace on another plan, from the next request on.
///
/// # Errors
/// `NotFound`, `Invalid` (input), `Conflict` (state), or `Internal` (database).
pub async fn set_plan(operator: &Operator, id: OrganizationId, plan: Plan) -> Result<Organization, Error> {
    operator
        .write(id, async |write| {
            let mut row = lock(write).await?;
            row.plan = plan;
            row.version += 1;
            row.updated_at = write.now.max(row.updated_at.plus_millis(1));
            row.clone().into_active_model().reset_all().update(write.connection()).await?;
            Ok(Organization::shown(row, true))
        })
        .await
}

/// What the operator changes of a workspace; `None` leaves a field, an empty text clears one that may be empty.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChanges {
    /// Its name.
    pub name: Option<Name>,
    /// The name on invoices.
    pub legal_name: Option<String>,
    /// The tax or VAT identification number on invoices.
    pub tax_id: Option<String>,
    /// What invoice numbers begin with.
    pub invoice_prefix: Option<Text<50>>,
    /// The e-mail address on invoices.
    pub business_email: Option<String>,
    /// The website on invoices.
    pub business_website: Option<String>,
    /// The currency of clients that name none.
    pub currency: Option<Currency>,
}

/// Changes fields of a workspace; amounts and invoices that exist stay as they are.
///
/// # Errors
/// `NotFound`, and `Invalid` for a text over 1,000 characters.
pub async fn set(operator: &Operator, id: OrganizationId, changes: OrganizationChanges) -> Result<Organization, Error> {
    let text = |text: Option<String>| text.map_or(Field::Absent, |text| Field::from_json(Json::Text(text)));
    let changes = UpdateOrganizationInput {
        name: changes.name.map_or(NonNull::Absent, NonNull::Value),
        default_currency: changes.currency.map_or(NonNull::Absent, NonNull::Value),
        invoice_prefix: changes.invoice_prefix.map_or(NonNull::Absent, NonNull::Value),
        legal_name: text(changes.legal_name),
        tax_id: text(changes.tax_id),
        business_email: text(changes.business_email),
        business_website: text(changes.business_website),
        not_taken: FieldErrors::none(),
    };
    let problems = changes.problems();
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    operator
        .write(id, async |write| {
            let row = lock(write).await?;
            Ok(Organization::shown(change(write, row, changes).await?, true))
        })
        .await
}

crate::input! {
    /// Fields of a workspace to change: an absent key leaves the field, null or an empty text clears it.
    pub struct UpdateOrganizationInput {
        /// Name of the workspace.
        pub name: NonNull<Name>,
        /// Currency of clients that are created without one (ISO 4217 code). Existing clients keep theirs.
        pub default_currency: NonNull<Currency>,
        /// Text that every invoice number begins with. Existing invoices keep their numbers.
        pub invoice_prefix: NonNull<Text<50>>,
        /// Legal name of the business, printed on invoices.
        pub legal_name: Field<Text<1000>>,
        /// Tax or VAT identification number of the business, printed on invoices.
        pub tax_id: Field<Text<1000>>,
        /// E-mail address of the business, printed on invoices.
        pub business_email: Field<Text<1000>>,
        /// Website URL of the business, printed on invoices.
        pub business_website: Field<Text<1000>>,
    }
}

impl Validate for UpdateOrganizationInput {
    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

/// A workspace as the settings pages change it: with its version, so that of two people who change it at once, the second one
/// is shown what the first has done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionedOrganization {
    /// The workspace.
    #[serde(flatten)]
    pub organization: Organization,
    /// Version of the workspace; grows with every change of its fields.
    pub version: i32,
}

impl VersionedOrganization {
    fn shown(row: organization::Model, legal: bool) -> VersionedOrganization {
        VersionedOrganization { version: row.version, organization: Organization::shown(row, legal) }
    }
}

impl Record for VersionedOrganization {
    fn id(&self) -> Id {
        self.organization.id.any()
    }

    fn version(&self) -> Option<i32> {
        Some(self.version)
    }
}

/// The caller's workspace with its version.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn versioned(cx: &Cx) -> Result<VersionedOrganization, Error> {
    let row = cx.read(Action::GetOrganization)?.organization().await?;
    Ok(VersionedOrganization::shown(row, policy::sees_legal_details(cx.caller().role())))
}

/// Changes fields of the caller's workspace; amounts and invoices that exist stay as they are.
///
/// # Errors
/// `Forbidden` (role, or a token asks), `Invalid` (input), `Stale`, `Conflict` (key), or `Internal` (database).
#[crate::boxed]
pub async fn update(
    cx: &Cx,
    expected: &Precondition,
    changes: UpdateOrganizationInput,
) -> Result<Written<VersionedOrganization>, Error> {
    cx.write(Action::UpdateOrganization, changes, async |write, changes| {
        let row = lock(write).await?;
        expected.check(row.version)?;
        Ok(VersionedOrganization::shown(change(write, row, changes).await?, true))
    })
    .await
}

/// Changes and stores a locked row.
async fn change(
    write: &Write,
    mut row: organization::Model,
    changes: UpdateOrganizationInput,
) -> Result<organization::Model, Error> {
    changes.name.change(&mut row.name);
    changes.default_currency.change(&mut row.default_currency);
    changes.invoice_prefix.change(&mut row.invoice_prefix);
    changes.legal_name.change(&mut row.legal_name);
    changes.tax_id.change(&mut row.tax_id);
    changes.business_email.change(&mut row.business_email);
    changes.business_website.change(&mut row.business_website);
    row.version += 1;
    row.updated_at = write.now.max(row.updated_at.plus_millis(1));
    row.clone().into_active_model().reset_all().update(write.connection()).await?;
    Ok(row)
}

/// Every workspace, the oldest first.
///
/// # Errors
/// `NotFound` (workspace or record), or `Internal` (database).
pub async fn list(operator: &Operator) -> Result<Vec<Organization>, Error> {
    use sea_orm::QueryOrder;
    let query = workspaces().order_by_asc(organization::Column::CreatedAt);
    let rows = query.order_by_asc(organization::Column::Id).all(operator.reader()).await?;
    Ok(rows.into_iter().map(|row| Organization::shown(row, true)).collect())
}
