//! A new invoice: the form, the preview of what it would bill, and the making.

use maud::{Markup, html};
use poem::Response;
use service::client::{self, Client};
use service::input::FromBody;
use service::invoice::settings::{self, CreateInvoiceInput, InvoicePreview};
use service::value::{Date, Json};
use service::{Action, ListArgs, policy};

use super::super::fields::{Field, Fields};
use super::super::form::Problems;
use super::super::visit::Visit;
use super::super::{layout, parts};
use super::document::{lines, totals};
use super::{LIST, money};
use crate::http::rejection::Rejection;

const NEW: &str = "/settings/invoices/new";
const MAKE: &str = "/settings/invoices/make";
/// The fields of the form, which are those of the operation.
const FIELDS: [&str; 5] = ["clientId", "from", "to", "discount", "taxRate"];
/// Clients that the form offers; with more, they are searched by name.
const OFFERED: usize = 200;

/// The form.
pub(in super::super) async fn new(visit: &Visit<'_>) -> Result<Response, Rejection> {
    form(visit, &Problems::default()).await
}

async fn form(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    policy::ensure_allowed(visit.caller(), Action::CreateInvoice)?;
    let name = visit.facts.parameter("client");
    let clients = clients(visit, name).await?;
    let fields = Fields { form: &visit.form, problems };
    let (from, to) = last_month(visit.cx.now().date());
    let labels: Vec<(String, String)> = clients
        .iter()
        .map(|client| (client.id.to_string(), format!("{} ({})", client.name, client.currency)))
        .collect();
    let options: Vec<(&str, &str)> = labels.iter().map(|(id, label)| (id.as_str(), label.as_str())).collect();
    let client =
        Field { name: "clientId", label: "Client", value: visit.facts.parameter("clientId"), ..Field::default() };
    let day = |name, label, value| Field { name, label, value, required: true, ..Field::default() };
    let discount = Field {
        name: "discount",
        label: "Discount",
        hint: "An amount in the client's currency, such as 25.50, taken off before tax.",
        ..Field::default()
    };
    let tax = Field {
        name: "taxRate",
        label: "Tax rate",
        hint: "In percent, such as 19. Left empty, it is the client's default.",
        ..Field::default()
    };
    let body = html! {
        (fields.summary())
        @if clients.len() >= OFFERED || !name.is_empty() { (search(name)) }
        @if clients.is_empty() {
            p { @if name.is_empty() { "There is no client yet. An invoice bills a client; clients are made over the API." } @else { "No client fits." } }
        } @else {
            form method="post" action=(NEW) {
                (fields.choice(&client, &options))
                (fields.text("date", &day("from", "First day", &from)))
                (fields.text("date", &day("to", "Last day", &to)))
                (fields.text("text", &discount))
                (fields.text("text", &tax))
                p.soft { "It bills billable time on hourly projects, billable expenses of these days, and fixed fees, as far as they are not billed yet." }
                (parts::key(visit.facts))
                div.actions { button type="submit" { "Preview" } a href=(LIST) { "Cancel" } }
            }
        }
    };
    Ok(layout::page_with(visit, problems.status, "New invoice", body))
}

fn search(name: &str) -> Markup {
    html! {
        form.filters method="get" action=(NEW) role="search" {
            (parts::filter("search", "client", "Find a client by name", name))
            button.quiet type="submit" { "Find" }
        }
    }
}

/// The clients that can be chosen, by name.
async fn clients(visit: &Visit<'_>, name: &str) -> Result<Vec<Client>, Rejection> {
    let pairs = [("limit", OFFERED.to_string()), ("sort", "name".into()), ("search", name.to_owned())];
    let args = ListArgs::from_query(pairs.map(|(name, value)| (name.to_owned(), value)).into());
    Ok(client::list(&visit.cx, &args).await?.items)
}

/// The first and the last day of the month before this day.
fn last_month(today: Date) -> (String, String) {
    let first_of = |day: Date| {
        let text = day.to_string();
        format!("{}-01", text.get(..7).unwrap_or(&text)).parse::<Date>().unwrap_or(day)
    };
    let last = Date::of_day(first_of(today).day() - 1);
    (first_of(last).to_string(), last.to_string())
}

fn input(visit: &Visit<'_>) -> CreateInvoiceInput {
    CreateInvoiceInput::from_json(Json::Object(visit.form.filled(&FIELDS)))
}

/// What the form would bill. Nothing is stored; the same form makes it.
pub(in super::super) async fn preview(visit: &Visit<'_>) -> Result<Response, Rejection> {
    match settings::preview(&visit.cx, input(visit)).await {
        Ok(preview) => Ok(previewed(visit, &preview)),
        Err(error) => form(visit, &Problems::of(error)?).await,
    }
}

fn previewed(visit: &Visit<'_>, preview: &InvoicePreview) -> Response {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("clientId", visit.form.get("clientId")).finish();
    let body = html! {
        p { "Nothing is stored yet. Made now, the invoice bills " strong { (preview.bill_to_name) } " with " strong { (money(preview.total, &preview.currency)) } "." }
        dl {
            dt { "Days" } dd { (visit.form.get("from")) " to " (visit.form.get("to")) }
            @if let Some(day) = preview.due_date { dt { "Due" } dd { (day) } }
        }
        (lines(&preview.lines, &preview.currency))
        (totals(preview.subtotal, preview.discount_amount, preview.tax_rate, preview.tax_amount, preview.total, &preview.currency))
        form method="post" action=(MAKE) {
            (parts::key(visit.facts))
            @for name in FIELDS { input type="hidden" name=(name) value=(visit.form.get(name)); }
            input type="hidden" name="expectedTotal" value=(preview.total);
            div.actions { button type="submit" { "Make this invoice" } a href={ (NEW) "?" (query) } { "Change" } a href=(LIST) { "Cancel" } }
        }
    };
    layout::page(visit, "Preview of a new invoice", body)
}

/// Makes the invoice that the preview has shown.
pub(in super::super) async fn make(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let mut fields = visit.form.filled(&FIELDS);
    fields.extend(visit.form.filled(&["expectedTotal"]));
    match settings::create(&visit.cx, CreateInvoiceInput::from_json(Json::Object(fields))).await {
        Ok(written) => Ok(layout::done(&format!("{LIST}/{}", written.into_record()?.invoice.id), "invoice-made")),
        Err(error) => form(visit, &Problems::of(error)?).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_month_is_the_one_before() {
        for (today, from, to) in [
            ("2026-06-11", "2026-05-01", "2026-05-31"),
            ("2026-03-31", "2026-02-01", "2026-02-28"),
            ("2024-03-01", "2024-02-01", "2024-02-29"),
            ("2026-01-01", "2025-12-01", "2025-12-31"),
        ] {
            assert_eq!(last_month(today.parse().expect("a day")), (from.to_owned(), to.to_owned()));
        }
    }
}
