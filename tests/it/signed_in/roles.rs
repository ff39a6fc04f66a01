//! Every operation that only a session performs × every role × a token × another workspace, against the policy.

use serde_json::json;
use service::value::{Id, InvoiceId, MemberId, Role};
use service::{Action, Cx, Error, Precondition, invoice, member, organization, policy, token};
use tests::{Fixtures, Workspace, World, on_both};

use super::{Person, amount, currency, june, new_member, new_token, role, with_token};

const ANY: &Precondition = &Precondition::Any;

/// What the caller is to do, and to which record.
pub(crate) enum Target {
    None,
    Client(String),
    Invoice(InvoiceId),
    Member(MemberId),
}

/// A record of a workspace for the action to be done to, ready for it.
pub(crate) async fn target(world: &World, at: &Workspace, action: Action) -> Target {
    let client = async || {
        let client = at.client(world, "one").await;
        at.expense(world, &client, "150.00").await;
        client
    };
    match action {
        Action::PreviewInvoice | Action::CreateInvoice => Target::Client(client().await),
        Action::SetMemberRole | Action::RemoveMember => {
            let input = service::member::NewMember {
                email: super::sent::<_, 1>(&format!("{}@new.example", world.new_key())).value().unwrap(),
                name: super::sent::<_, 1>("Ada").value().unwrap(),
                role: Role::Member,
            };
            Target::Member(member::add(&world.operator(), at.id, input).await.unwrap().id)
        }
        Action::SendInvoice
        | Action::RecordPayment
        | Action::RecordFailedPayment
        | Action::RefundInvoice
        | Action::CancelInvoice => {
            let (id, operator) = (at.invoice(world, &client().await).await.parse().unwrap(), world.operator());
            if action != Action::SendInvoice {
                invoice::send(&operator, id).await.unwrap();
            }
            if action == Action::RefundInvoice {
                invoice::pay(&operator, id, None).await.unwrap();
            }
            Target::Invoice(id)
        }
        _ => Target::None,
    }
}

async fn perform(cx: &Cx, action: Action, target: &Target, email: &str) -> Result<(), Error> {
    let (id, client) = match target {
        Target::Invoice(id) => (id.any(), ""),
        Target::Member(id) => (id.any(), ""),
        Target::Client(client) => (Id::NONE, client.as_str()),
        Target::None => (Id::NONE, ""),
    };
    match action {
        Action::CreateToken => token::mint(cx, new_token("new")).await.map(drop),
        Action::AddMember => member::settings::add(cx, new_member(email, Role::Member)).await.map(drop),
        Action::SetMemberRole => member::settings::set_role(cx, id.of(), role(Role::Manager)).await.map(drop),
        Action::RemoveMember => member::settings::remove(cx, id.of()).await.map(drop),
        Action::UpdateOrganization => organization::update(cx, ANY, currency("EUR")).await.map(drop),
        Action::PreviewInvoice => invoice::settings::preview(cx, june(client)).await.map(drop),
        Action::CreateInvoice => invoice::settings::create(cx, june(client)).await.map(drop),
        Action::SendInvoice => invoice::settings::send(cx, id.of(), ANY).await.map(drop),
        Action::RecordPayment => invoice::settings::record_payment(cx, id.of(), ANY, amount("1")).await.map(drop),
        Action::RecordFailedPayment => {
            invoice::settings::record_failed_payment(cx, id.of(), ANY, Default::default()).await.map(drop)
        }
        Action::RefundInvoice => invoice::settings::refund(cx, id.of(), ANY).await.map(drop),
        Action::CancelInvoice => invoice::settings::cancel(cx, id.of(), ANY).await.map(drop),
        _ => panic!("{action:?} has no recipe"),
    }
}

/// Those that are walked here: how a person signs in has tests of its own.
pub(crate) fn actions() -> Vec<Action> {
    use Action::*;
    let own = [ListSessions, EndSession, EndAllSessions, ListPasskeys, AddPasskey, RemovePasskey];
    Action::ALL.iter().copied().filter(|action| action.needs_session() && !own.contains(action)).collect()
}

on_both! {
    /// A person does what the policy lets their role do; a token does none of it, whatever its role.
    async fn every_role_may_do_what_the_policy_says_and_no_token_may(world: World) {
        let home = Fixtures::new(&world).await.home;
        assert_eq!(actions().len(), 12);
        for role in Role::ALL {
            let email = format!("{}@home.example", role.as_str().to_lowercase());
            let person = Person::sign_in(&world, home.id, &email).await;
            for action in actions() {
                let target = target(&world, &home, action).await;
                let new = format!("{}@new.example", world.new_key());
                let by_token = perform(&with_token(&world, home.token(*role)).await, action, &target, &new).await;
                assert!(matches!(by_token, Err(Error::Forbidden(_))), "{role} {action:?} by a token: {by_token:?}");
                let done = perform(&person.cx().await, action, &target, &new).await;
                match policy::allows(*role, action) {
                    true => assert!(done.is_ok(), "{role} {action:?}: {done:?}"),
                    false => assert!(matches!(done, Err(Error::Forbidden(_))), "{role} {action:?}: {done:?}"),
                }
                tidy_up(&world, &home, &new).await;
            }
        }
    }
}

/// The plan has a cap: the member who was added is removed again.
pub(crate) async fn tidy_up(world: &World, at: &Workspace, email: &str) {
    let _ = member::remove(&world.operator(), at.id, email).await;
    for person in member::all_of(&world.operator(), at.id).await.unwrap() {
        if person.email.ends_with("@new.example") {
            member::remove(&world.operator(), at.id, &person.email).await.unwrap();
        }
    }
}

on_both! {
    /// Another workspace's records do not exist.
    async fn another_workspace_does_not_exist(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = Person::sign_in(&world, fixtures.home.id, "owner@home.example").await;
        for action in actions() {
            let target = target(&world, &fixtures.other, action).await;
            let outcome = perform(&owner.cx().await, action, &target, "ada@new.example").await;
            match target {
                Target::None => assert!(outcome.is_ok(), "{action:?}: {outcome:?}"),
                Target::Client(_) => assert!(outcome.unwrap_err().fields().unwrap().names("clientId"), "{action:?}"),
                Target::Invoice(_) | Target::Member(_) => assert!(matches!(outcome, Err(Error::NotFound(_))), "{action:?}"),
            }
        }
        let theirs = world.get(&fixtures.other.owner, "/api/v1/invoices").await.data(200);
        assert!(theirs.as_array().unwrap().iter().all(|invoice| invoice["status"] != json!("CANCELLED")));
    }
}
