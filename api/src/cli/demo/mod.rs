//! `serve --demo`: workspaces with a year of plausible data, created through the door as any other, and billed by the
//! operator's own operations.

mod billing;
mod fill;
mod words;

use std::net::{IpAddr, Ipv4Addr};

use service::input::FromBody;
use service::member::NewMember;
use service::organization::NewOrganization;
use service::token::NewToken;
use service::value::{Id, Json, Plan, Role, Text, TokenScope, Wire};
use service::{App, Cx, Operator, RequestFacts, member, organization, token};

use super::{Failure, internal, print};
use fill::{Amounts, fill};

/// The size of a workspace that has been in use for a year.
const LARGE: Amounts = Amounts { clients: 26, projects: 84, tasks: 250, entries: 5_200, expenses: 200 };
/// The size of a new workspace.
const SMALL: Amounts = Amounts { clients: 4, projects: 8, tasks: 16, entries: 200, expenses: 10 };
/// The number of invoices of the large workspace.
const INVOICES: usize = 60;

/// The text to print when the demo is ready: a token per role.
pub(super) struct Shown {
    tokens: Vec<(String, String)>,
}

impl Shown {
    pub(super) fn words(&self, url: &str) -> String {
        let mut words = String::from("\nDemo tokens:\n");
        for (whose, token) in &self.tokens {
            words.push_str(&format!("  {whose:<34} {token}\n"));
        }
        let token = self.tokens.first().map(|(_, token)| token.as_str()).unwrap_or_default();
        words.push_str(&format!(
            "\nTry:\n  curl -s -H 'Authorization: Bearer {token}' '{url}/api/v1/clients?limit=3'\n\
             \nOpen {url}/graphiql and {url}/api-docs to explore.\n"
        ));
        words
    }
}

/// Creates the demo, if the database is empty.
pub(super) async fn make(app: &App) -> Result<Option<Shown>, Failure> {
    let operator = Operator::of(app);
    if !organization::list(&operator).await.map_err(internal)?.is_empty() {
        print::progress("demo: the database is not empty; serving what is there");
        return Ok(None);
    }
    let mut tokens = Vec::new();
    let agency = workspace(&operator, "Hazel & Finch", Plan::Agency, "ada@hazelfinch.example", "Ada Hazel").await?;
    for (email, name, role) in [
        ("admin@hazelfinch.example", "Bo Finch", Role::Admin),
        ("manager@hazelfinch.example", "Mika Laine", Role::Manager),
        ("member@hazelfinch.example", "Noor Haddad", Role::Member),
        ("sam@hazelfinch.example", "Sam Okafor", Role::Member),
        ("lea@hazelfinch.example", "Léa Girard", Role::Member),
    ] {
        let member = NewMember { email: text(email)?, name: text(name)?, role };
        member::add(&operator, agency, member).await.map_err(internal)?;
    }
    for (whose, email) in [
        ("agency, Owner (write)", "ada@hazelfinch.example"),
        ("agency, Admin (write)", "admin@hazelfinch.example"),
        ("agency, Manager (write)", "manager@hazelfinch.example"),
        ("agency, Member (write)", "member@hazelfinch.example"),
    ] {
        tokens.push((whose.into(), mint(&operator, agency, email, TokenScope::Write).await?));
    }
    let owner = enter(app, &tokens[0].1).await?;
    fill(&owner, &LARGE).await?;
    billing::bill(&operator, &owner, agency, INVOICES).await?;
    let read = mint(&operator, agency, "ada@hazelfinch.example", TokenScope::Read).await?;
    tokens.push(("agency, Owner (read)".into(), read));

    let studio = workspace(&operator, "Inkwell Studio", Plan::Studio, "ines@inkwell.example", "Ines Ink").await?;
    tokens.push((
        "studio, Owner (write)".into(),
        mint(&operator, studio, "ines@inkwell.example", TokenScope::Write).await?,
    ));
    fill(&enter(app, &tokens[tokens.len() - 1].1).await?, &SMALL).await?;
    let free = workspace(&operator, "Solo", Plan::Free, "sol@solo.example", "Sol Ito").await?;
    tokens.push((
        "free, Owner (402 on the API)".into(),
        mint(&operator, free, "sol@solo.example", TokenScope::Write).await?,
    ));
    print::progress("demo: ready");
    Ok(Some(Shown { tokens }))
}

fn text<const N: usize>(plain: &str) -> Result<Text<N>, Failure> {
    Ok(Text::parse_text(plain)?)
}

async fn workspace(operator: &Operator, name: &str, plan: Plan, email: &str, owner: &str) -> Result<Id, Failure> {
    let owner = NewMember { email: text(email)?, name: text(owner)?, role: Role::Owner };
    let input = NewOrganization { name: text(name)?, plan, currency: Wire::parse_text("EUR")?, owner };
    Ok(organization::create(operator, input).await.map_err(internal)?.id)
}

async fn mint(operator: &Operator, workspace: Id, email: &str, scope: TokenScope) -> Result<String, Failure> {
    let input = NewToken { member: email.into(), name: text("demo")?, scope, expires_at: None };
    Ok(token::create(operator, workspace, input).await.map_err(internal)?.token)
}

/// Authenticates with a token, as a caller would.
async fn enter(app: &App, token: &str) -> Result<Cx, Failure> {
    let header = format!("Bearer {token}");
    let admission = app.admit(Some(&header), IpAddr::V4(Ipv4Addr::LOCALHOST)).await.map_err(internal)?;
    Ok(admission.pass.map_err(internal)?.enter(RequestFacts::default()))
}

/// An input from its JSON, as a caller would send it.
fn input<I: FromBody>(json: serde_json::Value) -> Result<I, Failure> {
    Ok(I::from_json(Json::parse(json.to_string().as_bytes())?))
}
