//! The callers of most tests: two workspaces, one of each role in the first, with tokens.

use serde_json::{Value, json};
use service::invoice::{self, NewInvoice};
use service::member::NewMember;
use service::organization::NewOrganization;
use service::token::NewToken;
use service::value::{Currency, OrganizationId, Plan, Role, Text, TokenScope, UserId, Wire};
use service::{member, organization, token};

use crate::World;

/// One of each role in a workspace on the plan agency, and the Owner of another.
pub struct Fixtures {
    /// Where most of a test happens.
    pub home: Workspace,
    /// Another workspace, whose records the first must not see.
    pub other: Workspace,
}

/// A workspace with a token that writes for each role.
pub struct Workspace {
    /// Its id.
    pub id: OrganizationId,
    /// The Owner's token.
    pub owner: String,
    /// An Admin's token.
    pub admin: String,
    /// A Manager's token.
    pub manager: String,
    /// A Member's token.
    pub member: String,
    /// The user id of the Member.
    pub member_user: UserId,
    /// The user id of the Owner.
    pub owner_user: UserId,
}

impl Workspace {
    /// A new workspace with one of each role.
    pub async fn new(world: &World, name: &str, plan: Plan) -> Workspace {
        let operator = world.operator();
        let mail = |role: &str| format!("{role}@{name}.example");
        let person =
            |role: Role, at: &str| NewMember { email: text(&mail(at)), name: text(&format!("{at} of {name}")), role };
        let input = NewOrganization {
            name: text(name),
            plan,
            currency: Currency::parse_text("EUR").expect("a currency"),
            owner: person(Role::Owner, "owner"),
        };
        let id = organization::create(&operator, input).await.expect("a workspace").id;
        if plan != Plan::Free {
            member::add(&operator, id, person(Role::Admin, "admin")).await.expect("the plan allows another member");
            member::add(&operator, id, person(Role::Manager, "manager")).await.expect("the plan allows another member");
        }
        let member_user = member::add(&operator, id, person(Role::Member, "member"))
            .await
            .expect("the plan allows another member")
            .user_id;
        let token = async |at: &str| match plan {
            Plan::Free if at == "admin" || at == "manager" => String::new(),
            _ => mint(world, id, &mail(at), TokenScope::Write).await,
        };
        let owner = token("owner").await;
        let owner_user = member::set_role(&operator, id, &mail("owner"), Role::Owner).await.expect("stays").user_id;
        let (admin, manager, member) = (token("admin").await, token("manager").await, token("member").await);
        Workspace { id, owner, admin, manager, member, member_user, owner_user }
    }

    /// The token of a role.
    pub fn token(&self, role: Role) -> &str {
        match role {
            Role::Owner => &self.owner,
            Role::Admin => &self.admin,
            Role::Manager => &self.manager,
            Role::Member => &self.member,
        }
    }

    /// A token that only reads, of a role.
    pub async fn reader(&self, world: &World, role: Role) -> String {
        let rows = world.get(&self.owner, &format!("/api/v1/members?role={role}")).await.data(200);
        let email = rows[0]["email"].as_str().expect("a member of each role").to_owned();
        mint(world, self.id, &email, TokenScope::Read).await
    }

    /// A client with a rate.
    pub async fn client(&self, world: &World, name: &str) -> String {
        world.post(&self.owner, "/api/v1/clients", json!({ "name": name, "defaultRate": "150.00" })).await.id()
    }

    /// An active project for a new client.
    pub async fn project(&self, world: &World, name: &str) -> String {
        let client = self.client(world, &format!("Client of {name}")).await;
        world.post(&self.owner, "/api/v1/projects", json!({ "clientId": client, "name": name })).await.id()
    }

    /// The same, with the Member on it.
    pub async fn project_with_member(&self, world: &World, name: &str) -> String {
        let project = self.project(world, name).await;
        let path = format!("/api/v1/projects/{project}/members/{}", self.member_user);
        let put = world.call(poem::http::Method::PUT, &path).token(&self.owner).send().await;
        put.data(200);
        project
    }

    /// A task on a new project, assigned to the Member.
    pub async fn task(&self, world: &World, name: &str) -> String {
        let project = self.project(world, name).await;
        let body = json!({ "projectId": project, "name": name, "assigneeIds": [self.member_user] });
        world.post(&self.owner, "/api/v1/tasks", body).await.id()
    }

    /// Money spent for a client on 2026-06-11.
    pub async fn expense(&self, world: &World, client: &str, amount: &str) -> String {
        let body =
            json!({ "clientId": client, "description": "a ticket", "amount": amount, "expenseDate": "2026-06-11" });
        world.post(&self.owner, "/api/v1/expenses", body).await.id()
    }

    /// An invoice over all that can be billed to a client, made by the operator.
    pub async fn invoice(&self, world: &World, client: &str) -> String {
        let made = invoice::create(&world.operator(), self.id, everything(client)).await.expect("something to bill");
        made.invoice.id.to_string()
    }

    /// The same, to the client of a project.
    pub async fn invoice_of(&self, world: &World, project: &str) -> String {
        let project = world.get(&self.owner, &format!("/api/v1/projects/{project}")).await.data(200);
        self.invoice(world, project["clientId"].as_str().expect("a project is for a client")).await
    }

    /// An hour on a project by the member with this token.
    pub async fn entry(&self, world: &World, token: &str, project: &str) -> Value {
        let body =
            json!({ "projectId": project, "durationSeconds": 3600, "entryDate": "2026-06-11", "note": "an hour" });
        world.post(token, "/api/v1/time-entries", body).await.data(201)
    }
}

impl Fixtures {
    /// The two workspaces.
    pub async fn new(world: &World) -> Fixtures {
        let home = Workspace::new(world, "home", Plan::Agency).await;
        let other = Workspace::new(world, "other", Plan::Agency).await;
        Fixtures { home, other }
    }
}

/// All that can be billed to a client.
pub fn everything(client: &str) -> NewInvoice {
    let day = |text: &str| text.parse().expect("a day");
    NewInvoice {
        client: client.parse().expect("an id"),
        from: day("0001-01-01"),
        to: day("9999-12-31"),
        discount: None,
        tax_rate: None,
    }
}

/// A token for a member.
pub async fn mint(world: &World, workspace: OrganizationId, email: &str, scope: TokenScope) -> String {
    let input = NewToken { member: email.into(), name: text("test"), scope, expires_at: None };
    token::create(&world.operator(), workspace, input).await.expect("a token").token
}

fn text<const N: usize>(plain: &str) -> Text<N> {
    Text::parse_text(plain).expect("a short text")
}
