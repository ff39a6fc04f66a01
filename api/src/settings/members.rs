//! `/settings/members`: the people of the workspace. Owner and Admin add them, change their roles and remove them; of
//! Owners, only an Owner decides.

use maud::{Markup, html};
use poem::Response;
use service::input::FromBody;
use service::member::settings::{self, AddMemberInput, SetMemberRoleInput};
use service::member::{self, Member};
use service::usage::{self, Used};
use service::value::{Json, Role};
use service::{Action, Error, Reason, policy, token};

use super::fields::{Field, Fields};
use super::form::{Form, Problems};
use super::parts::{self, Column, Row, time, time_or};
use super::visit::Visit;
use super::{layout, pager};
use crate::http::rejection::Rejection;

const LIST: &str = "/settings/members";
const NEW: &str = "/settings/members/new";
/// The filters, as they stand in the address.
const FILTERS: [&str; 2] = ["search", "role"];

/// A role in words, with what it may do.
const ROLES: [(Role, &str, &str); 4] = [
    (Role::Owner, "Owner", "Owner: everything, Owners included"),
    (Role::Admin, "Admin", "Admin: everything but Owners"),
    (Role::Manager, "Manager", "Manager: clients, projects, everyone's time, invoices"),
    (Role::Member, "Member", "Member: their own time on their projects, and no money"),
];

/// The role in words.
pub(super) fn name(role: Role) -> &'static str {
    ROLES.iter().find(|(known, ..)| *known == role).map_or("", |(_, name, _)| name)
}

/// The roles that this visitor can give.
fn offered(visit: &Visit<'_>) -> Vec<(&'static str, &'static str)> {
    let owner = visit.role() == Role::Owner;
    let may = ROLES.iter().filter(|(role, ..)| owner || *role != Role::Owner);
    may.map(|(role, _, about)| (role.as_str(), *about)).collect()
}

/// Whether this visitor decides of a member.
fn decides(visit: &Visit<'_>, member: &Member) -> bool {
    visit.cx.may(Action::SetMemberRole) && (member.role != Role::Owner || visit.role() == Role::Owner)
}

fn is_own(visit: &Visit<'_>, member: &Member) -> bool {
    member.id == visit.caller().member_id()
}

pub(super) async fn list(visit: &Visit<'_>) -> Result<Response, Rejection> {
    let (members, problems) = match member::list(&visit.cx, &pager::args(visit, &FILTERS)).await {
        Ok(page) => (Some(page), Problems::default()),
        Err(error) => (None, Problems::of(error)?),
    };
    let Used { used, limit } = usage::get(&visit.cx).await?.members;
    let filtered = FILTERS.iter().any(|name| !visit.facts.parameter(name).is_empty());
    let body = html! {
        @if policy::sees_all(visit.role()) {
            p { (used) " of the " (limit) " people that the plan allows." }
            @if visit.cx.may(Action::AddMember) {
                @if used < limit { p { a.button href=(NEW) { "Add a person" } } }
                @else { div.locked { p { "To add another person, remove one first, or ask the operator of this server for a larger plan." } } }
            }
            (filters(visit, &problems))
        } @else {
            p { "You see your own record; Managers and above see everyone." }
        }
        @if let Some(members) = &members {
            @if members.items.is_empty() && !members.continued {
                p { "Nobody fits." @if filtered { " " a href=(LIST) { "Show everyone" } } }
            } @else if !members.items.is_empty() {
                (parts::table("Members", &COLUMNS, members.items.iter().map(|member| row(visit, member))))
            }
            (pager::ways(visit, members))
        }
    };
    Ok(layout::page_with(visit, problems.status, "Members", body))
}

const COLUMNS: [Column; 5] = [
    Column::Text("Name"),
    Column::Text("Email address"),
    Column::Text("Role"),
    Column::Text("Joined"),
    Column::Actions,
];

fn row(visit: &Visit<'_>, member: &Member) -> Row {
    Row::of([
        html! { (member.name) @if is_own(visit, member) { " " span.badge { "you" } } },
        html! { (member.email) },
        html! { (name(member.role)) },
        time(member.created_at),
        html! {
            @if decides(visit, member) {
                a href={ (LIST) "/" (member.id) "/role" } { "Change role" span.hidden { " of " (member.name) } }
                " · "
                a href={ (LIST) "/" (member.id) "/remove" } { "Remove" span.hidden { " " (member.name) } }
            }
        },
    ])
}

fn filters(visit: &Visit<'_>, problems: &Problems) -> Markup {
    let form = Form::default();
    let fields = Fields { form: &form, problems };
    let value =
        |name: &'static str, label| Field { name, label, value: visit.facts.parameter(name), ..Field::default() };
    let roles: Vec<_> = [("", "all")].into_iter().chain(ROLES.map(|(role, name, _)| (role.as_str(), name))).collect();
    let [search, role] = [value("search", "Name or email address"), value("role", "Role")];
    html! {
        (fields.summary_of(&[search, role]))
        form.filters method="get" action=(LIST) aria-label="Filters" {
            (fields.filter("search", &search))
            (fields.choice(&role, &roles))
            button.quiet type="submit" { "Filter" }
        }
    }
}

/// The form for a person; for one who signed in a while ago, the way to sign in again.
pub(super) fn new(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::AddMember, "add a person")? {
        return Ok(stale);
    }
    Ok(form(visit, &Problems::default()))
}

fn form(visit: &Visit<'_>, problems: &Problems) -> Response {
    let fields = Fields { form: &visit.form, problems };
    let email = Field {
        name: "email",
        label: "Email address",
        hint: "By which the person is known. No mail is sent: let them know how to sign in.",
        required: true,
        ..Field::default()
    };
    let named = Field { name: "name", label: "Name", required: true, ..Field::default() };
    let role = Field { name: "role", label: "Role", value: Role::Member.as_str(), ..Field::default() };
    let body = html! {
        (fields.summary())
        form method="post" action=(NEW) {
            (parts::key(visit.facts))
            (fields.text("email", &email))
            (fields.text("text", &named))
            (fields.choice(&role, &offered(visit)))
            div.actions { button type="submit" { "Add this person" } a href=(LIST) { "Cancel" } }
        }
    };
    layout::page_with(visit, problems.status, "Add a person", body)
}

pub(super) async fn add(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::AddMember, "add a person")? {
        return Ok(stale);
    }
    let input = AddMemberInput::from_json(Json::Object(visit.form.filled(&["email", "name", "role"])));
    match settings::add(&visit.cx, input).await {
        Ok(_) => Ok(layout::done(LIST, "member-added")),
        Err(error) => Ok(form(visit, &beside_email(error)?)),
    }
}

/// That the person is a member already concerns their address.
fn beside_email(error: Error) -> Result<Problems, Rejection> {
    match error {
        Error::Conflict { reason: Reason::AlreadyMember, message } => {
            let status = poem::http::StatusCode::CONFLICT;
            Ok(Problems { status, general: None, fields: vec![("email".into(), message.into_owned())] })
        }
        error => Problems::of(error),
    }
}

pub(super) async fn ask_role(visit: &Visit<'_>) -> Result<Response, Rejection> {
    role_form(visit, &Problems::default()).await
}

async fn role_form(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    let member = decided(visit, Action::SetMemberRole).await?;
    if let Some(stale) = visit.stale(Action::SetMemberRole, "change a role")? {
        return Ok(stale);
    }
    let fields = Fields { form: &visit.form, problems };
    let role = Field {
        name: "role",
        label: "Role",
        hint: "It counts from the next request of this person and of their tokens.",
        value: member.role.as_str(),
        ..Field::default()
    };
    let body = html! {
        (fields.summary())
        (who(&member))
        @if is_own(visit, &member) { p { strong { "This is you." } " With a lower role you cannot change it back yourself." } }
        form method="post" action=(visit.facts.path()) {
            (parts::key(visit.facts))
            (fields.choice(&role, &offered(visit)))
            div.actions { button type="submit" { "Change the role" } a href=(LIST) { "Cancel" } }
        }
    };
    Ok(layout::page_with(visit, problems.status, &format!("Role of {}", member.name), body))
}

pub(super) async fn set_role(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::SetMemberRole, "change a role")? {
        return Ok(stale);
    }
    let input = SetMemberRoleInput::from_json(Json::Object(visit.form.object(&["role"])));
    match settings::set_role(&visit.cx, visit.id()?, input).await {
        Ok(_) => Ok(layout::done(LIST, "role-changed")),
        Err(error) => role_form(visit, &Problems::of(error)?).await,
    }
}

pub(super) async fn confirm_remove(visit: &Visit<'_>) -> Result<Response, Rejection> {
    removal(visit, &Problems::default()).await
}

/// Names whom it removes, and the tokens that end with them.
async fn removal(visit: &Visit<'_>, problems: &Problems) -> Result<Response, Rejection> {
    let member = decided(visit, Action::RemoveMember).await?;
    if let Some(stale) = visit.stale(Action::RemoveMember, "remove a person")? {
        return Ok(stale);
    }
    let tokens = token::of_member(&visit.cx, member.id).await?;
    let own = is_own(visit, &member);
    let body = html! {
        @if let Some(general) = &problems.general {
            div.problem role="alert" tabindex="-1" autofocus { h2 { "This did not work" } p { (general) } }
        }
        (who(&member))
        p {
            @if own { strong { "This is you: you will be signed out of this workspace at once. " } }
            "Sessions and tokens end at once and permanently, also if the person is added again later. "
            "Their time stays; they are taken off projects and tasks."
        }
        @if tokens.is_empty() {
            p { "There are no live tokens." }
        } @else {
            h2 { "Tokens that end" }
            ul {
                @for token in &tokens {
                    li { (token.name) " " code { (token.prefix) } ", last used: " (time_or(token.last_used_at, "never")) }
                }
            }
        }
        form method="post" action=(visit.facts.path()) {
            (parts::key(visit.facts))
            div.actions { button.danger type="submit" { "Remove " (member.email) } a href=(LIST) { "Cancel" } }
        }
    };
    Ok(layout::page_with(visit, problems.status, &format!("Remove {}", member.name), body))
}

pub(super) async fn remove(visit: &Visit<'_>) -> Result<Response, Rejection> {
    if let Some(stale) = visit.stale(Action::RemoveMember, "remove a person")? {
        return Ok(stale);
    }
    match settings::remove(&visit.cx, visit.id()?).await {
        Ok(_) => Ok(layout::done(LIST, "member-removed")),
        Err(error) => removal(visit, &Problems::of(error)?).await,
    }
}

/// The member in the path, if this visitor decides of them.
async fn decided(visit: &Visit<'_>, action: Action) -> Result<Member, Rejection> {
    policy::ensure_allowed(visit.caller(), action)?;
    let member = member::get(&visit.cx, visit.id()?).await?;
    if decides(visit, &member) {
        return Ok(member);
    }
    Err(Error::Forbidden("of Owners, only an Owner decides".into()).into())
}

fn who(member: &Member) -> Markup {
    html! {
        dl {
            dt { "Name" } dd { (member.name) }
            dt { "Email address" } dd { (member.email) }
            dt { "Role" } dd { (name(member.role)) }
            dt { "Joined" } dd { (time(member.created_at)) }
        }
    }
}
