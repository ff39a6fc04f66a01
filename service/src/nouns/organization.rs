//! The workspace: read by its members, made and changed by the operator.

use entity::organization;
use entity::value::{Currency, Id, Name, Plan, Text, Timestamp, Wire};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::visible::Visible;
use crate::door::Cx;
use crate::door::operator::Operator;
use crate::door::write::Write;

/// A workspace: one business with its members and all of its records. Everyone reads it; Members do not see its legal
/// and tax fields. The operator changes it.
#[derive(Clone, Debug, Serialize, Deserialize, poem_openapi::Object, async_graphql::SimpleObject)]
#[serde(rename_all = "camelCase")]
#[oai(rename_all = "camelCase")]
pub struct Organization {
    /// Identifier of the workspace (UUID v7).
    pub id: Id,
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
pub async fn get(cx: &Cx) -> Result<Organization, Error> {
    let row = cx.read(Action::GetOrganization)?.organization().await?;
    Ok(Organization::shown(row, policy::sees_money(cx.caller().role())))
}

#[expect(clippy::disallowed_methods, reason = "the workspace is the scope itself, found by its id")]
pub(crate) async fn find(db: &impl ConnectionTrait, id: Id) -> Result<organization::Model, Error> {
    organization::Entity::find_by_id(id).one(db).await?.ok_or(Error::NotFound("workspace"))
}

/// Everything that counts members or Owners, makes invoices, or changes the workspace itself takes its turn on its row. Rows
/// of the workspace can be made meanwhile: their foreign keys only ask that it stays.
#[expect(clippy::disallowed_methods, reason = "the workspace is the scope itself, found by its id")]
pub(crate) async fn lock(write: &Write) -> Result<organization::Model, Error> {
    use sea_orm::QuerySelect;
    use sea_orm::sea_query::LockType;
    let query = organization::Entity::find_by_id(write.organization_id()).lock(LockType::NoKeyUpdate);
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
                legal_name: None,
                tax_id: None,
                business_email: None,
                business_website: None,
                version: 1,
                created_at: write.now,
                updated_at: write.now,
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
pub async fn set_plan(operator: &Operator, id: Id, plan: Plan) -> Result<Organization, Error> {
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
pub async fn set(operator: &Operator, id: Id, changes: OrganizationChanges) -> Result<Organization, Error> {
    let OrganizationChanges { name, legal_name, tax_id, invoice_prefix, business_email, business_website, currency } =
        changes;
    operator
        .write(id, async |write| {
            let mut row = lock(write).await?;
            if let Some(name) = name {
                row.name = name.into();
            }
            if let Some(prefix) = invoice_prefix {
                row.invoice_prefix = prefix.into();
            }
            row.default_currency = currency.unwrap_or(row.default_currency);
            change(&mut row.legal_name, "legalName", legal_name)?;
            change(&mut row.tax_id, "taxId", tax_id)?;
            change(&mut row.business_email, "businessEmail", business_email)?;
            change(&mut row.business_website, "businessWebsite", business_website)?;
            row.version += 1;
            row.updated_at = write.now.max(row.updated_at.plus_millis(1));
            row.clone().into_active_model().reset_all().update(write.connection()).await?;
            Ok(Organization::shown(row, true))
        })
        .await
}

/// A text that may be emptied.
fn change(column: &mut Option<String>, field: &str, text: Option<String>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    *column = match text.trim() {
        "" => None,
        text => match Text::<1000>::parse_text(text) {
            Ok(text) => Some(text.into()),
            Err(problems) => return Err(Error::invalid(field, problems.to_string())),
        },
    };
    Ok(())
}

/// Every workspace, the oldest first.
///
/// # Errors
/// `NotFound` (workspace or record), or `Internal` (database).
#[expect(clippy::disallowed_methods, reason = "the operator looks across workspaces")]
pub async fn list(operator: &Operator) -> Result<Vec<Organization>, Error> {
    use sea_orm::QueryOrder;
    let query = organization::Entity::find().order_by_asc(organization::Column::CreatedAt);
    let rows = query.order_by_asc(organization::Column::Id).all(operator.reader()).await?;
    Ok(rows.into_iter().map(|row| Organization::shown(row, true)).collect())
}
