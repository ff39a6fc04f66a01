//! Every form that changes people, the workspace or invoices × every role × another workspace, against the policy. What a
//! token may do of it is in `signed_in`.

use service::value::{Id, Role};
use service::{Action, policy};
use tests::{Fixtures, Workspace, World, on_both};

use super::{Browser, page};
use crate::signed_in::roles::{Target, actions, target, tidy_up};

/// Where an action is performed, with which fields.
fn form(action: Action, target: &Target, email: &str) -> (String, Vec<(&'static str, String)>) {
    let id = match target {
        Target::Invoice(id) => id.any(),
        Target::Member(id) => id.any(),
        Target::Client(_) | Target::None => Id::NONE,
    };
    let bill = || {
        let Target::Client(client) = target else { panic!("{action:?} bills a client") };
        vec![("clientId", client.clone()), ("from", "2026-06-01".into()), ("to", "2026-06-30".into())]
    };
    let [members, invoices] = ["members", "invoices"].map(|noun| format!("/settings/{noun}/{id}"));
    match action {
        Action::CreateToken => (
            "/settings/api/new".into(),
            vec![("name", "n".into()), ("scope", "read".into()), ("expiresAt", "30".into())],
        ),
        Action::AddMember => {
            let fields = vec![("email", email.to_owned()), ("name", "Ada".into()), ("role", "MEMBER".into())];
            ("/settings/members/new".into(), fields)
        }
        Action::SetMemberRole => (format!("{members}/role"), vec![("role", "MANAGER".into())]),
        Action::RemoveMember => (format!("{members}/remove"), vec![]),
        Action::UpdateOrganization => ("/settings/workspace".into(), vec![("name", "home".into())]),
        Action::PreviewInvoice => ("/settings/invoices/new".into(), bill()),
        Action::CreateInvoice => ("/settings/invoices/make".into(), bill()),
        Action::SendInvoice => (format!("{invoices}/send"), vec![]),
        Action::RecordPayment => (format!("{invoices}/pay"), vec![("amount", "1".into())]),
        Action::RecordFailedPayment => (format!("{invoices}/payment-failed"), vec![]),
        Action::RefundInvoice => (format!("{invoices}/refund"), vec![]),
        Action::CancelInvoice => (format!("{invoices}/cancel"), vec![]),
        _ => panic!("{action:?} has no form"),
    }
}

async fn send(world: &World, browser: &Browser<'_>, action: Action, target: &Target) -> tests::Answer {
    let (path, fields) = form(action, target, &format!("{}@new.example", world.new_key()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(&path, &fields).await
}

async fn browser<'a>(world: &'a World, at: &Workspace, role: Role) -> Browser<'a> {
    Browser::signed_in(world, at.id, &format!("{}@home.example", role.as_str().to_lowercase())).await
}

on_both! {
    /// What the policy allows happens; what it does not is 403 and changes nothing, on the page as on its form.
    async fn every_role_may_do_what_the_policy_says(world: World) {
        let home = Fixtures::new(&world).await.home;
        for role in Role::ALL {
            let browser = browser(&world, &home, *role).await;
            for action in actions() {
                let target = target(&world, &home, action).await;
                let answer = send(&world, &browser, action, &target).await;
                match policy::allows(*role, action) {
                    true if matches!(action, Action::CreateToken | Action::PreviewInvoice) => drop(page(&answer, 200)),
                    true => assert_eq!(answer.status, 303, "{role} {action:?}: {}", answer.text()),
                    false => {
                        let shown = page(&answer, 403);
                        assert!(!shown.contains("150.00"), "{role} {action:?}: {shown}");
                    }
                }
                if !policy::allows(*role, action) && !matches!(action, Action::CreateInvoice | Action::UpdateOrganization) {
                    page(&browser.get(&form(action, &target, "").0).await, 403);
                }
                tidy_up(&world, &home, "").await;
            }
        }
    }
}

on_both! {
    /// The pages that only show: money and invoices for Managers and above, everything else for everyone.
    async fn money_never_reaches_a_member(world: World) {
        let home = Fixtures::new(&world).await.home;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "150.00").await;
        let id = home.invoice(&world, &client).await;
        for role in Role::ALL {
            let browser = browser(&world, &home, *role).await;
            for path in ["/settings".to_owned(), "/settings/members".into(), "/settings/workspace".into(), "/settings/api".into()] {
                let shown = page(&browser.get(&path).await, 200);
                assert_eq!(shown.contains("href=\"/settings/invoices\""), policy::sees_money(*role), "{role} {path}");
                assert!(!shown.contains("150.00"), "{role} {path}");
            }
            for path in ["", "/new", &format!("/{id}"), &format!("/{id}/print"), &format!("/{id}/send")] {
                let answer = browser.get(&format!("/settings/invoices{path}")).await;
                let shown = page(&answer, if policy::sees_money(*role) { 200 } else { 403 });
                assert!(policy::sees_money(*role) || !shown.contains("150.00"), "{role} {path}: {shown}");
            }
        }
    }
}

on_both! {
    /// Another workspace's people and invoices do not exist.
    async fn another_workspace_does_not_exist(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = browser(&world, &fixtures.home, Role::Owner).await;
        fixtures.home.client(&world, "own").await;
        for action in actions() {
            let target = target(&world, &fixtures.other, action).await;
            let answer = send(&world, &owner, action, &target).await;
            match target {
                Target::None => {}
                Target::Client(_) => assert!(page(&answer, 422).contains("id=\"clientId-error\""), "{action:?}"),
                Target::Invoice(_) | Target::Member(_) => {
                    page(&answer, 404);
                    page(&owner.get(&form(action, &target, "").0).await, 404);
                }
            }
        }
    }
}
