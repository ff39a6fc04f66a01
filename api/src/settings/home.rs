//! `/settings`: who I am, the workspace, its plan with the limits, and what is left of them.

use maud::{Markup, html};
use poem::Response;
use service::usage::{self, Used};
use service::value::Plan;
use service::{Feature, Sizes, organization};

use super::parts::{self, Column, Row, time};
use super::visit::Visit;
use super::{layout, members};
use crate::http::rejection::Rejection;

pub(super) async fn show(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let workspace = organization::get(&visit.cx).await?;
    let usage = usage::get(&visit.cx).await?;
    let caller = visit.caller();
    let plan = caller.plan();
    let Sizes { burst, sustained } = visit.cx.budget().sizes;
    let has = |feature: Feature| feature.is_in(plan);
    let columns = [Column::Text("What"), Column::Text("Limit"), Column::Text("Used"), Column::Text("Left")];
    let mut limits = vec![
        counted("Members of the workspace", usage.members),
        counted("Your live API tokens", usage.tokens),
        counted("Webhook endpoints", usage.endpoints),
    ];
    if sustained > 0 && has(Feature::ApiAccess) {
        for (what, limit) in
            [("Requests per token", format!("{burst} in 10 s")), ("Points per token", format!("{sustained} in 60 s"))]
        {
            limits.push(Row::of([html! { (what) }, html! { (limit) }, html! {}, html! {}]));
        }
    }
    let body = html! {
        section aria-labelledby="me" {
            h2 id="me" { "You" }
            dl {
                dt { "Name" } dd { (caller.name()) }
                dt { "Email address" } dd { (caller.email()) }
                dt { "Role" } dd { (members::name(caller.role())) }
            }
        }
        section aria-labelledby="workspace" {
            h2 id="workspace" { "Workspace" }
            dl {
                dt { "Name" } dd { (workspace.name) }
                dt { "Identifier" } dd { code { (workspace.id) } }
                dt { "Default currency" } dd { (workspace.default_currency) }
                dt { "Created" } dd { (time(workspace.created_at)) }
            }
        }
        section aria-labelledby="plan" {
            h2 id="plan" { "Plan: " (plan_name(plan)) }
            (parts::table("Limits", &columns, limits))
            ul.features {
                (feature("API: REST, GraphQL and MCP", has(Feature::ApiAccess)))
                (feature("Webhooks and events", has(Feature::OutboundWebhooks)))
            }
            @if !has(Feature::ApiAccess) { (layout::unlocks(Feature::ApiAccess)) }
            @if !has(Feature::OutboundWebhooks) { (layout::unlocks(Feature::OutboundWebhooks)) }
        }
    };
    Ok(layout::page(visit, "Overview", body))
}

fn plan_name(plan: Plan) -> &'static str {
    match plan {
        Plan::Free => "Free",
        Plan::Studio => "Studio",
        Plan::Agency => "Agency",
    }
}

fn counted(what: &str, Used { used, limit }: Used) -> Row {
    let left = limit.saturating_sub(used);
    Row::of([html! { (what) }, html! { (limit) }, html! { (used) }, html! { (left) }])
}

fn feature(what: &str, has: bool) -> Markup {
    html! { li { (what) ": " strong { (if has { "included" } else { "not included" }) } } }
}
