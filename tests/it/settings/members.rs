//! `/settings/members`: people are added, given other roles and removed.

use service::value::{MemberId, Plan, TokenScope};
use tests::{Fixtures, Workspace, World, mint, on_both};

use super::{Browser, labelled, leads_to, page};

const MINUTE: i64 = 60_000;
const NEW: &str = "/settings/members/new";

/// The id of a member.
pub(super) async fn id_of(world: &World, at: &Workspace, email: &str) -> MemberId {
    let all = service::member::all_of(&world.operator(), at.id).await.unwrap();
    all.iter().find(|member| member.email == email).expect("a member").id
}

async fn count(world: &World, at: &Workspace) -> usize {
    service::member::all_of(&world.operator(), at.id).await.unwrap().len()
}

on_both! {
    /// Added once, however often the form is sent, and able to sign in; listed and found by role and by name.
    async fn a_person_is_added(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        labelled(&page(&owner.get(NEW).await, 200));
        let fields = [("email", "ada@home.example"), ("name", "Ada <L>"), ("role", "MANAGER")];
        let send = || owner.post_with("the-key", NEW, &fields);
        let (one, other) = tokio::join!(send(), send());
        leads_to(&one, "/settings/members?done=member-added");
        leads_to(&other, "/settings/members?done=member-added");
        assert_eq!(count(&world, &home).await, 5, "a double click adds one person");

        let list = page(&owner.get("/settings/members?done=member-added").await, 200);
        assert!(list.contains("Ada &lt;L&gt;") && list.contains("The person is added") && list.contains("5 of the 25"), "{list}");
        labelled(&list);
        let managers = page(&owner.get("/settings/members?role=MANAGER&search=ada").await, 200);
        assert!(managers.contains("ada@home.example") && !managers.contains("manager@home.example"), "{managers}");
        assert!(managers.contains("value=\"ada\""), "the filter stays in its field");
        assert!(page(&owner.get("/settings/members?search=nobody").await, 200).contains("Nobody fits."));
        Browser::signed_in(&world, home.id, "ada@home.example").await;
    }
}

on_both! {
    /// What is wrong stands beside its field, with what was typed; the cap of the plan is said with what to do.
    async fn a_person_is_refused_with_the_reason(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let wrong = [("email", "no <address>"), ("name", " "), ("role", "KING")];
        let shown = page(&owner.post(NEW, &wrong).await, 422);
        for field in ["email", "name", "role"] {
            assert!(shown.contains(&format!("id=\"{field}-error\"")), "{field}: {shown}");
        }
        assert!(shown.contains("value=\"no &lt;address&gt;\""), "{shown}");
        labelled(&shown);
        let again = [("email", "Admin@home.example"), ("name", "Ada"), ("role", "MEMBER")];
        let shown = page(&owner.post(NEW, &again).await, 409);
        assert!(shown.contains("id=\"email-error\"") && shown.contains("a member already"), "{shown}");

        let free = Workspace::new(&world, "free", Plan::Free).await;
        let owner = Browser::signed_in(&world, free.id, "owner@free.example").await;
        let third = [("email", "ada@free.example"), ("name", "Ada"), ("role", "MEMBER")];
        leads_to(&owner.post(NEW, &third).await, "/settings/members?done=member-added");
        let list = page(&owner.get("/settings/members").await, 200);
        assert!(list.contains("3 of the 3") && !list.contains(NEW) && list.contains("larger plan"), "{list}");
        let fourth = [("email", "grace@free.example"), ("name", "Grace"), ("role", "MEMBER")];
        assert!(page(&owner.post(NEW, &fourth).await, 409).contains("allows 3 members"));
    }
}

on_both! {
    /// A role counts from the next page of the one who has it, who is signed in all the time.
    async fn a_role_is_lowered_while_its_owner_is_signed_in(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let admin = Browser::signed_in(&world, home.id, "admin@home.example").await;
        page(&admin.get(NEW).await, 200);
        let path = format!("/settings/members/{}/role", id_of(&world, &home, "admin@home.example").await);
        let asked = page(&owner.get(&path).await, 200);
        assert!(asked.contains("admin@home.example") && asked.contains("<option value=\"ADMIN\" selected"), "{asked}");
        labelled(&asked);
        leads_to(&owner.post(&path, &[("role", "MEMBER")]).await, "/settings/members?done=role-changed");
        page(&admin.get(NEW).await, 403);
        page(&admin.post(NEW, &[("email", "eve@home.example"), ("name", "Eve"), ("role", "MEMBER")]).await, 403);
        let list = page(&admin.get("/settings/members").await, 200);
        assert!(list.contains("admin@home.example") && !list.contains("manager@home.example"), "only their own record: {list}");
        assert!(!list.contains("/settings/invoices"), "and no money in the navigation");
        page(&admin.get("/settings/invoices").await, 403);
    }
}

on_both! {
    /// The confirmation names the person and the tokens that end; then the session and the tokens have ended.
    async fn a_person_is_removed(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let other = mint(&world, home.id, "manager@home.example", TokenScope::Read).await;
        let path = format!("/settings/members/{}/remove", id_of(&world, &home, "manager@home.example").await);
        let sure = page(&owner.get(&path).await, 200);
        assert!(sure.contains("Remove manager@home.example"), "{sure}");
        for token in [&home.manager, &other] {
            assert!(sure.contains(token.split('_').nth(2).unwrap()), "every token is named: {sure}");
        }
        assert_eq!(count(&world, &home).await, 4, "looking removes nobody");
        let send = || owner.post_with("the-key", &path, &[]);
        let (one, other) = tokio::join!(send(), send());
        leads_to(&one, "/settings/members?done=member-removed");
        leads_to(&other, "/settings/members?done=member-removed");
        world.get(&home.manager, "/api/v1/me").await.error(401, "unauthenticated");
        assert!(manager.get("/settings").await.header("location").unwrap().starts_with("/settings/sign-in"));
        page(&owner.get(&path).await, 404);
        page(&owner.post(&path, &[]).await, 404);
    }
}

on_both! {
    /// The last Owner stays; of Owners an Admin does not decide, and is not offered to.
    async fn owners_are_for_owners(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let own = id_of(&world, &home, "owner@home.example").await;
        let [role, remove] = ["role", "remove"].map(|step| format!("/settings/members/{own}/{step}"));
        assert!(page(&owner.get(&remove).await, 200).contains("This is you"));
        assert!(page(&owner.post(&remove, &[]).await, 409).contains("This is the last Owner"));
        assert!(page(&owner.post(&role, &[("role", "ADMIN")]).await, 409).contains("This is the last Owner"));

        let admin = Browser::signed_in(&world, home.id, "admin@home.example").await;
        for path in [&role, &remove] {
            page(&admin.get(path).await, 403);
            page(&admin.post(path, &[("role", "MEMBER")]).await, 403);
        }
        assert!(!page(&admin.get(NEW).await, 200).contains("OWNER"));
        page(&admin.post(NEW, &[("email", "eve@home.example"), ("name", "Eve"), ("role", "OWNER")]).await, 403);
        let list = page(&admin.get("/settings/members").await, 200);
        assert!(!list.contains(&own.to_string()), "no step of an Owner is offered: {list}");
    }
}

on_both! {
    /// Changing people asks for a sign-in of the last five minutes, and leads back; looking does not.
    async fn changing_people_asks_to_sign_in_again(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let id = id_of(&world, &home, "member@home.example").await;
        world.clock.advance(5 * MINUTE);
        for path in [NEW.to_owned(), format!("/settings/members/{id}/role"), format!("/settings/members/{id}/remove")] {
            let fields = [("email", "ada@home.example"), ("name", "Ada"), ("role", "ADMIN")];
            for answer in [owner.get(&path).await, owner.post(&path, &fields).await] {
                let shown = page(&answer, 403);
                assert!(shown.contains("/settings/sign-in?next=") && shown.contains("last five minutes"), "{shown}");
            }
        }
        assert_eq!(count(&world, &home).await, 4);
        page(&owner.get("/settings/members").await, 200);
    }
}
