//! `serve --demo`: workspaces with a year of plausible data, made through the door like everything else.

use std::net::{IpAddr, Ipv4Addr};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use service::client::NewClient;
use service::input::FromBody;
use service::member::NewMember;
use service::organization::NewOrganization;
use service::project::NewProject;
use service::time_entry::{Batch, NewTimeEntry};
use service::token::NewToken;
use service::value::{Date, Id, Json, Plan, Role, Text, TokenScope, Wire};
use service::{
    App, Cx, Operator, RequestFacts, client, member, organization, project, project_member, time_entry, token,
};

use super::{Failure, internal, print};

const CLIENTS: usize = 26;
const PROJECTS: usize = 84;
const ENTRIES: usize = 5_200;
const BATCH: usize = 100;
const DAYS: i64 = 365;

const TRADES: [&str; 13] = [
    "Bakery",
    "Orchards",
    "Architects",
    "Bicycles",
    "Dental Care",
    "Publishing",
    "Robotics",
    "Museum",
    "Brewery",
    "Logistics",
    "Pharmacy",
    "Sailing Club",
    "Radio",
];
const FAMILIES: [&str; 13] = [
    "Alder",
    "Björk",
    "Castell",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Grünwald",
    "Hartley",
    "Ivanova",
    "Jansen",
    "Kovač",
    "Lindqvist",
    "Moreau",
];
const WORKS: [&str; 12] = [
    "Website",
    "Mobile app",
    "Brand refresh",
    "Data warehouse",
    "Online shop",
    "Annual report",
    "Booking system",
    "Newsletter",
    "Intranet",
    "Security review",
    "Migration",
    "Support",
];
const NOTES: [&str; 12] = [
    "Design review",
    "Weekly call",
    "Bug fixing",
    "Pairing on the import",
    "Wireframes",
    "Release and checks",
    "Writing tests",
    "Research",
    "Copy editing",
    "Performance tuning",
    "Workshop with the client",
    "Estimates",
];

/// What to show when the demo is ready: a token for each role.
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

/// Makes the demo, if the database is empty.
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
    fill(&owner, CLIENTS, PROJECTS, ENTRIES).await?;
    let read = mint(&operator, agency, "ada@hazelfinch.example", TokenScope::Read).await?;
    tokens.push(("agency, Owner (read)".into(), read));

    let studio = workspace(&operator, "Inkwell Studio", Plan::Studio, "ines@inkwell.example", "Ines Ink").await?;
    tokens.push((
        "studio, Owner (write)".into(),
        mint(&operator, studio, "ines@inkwell.example", TokenScope::Write).await?,
    ));
    fill(&enter(app, &tokens[tokens.len() - 1].1).await?, 4, 8, 200).await?;
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

/// In by the front door, with a token.
async fn enter(app: &App, token: &str) -> Result<Cx, Failure> {
    let header = format!("Bearer {token}");
    let admission = app.admit(Some(&header), IpAddr::V4(Ipv4Addr::LOCALHOST)).await.map_err(internal)?;
    Ok(admission.pass.map_err(internal)?.enter(RequestFacts::default()))
}

/// An input from its JSON, as a caller would send it.
fn input<I: FromBody>(json: serde_json::Value) -> Result<I, Failure> {
    Ok(I::from_json(Json::parse(json.to_string().as_bytes())?))
}

async fn fill(cx: &Cx, clients: usize, projects: usize, entries: usize) -> Result<(), Failure> {
    // The same story every time.
    let mut random = StdRng::seed_from_u64(2026);
    let mut client_ids = Vec::with_capacity(clients);
    for i in 0..clients {
        let name = format!("{} {}", FAMILIES[i % FAMILIES.len()], TRADES[(i * 5 + i / FAMILIES.len()) % TRADES.len()]);
        let (first_name, currency) = (["Kim", "Alex", "Robin", "Jo"][i % 4], ["EUR", "USD", "GBP"][i % 3]);
        let new: NewClient = input(serde_json::json!({
            "name": name,
            "currency": currency,
            "defaultRate": format!("{}.00", 80 + 5 * (i % 15)),
            "contactName": format!("{first_name} {}", FAMILIES[(i + 4) % FAMILIES.len()]),
            "defaultPaymentTerms": "30 days",
        }))?;
        client_ids.push(client::create(cx, new).await.and_then(service::Done::into_record).map_err(internal)?.id);
    }
    let people = people(cx).await?;
    let mut project_ids = Vec::with_capacity(projects);
    for i in 0..projects {
        let mut json = serde_json::json!({
            "clientId": client_ids[i % clients],
            "name": format!("{} {}", WORKS[(i * 7) % WORKS.len()], 2025 + i % 2),
            "color": format!("#{:02x}{:02x}{:02x}", 60 + i % 150, 90 + (i * 3) % 120, 110 + (i * 7) % 100),
            "startDate": "2026-01-05",
        });
        match i % 10 {
            3 => (json["rateType"], json["fixedFeeAmount"]) = ("FIXED".into(), "12000.00".into()),
            7 => json["rateType"] = "NON_BILLABLE".into(),
            _ => json["budgetHours"] = "120.00".into(),
        }
        let new: NewProject = input(json)?;
        let project = project::create(cx, new).await.and_then(service::Done::into_record).map_err(internal)?;
        for (j, (person, role)) in people.iter().enumerate() {
            if *role == Role::Member && (i + j) % 3 != 0 {
                project_member::add(cx, project.id, *person).await.map_err(internal)?;
            }
        }
        project_ids.push(project.id);
    }
    log_a_year(cx, &project_ids, &people, entries, &mut random).await
}

async fn people(cx: &Cx) -> Result<Vec<(Id, Role)>, Failure> {
    let page = member::list(cx, &service::ListArgs::default()).await.map_err(internal)?;
    Ok(page.items.into_iter().map(|member| (member.user_id, member.role)).collect())
}

async fn log_a_year(
    cx: &Cx,
    projects: &[Id],
    people: &[(Id, Role)],
    entries: usize,
    random: &mut StdRng,
) -> Result<(), Failure> {
    let first_day = cx.now().date().0 - chrono::TimeDelta::days(DAYS);
    let mut made = 0;
    while made < entries {
        let count = BATCH.min(entries - made);
        let mut batch = Vec::with_capacity(count);
        for i in made..made + count {
            let day = first_day + chrono::TimeDelta::days(i64::try_from(i)? * DAYS / i64::try_from(entries)?);
            let mut json = serde_json::json!({
                "userId": people.choose(random).map(|(person, _)| *person),
                "projectId": projects.choose(random),
                "note": NOTES.choose(random),
            });
            let minutes = 15 * random.random_range(1..=16);
            if random.random_bool(0.5) {
                let (hour, stop) = (random.random_range(7..=17), minutes);
                let start = Date(day).start().plus_millis(hour * 3_600_000);
                json["startedAt"] = start.to_string().into();
                json["stoppedAt"] = start.plus_millis(stop * 60_000).to_string().into();
            } else {
                json["entryDate"] = Date(day).to_string().into();
                json["durationSeconds"] = (minutes * 60).into();
            }
            batch.push(input::<NewTimeEntry>(json)?);
        }
        time_entry::create_batch(cx, Batch::from(batch)).await.map_err(internal)?;
        made += count;
        if made % 1000 == 0 || made == entries {
            print::progress(&format!("demo: {made} of {entries} time entries"));
        }
    }
    Ok(())
}
