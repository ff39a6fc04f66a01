//! Tokens that their owners make for themselves.

use sea_orm::{ConnectionTrait, Statement};
use service::value::{Plan, TokenScope};
use service::{Error, Feature, Written, token};
use tests::{Fixtures, Workspace, mint, on_both};

use super::{Person, new_token, sent, with_token};

on_both! {
    /// A new token acts as the member who made it; the same key shows the same token, which lies sealed until then.
    async fn a_member_makes_a_token_of_their_own(world: World) {
        let home = Fixtures::new(&world).await.home;
        let manager = Person::sign_in(&world, home.id, "manager@home.example").await;
        let made = token::mint(&manager.cx_with("once").await, new_token("CI")).await.unwrap().into_record().unwrap();
        let me = world.get(&made.token, "/api/v1/me").await.data(200);
        assert_eq!((&me["role"], &me["tokenName"], &me["scopes"][1]), (&"MANAGER".into(), &"CI".into(), &"write".into()));

        let again = token::mint(&manager.cx_with("once").await, new_token("CI")).await.unwrap();
        assert!(matches!(again, Written::Replayed(_)));
        assert_eq!(again.into_record().unwrap().token, made.token);
        let db = world.database.connect().await;
        let stored = Statement::from_string(db.get_database_backend(), "SELECT body FROM idempotency_key WHERE key = 'once'");
        let body: String = db.query_one_raw(stored).await.unwrap().unwrap().try_get("", "body").unwrap();
        assert!(!body.contains("hsk_"), "{body}");
        assert_eq!(token::of_member(&manager.cx().await, manager.cx().await.caller().member_id()).await.unwrap().len(), 2);
    }
}

on_both! {
    /// What a token needs: a name, a scope, a future; fewer than 50 others; a recent sign-in; a person, not a token.
    async fn a_token_is_refused_for_a_reason(world: World) {
        let home = Fixtures::new(&world).await.home;
        let member = Person::sign_in(&world, home.id, "member@home.example").await;
        let empty = token::mint(&member.cx().await, Default::default()).await.unwrap_err();
        assert!(empty.fields().unwrap().names("name") && empty.fields().unwrap().names("scope"));
        let past = token::CreateTokenInput { expires_at: sent("2026-06-11T08:00:00Z"), ..new_token("late") };
        assert!(token::mint(&member.cx().await, past).await.unwrap_err().fields().unwrap().names("expiresAt"));

        for _ in 1..50 {
            mint(&world, home.id, "member@home.example", TokenScope::Read).await;
        }
        let capped = token::mint(&member.cx().await, new_token("one more")).await.unwrap_err();
        assert_eq!(capped.reason(), Some("token_cap"));

        let refused = token::mint(&with_token(&world, &home.owner).await, new_token("by a token")).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden(_)), "{refused}");
        world.clock.advance(5 * 60 * 1000);
        let late = token::mint(&member.cx().await, new_token("late")).await.unwrap_err();
        assert!(matches!(late, Error::Forbidden(_)), "{late}");
    }
}

on_both! {
    /// On Free everyone signs in, and a token is what the plan lacks.
    async fn free_has_no_tokens(world: World) {
        let free = Workspace::new(&world, "free", Plan::Free).await;
        let owner = Person::sign_in(&world, free.id, "owner@free.example").await;
        let lacks = token::mint(&owner.cx().await, new_token("CI")).await.unwrap_err();
        assert!(matches!(lacks, Error::PlanLacks(Feature::ApiAccess)), "{lacks}");
        service::member::list(&owner.cx().await, &Default::default()).await.unwrap();
    }
}
