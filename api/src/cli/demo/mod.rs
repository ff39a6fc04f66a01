//! `serve --demo`: workspaces with a year of plausible data, created through the door as any other, and billed by the
//! operator's own operations.

mod billing;
mod fill;
mod words;

use std::net::{IpAddr, Ipv4Addr};

use service::input::FromBody;
use service::member::NewMember;
use service::organization::NewOrganization;
use service::session::{self, LoginLink};
use service::token::NewToken;
use service::value::{Json, OrganizationId, Plan, ProjectStatus, Role, Text, TokenScope, Wire};
use service::{App, Cx, Operator, RequestFacts, member, organization, project, time_entry, token, webhook};

use super::{Common, Failure, internal, print};
use fill::{Amounts, fill};

/// The size of a workspace that has been in use for a year.
const LARGE: Amounts = Amounts { clients: 26, projects: 84, tasks: 250, entries: 5_200, expenses: 200 };
/// The size of a new workspace.
const SMALL: Amounts = Amounts { clients: 4, projects: 8, tasks: 16, entries: 200, expenses: 10 };
/// The number of invoices of the large workspace.
const INVOICES: usize = 60;

/// The name of the workspace that the demo begins with, and of the one that it ends with: who finds only the first finds a
/// demo that was interrupted.
const FIRST: &str = "Hazel & Finch";
const LAST: &str = "Solo";
const OWNER: &str = "ada@hazelfinch.example";

/// What to print when the demo is ready.
pub(super) struct DemoReady {
    /// Its first workspace.
    workspace: OrganizationId,
    /// Whose tokens there are, and the tokens, one per role; none if the demo was made before, since they were shown then.
    tokens: Vec<(String, String)>,
    /// A link that signs the Owner in; none if there is no such member any more.
    link: Option<LoginLink>,
}

impl DemoReady {
    /// The text; `url` is how this machine reaches the server, `public_url` how others do.
    pub(super) fn words(&self, url: &str, public_url: Option<&str>) -> String {
        let link = self.link.as_ref().map(|link| {
            let page = crate::settings::link_of(public_url.unwrap_or(url), &link.code);
            format!("\nSettings pages, as {OWNER} (the link works once, until {}):\n  {page}\n", link.expires_at)
        });
        let link = link.unwrap_or_default();
        let (tokens, workspace) = (&self.tokens, self.workspace);
        if tokens.is_empty() {
            return format!(
                "{link}\nThe demo was made before, and its tokens were shown then. For another one, run:\n  \
                 hoursmith token create --workspace {workspace} --member {OWNER} --name another --scope write\n"
            );
        }
        let mut words = String::from("\nDemo tokens:\n");
        for (whose, token) in tokens {
            words.push_str(&format!("  {whose:<34} {token}\n"));
        }
        let token = tokens.first().map(|(_, token)| token.as_str()).unwrap_or_default();
        words.push_str(&format!(
            "\nTry:\n  curl -s -H 'Authorization: Bearer {token}' '{url}/api/v1/clients?limit=3'\n\
             {link}\nOpen {url}/docs, {url}/graphiql and {url}/api-docs to explore.\n"
        ));
        words
    }
}

/// Creates the demo, if the database is empty.
pub(super) async fn make(app: &App, common: &Common) -> Result<Option<DemoReady>, Failure> {
    let operator = Operator::of(app);
    let present = organization::list(&operator).await.map_err(internal)?;
    let find = |name: &str| present.iter().find(|workspace| workspace.name == name);
    match (find(FIRST), find(LAST)) {
        (Some(first), Some(_)) => {
            let (workspace, link) = (first.id, session::create_link(&operator, first.id, OWNER).await.ok());
            return Ok(Some(DemoReady { workspace, tokens: vec![], link }));
        }
        (Some(_), None) if present.len() <= 2 => {
            return Err("the demo in this database was interrupted: delete the database (hoursmith.db with its -wal and -shm), \
                        and start again"
                .into());
        }
        _ if !present.is_empty() => {
            print::progress("demo: the database is not empty; serving what is there");
            return Ok(None);
        }
        _ => {}
    }
    let mut tokens = Vec::new();
    let agency = workspace(&operator, FIRST, Plan::Agency, OWNER, "Ada Hazel").await?;
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
    billing::bill(common, &owner, agency, INVOICES).await?;
    running_and_listening(&owner).await?;
    let read = mint(&operator, agency, OWNER, TokenScope::Read).await?;
    tokens.push(("agency, Owner (read)".into(), read));

    let studio = workspace(&operator, "Inkwell Studio", Plan::Studio, "ines@inkwell.example", "Ines Ink").await?;
    tokens.push((
        "studio, Owner (write)".into(),
        mint(&operator, studio, "ines@inkwell.example", TokenScope::Write).await?,
    ));
    fill(&enter(app, &tokens[tokens.len() - 1].1).await?, &SMALL).await?;
    let free = workspace(&operator, LAST, Plan::Free, "sol@solo.example", "Sol Ito").await?;
    tokens.push((
        "free, Owner (402 on the API)".into(),
        mint(&operator, free, "sol@solo.example", TokenScope::Write).await?,
    ));
    print::progress("demo: ready");
    let link = session::create_link(&operator, agency, OWNER).await.map_err(internal)?;
    Ok(Some(DemoReady { workspace: agency, tokens, link: Some(link) }))
}

/// A timer that runs, and a webhook endpoint to look at, which is sent nothing yet.
async fn running_and_listening(owner: &Cx) -> Result<(), Failure> {
    let page = project::list(owner, &project::ProjectArgs::default()).await.map_err(internal)?;
    let active = page.items.iter().find(|project| project.status == ProjectStatus::Active);
    if let Some(project) = active {
        let started = owner.now().plus_millis(-40 * 60_000).to_string();
        let timer =
            input(serde_json::json!({ "projectId": project.id, "note": "Design review", "startedAt": started }))?;
        time_entry::start(owner, timer).await.map_err(internal)?;
    }
    let endpoint = input(serde_json::json!({
        "url": "https://hooks.example.com/hoursmith",
        "events": ["invoice.sent", "invoice.paid"],
        "description": "An example: nobody listens there",
    }))?;
    webhook::endpoint::create(owner, endpoint).await.map_err(internal)?;
    Ok(())
}

fn text<const N: usize>(plain: &str) -> Result<Text<N>, Failure> {
    Ok(Text::parse_text(plain)?)
}

async fn workspace(
    operator: &Operator,
    name: &str,
    plan: Plan,
    email: &str,
    owner: &str,
) -> Result<OrganizationId, Failure> {
    let owner = NewMember { email: text(email)?, name: text(owner)?, role: Role::Owner };
    let input = NewOrganization { name: text(name)?, plan, currency: Wire::parse_text("EUR")?, owner };
    Ok(organization::create(operator, input).await.map_err(internal)?.id)
}

async fn mint(
    operator: &Operator,
    workspace: OrganizationId,
    email: &str,
    scope: TokenScope,
) -> Result<String, Failure> {
    let input = NewToken { member: email.into(), name: text("demo")?, scope, expires_at: None };
    Ok(token::create(operator, workspace, input).await.map_err(internal)?.token)
}

/// Authenticates with a token, as a caller would.
async fn enter(app: &App, token: &str) -> Result<Cx, Failure> {
    let header = format!("Bearer {token}");
    let admission = app.admit(Some(&header), IpAddr::V4(Ipv4Addr::LOCALHOST)).await.map_err(internal)?;
    Ok(admission.pass.map_err(internal)?.enter(RequestFacts { unlimited: true, ..RequestFacts::default() }))
}

/// An input from its JSON, as a caller would send it.
fn input<I: FromBody>(json: serde_json::Value) -> Result<I, Failure> {
    Ok(I::from_json(Json::parse(json.to_string().as_bytes())?))
}
