//! Operations that only a person who has signed in performs, at the interface that the settings pages call.

mod invoices;
mod members;
pub(crate) mod roles;
mod tokens;
mod workspace;

use std::net::{IpAddr, Ipv4Addr};

use service::session::{self, Browser};
use service::value::{ClientId, Currency, Date, Money, Name, OrganizationId, Role, Text, TokenScope, Wire};
use service::{Cx, Error, IdempotencyKey, RequestFacts, input::Field};
use tests::World;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A member with a session.
pub(crate) struct Person<'a> {
    world: &'a World,
    secret: String,
}

impl<'a> Person<'a> {
    /// Signs in with a link of the operator.
    pub(crate) async fn sign_in(world: &'a World, workspace: OrganizationId, email: &str) -> Person<'a> {
        let link = session::create_link(&world.operator(), workspace, email).await.expect("a link");
        let begun = session::redeem_link(&world.app.visitor(HERE), &link.code, &Browser::default()).await;
        Person { world, secret: begun.expect("a session").secret }
    }

    /// A request of this person, with this key.
    pub(crate) async fn enter(&self, key: IdempotencyKey) -> Result<Cx, Error> {
        let admitted = self.world.app.visitor(HERE).admit(&self.secret, true).await?.pass?;
        Ok(admitted.enter(RequestFacts { key, ..RequestFacts::default() }))
    }

    /// A request without a key.
    pub(crate) async fn cx(&self) -> Cx {
        self.enter(IdempotencyKey::None).await.expect("a live session")
    }

    /// A request with this key.
    pub(crate) async fn cx_with(&self, key: &str) -> Cx {
        self.enter(IdempotencyKey::Key(key.into())).await.expect("a live session")
    }
}

/// A request with a token.
pub(crate) async fn with_token(world: &World, token: &str) -> Cx {
    let admission = world.app.admit(Some(&format!("Bearer {token}")), HERE).await.expect("a good token");
    admission.pass.expect("a plan with access").enter(RequestFacts { unlimited: true, ..RequestFacts::default() })
}

pub(crate) fn sent<T: Wire, const KIND: u8>(text: &str) -> Field<T, KIND> {
    Field::from_json(service::value::Json::Text(text.into()))
}

pub(crate) fn new_member(email: &str, role: Role) -> service::member::settings::AddMemberInput {
    service::member::settings::AddMemberInput {
        email: sent::<Text<254>, 1>(email),
        name: sent::<Name, 1>("Ada"),
        role: Field::Value(role),
        ..Default::default()
    }
}

pub(crate) fn role(role: Role) -> service::member::settings::SetMemberRoleInput {
    service::member::settings::SetMemberRoleInput { role: Field::Value(role), ..Default::default() }
}

pub(crate) fn new_token(name: &str) -> service::token::CreateTokenInput {
    service::token::CreateTokenInput {
        name: sent::<Name, 1>(name),
        scope: Field::Value(TokenScope::Write),
        ..Default::default()
    }
}

pub(crate) fn currency(code: &str) -> service::organization::UpdateOrganizationInput {
    service::organization::UpdateOrganizationInput { default_currency: sent::<Currency, 2>(code), ..Default::default() }
}

/// Everything that a client can be billed for in June 2026.
pub(crate) fn june(client: &str) -> service::invoice::settings::CreateInvoiceInput {
    service::invoice::settings::CreateInvoiceInput {
        client_id: sent::<ClientId, 1>(client),
        from: sent::<Date, 1>("2026-06-01"),
        to: sent::<Date, 1>("2026-06-30"),
        ..Default::default()
    }
}

pub(crate) fn amount(money: &str) -> service::invoice::settings::RecordPaymentInput {
    service::invoice::settings::RecordPaymentInput { amount: sent::<Money, 0>(money), ..Default::default() }
}
