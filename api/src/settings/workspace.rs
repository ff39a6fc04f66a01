//! `/settings/workspace`: the workspace itself, changed by Owner and Admin, seen by everyone.

use maud::{Markup, html};
use poem::Response;
use service::input::FromBody;
use service::organization::{self, UpdateOrganizationInput, VersionedOrganization};
use service::value::Json;
use service::{Action, Visible, policy};

use super::fields::{Field, Fields};
use super::form::Problems;
use super::visit::Visit;
use super::{layout, parts};
use crate::http::rejection::Rejection;

const HERE: &str = "/settings/workspace";
/// The fields of the form, which are those of the operation.
const FIELDS: [&str; 7] =
    ["name", "defaultCurrency", "invoicePrefix", "legalName", "taxId", "businessEmail", "businessWebsite"];

pub(super) async fn show(visit: &Visit<'_>) -> Result<Response, Rejection> {
    page(visit, &Problems::default()).await
}

async fn page(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    let found = organization::versioned(&visit.cx).await?;
    let body = match visit.cx.may(Action::UpdateOrganization) {
        true => form(visit, &found, problems),
        false => read(&found),
    };
    Ok(layout::page_with(visit, problems.status, "Workspace", body))
}

fn form(visit: &Visit<'_>, found: &VersionedOrganization, problems: &Problems) -> Markup {
    let VersionedOrganization { organization, version } = found;
    let fields = Fields { form: &visit.form, problems };
    let required = |name, label, hint, value| Field { name, label, hint, value, required: true, ..Field::default() };
    let optional = |name, label, hint, value| Field { name, label, hint, value, ..Field::default() };
    let text = |value: &Visible<String>| value.get().cloned().unwrap_or_default();
    let (legal, tax) = (text(&organization.legal_name), text(&organization.tax_id));
    let email = organization.business_email.as_deref().unwrap_or_default();
    let website = organization.business_website.as_deref().unwrap_or_default();
    let currency = organization.default_currency.to_string();
    html! {
        (fields.summary())
        form method="post" action=(HERE) {
            (parts::key(visit.facts))
            input type="hidden" name="version" value=(version);
            (fields.text("text", &required("name", "Name", "", &organization.name)))
            (fields.text("text", &required(
                "defaultCurrency", "Default currency",
                "An ISO 4217 code, such as EUR. New clients that name none have it; existing ones keep theirs.", &currency,
            )))
            h2 { "On invoices" }
            (fields.text("text", &required(
                "invoicePrefix", "Invoice prefix",
                "What every new number begins with. Existing invoices keep their numbers.", &organization.invoice_prefix,
            )))
            (fields.text("text", &optional("legalName", "Legal name", "", &legal)))
            (fields.text("text", &optional("taxId", "Tax or VAT number", "", &tax)))
            (fields.text("email", &optional("businessEmail", "Business email address", "", email)))
            (fields.text("text", &optional("businessWebsite", "Website", "", website)))
            div.actions { button type="submit" { "Save" } a href=(HERE) { "Discard changes" } }
        }
    }
}

/// What those see who do not change it; a Member without the legal fields.
fn read(found: &VersionedOrganization) -> Markup {
    let organization = &found.organization;
    let legal = [("Legal name", &organization.legal_name), ("Tax or VAT number", &organization.tax_id)];
    html! {
        p { "Owners and Admins change this." }
        dl {
            dt { "Name" } dd { (organization.name) }
            dt { "Default currency" } dd { (organization.default_currency) }
            dt { "Invoice prefix" } dd { (organization.invoice_prefix) }
            @for (name, value) in legal {
                @if !value.is_hidden() { dt { (name) } dd { (value.get().map_or("none", String::as_str)) } }
            }
            dt { "Business email address" } dd { (organization.business_email.as_deref().unwrap_or("none")) }
            dt { "Website" } dd { (organization.business_website.as_deref().unwrap_or("none")) }
        }
    }
}

pub(super) async fn change(visit: &Visit<'_>) -> Result<Response, Rejection> {
    policy::ensure_allowed(visit.caller(), Action::UpdateOrganization)?;
    let changes = UpdateOrganizationInput::from_json(Json::Object(visit.form.object(&FIELDS)));
    match organization::update(&visit.cx, &visit.form.version(), changes).await {
        Ok(_) => Ok(layout::done(HERE, "workspace-changed")),
        Err(error) => page(visit, &Problems::of(error)?).await,
    }
}
