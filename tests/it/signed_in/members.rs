//! People: added, given other roles and removed by those who administer the workspace.

use service::member::{self, settings};
use service::value::{Plan, Role};
use service::{Cx, Error, Written};
use tests::{Fixtures, Workspace, on_both};

use super::{Person, new_member, role};

/// The id of a member, by the name of their role in the fixtures.
async fn id(cx: &Cx, email: &str) -> service::value::MemberId {
    let page = member::list(cx, &Default::default()).await.unwrap();
    page.items.iter().find(|member| member.email == email).expect("a member").id
}

fn reason<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.unwrap_err().reason().expect("a reason")
}

fn is_forbidden<T: std::fmt::Debug>(outcome: Result<T, Error>) -> bool {
    matches!(outcome.unwrap_err(), Error::Forbidden(_))
}

on_both! {
    /// Added once however often the form is sent, up to the plan's cap; once only; with an address and a name.
    async fn people_are_added_within_the_plan(world: World) {
        let free = Workspace::new(&world, "free", Plan::Free).await;
        let owner = Person::sign_in(&world, free.id, "owner@free.example").await;
        let added = settings::add(&owner.cx_with("add").await, new_member("ada@free.example", Role::Manager)).await.unwrap();
        assert!(matches!(added, Written::Fresh { created: true, .. }));
        let again = settings::add(&owner.cx_with("add").await, new_member("ada@free.example", Role::Manager)).await.unwrap();
        assert!(matches!(again, Written::Replayed(_)), "a double click adds nobody twice");
        assert_eq!(reason(settings::add(&owner.cx().await, new_member("grace@free.example", Role::Member)).await), "member_cap");

        let home = Fixtures::new(&world).await.home;
        let owner = Person::sign_in(&world, home.id, "owner@home.example").await;
        assert_eq!(reason(settings::add(&owner.cx().await, new_member("ADMIN@home.example", Role::Member)).await), "already_member");
        let wrong = settings::add(&owner.cx().await, new_member("no address", Role::Member)).await.unwrap_err();
        assert!(wrong.fields().unwrap().names("email"));
        let empty = settings::add(&owner.cx().await, Default::default()).await.unwrap_err();
        assert!(["email", "name", "role"].iter().all(|field| empty.fields().unwrap().names(field)), "{empty}");
    }
}

on_both! {
    /// Of Owners only an Owner decides; an Admin decides of everyone else.
    async fn an_admin_makes_no_owner(world: World) {
        let home = Fixtures::new(&world).await.home;
        let admin = Person::sign_in(&world, home.id, "admin@home.example").await;
        let cx = admin.cx().await;
        let (owner, manager, own) =
            (id(&cx, "owner@home.example").await, id(&cx, "manager@home.example").await, id(&cx, "admin@home.example").await);
        assert!(is_forbidden(settings::add(&admin.cx().await, new_member("ada@home.example", Role::Owner)).await));
        assert!(is_forbidden(settings::set_role(&admin.cx().await, own, role(Role::Owner)).await));
        assert!(is_forbidden(settings::set_role(&admin.cx().await, owner, role(Role::Member)).await));
        assert!(is_forbidden(settings::remove(&admin.cx().await, owner).await));
        settings::add(&admin.cx().await, new_member("ada@home.example", Role::Admin)).await.unwrap();
        settings::set_role(&admin.cx().await, manager, role(Role::Member)).await.unwrap();
        settings::remove(&admin.cx().await, manager).await.unwrap();
    }
}

on_both! {
    /// The last Owner stays, and stays Owner; with another one, they may leave.
    async fn the_last_owner_stays(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Person::sign_in(&world, home.id, "owner@home.example").await;
        let cx = owner.cx().await;
        let (own, admin) = (id(&cx, "owner@home.example").await, id(&cx, "admin@home.example").await);
        assert_eq!(reason(settings::set_role(&owner.cx().await, own, role(Role::Admin)).await), "last_owner");
        assert_eq!(reason(settings::remove(&owner.cx().await, own).await), "last_owner");
        settings::set_role(&owner.cx().await, admin, role(Role::Owner)).await.unwrap();
        settings::remove(&owner.cx().await, own).await.unwrap();
        assert!(matches!(owner.enter(Default::default()).await, Err(Error::Unauthenticated(_))), "signed out");
        world.get(&home.owner, "/api/v1/me").await.error(401, "unauthenticated");
    }
}

on_both! {
    /// A role counts from the next request; a removal ends the session and the tokens, also where the person comes back.
    async fn roles_and_removals_count_at_once(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Person::sign_in(&world, home.id, "owner@home.example").await;
        let admin = Person::sign_in(&world, home.id, "admin@home.example").await;
        let theirs = id(&owner.cx().await, "admin@home.example").await;
        settings::set_role(&owner.cx().await, theirs, role(Role::Manager)).await.unwrap();
        assert!(is_forbidden(settings::add(&admin.cx().await, new_member("ada@home.example", Role::Member)).await));
        settings::remove(&owner.cx().await, theirs).await.unwrap();
        assert!(matches!(settings::remove(&owner.cx().await, theirs).await, Err(Error::NotFound(_))), "gone already");
        settings::add(&owner.cx().await, new_member("admin@home.example", Role::Admin)).await.unwrap();
        assert!(matches!(admin.enter(Default::default()).await, Err(Error::Unauthenticated(_))));
        world.get(&home.admin, "/api/v1/me").await.error(401, "unauthenticated");
    }
}

on_both! {
    /// Changing people asks for a recent sign-in; looking at them does not.
    async fn changing_people_asks_for_a_recent_sign_in(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Person::sign_in(&world, home.id, "owner@home.example").await;
        let theirs = id(&owner.cx().await, "admin@home.example").await;
        world.clock.advance(5 * 60 * 1000);
        assert!(is_forbidden(settings::add(&owner.cx().await, new_member("ada@home.example", Role::Member)).await));
        assert!(is_forbidden(settings::set_role(&owner.cx().await, theirs, role(Role::Member)).await));
        assert!(is_forbidden(settings::remove(&owner.cx().await, theirs).await));
        id(&owner.cx().await, "admin@home.example").await;
    }
}
