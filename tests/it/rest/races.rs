//! Pairs of requests that must exclude each other, run concurrently, many rounds.

use poem::http::Method;
use serde_json::json;
use service::value::{Role, Wire};
use service::{Error, member};
use tests::{Fixtures, on_both};

on_both! {
    /// A project is not deleted under a timer that starts on it.
    async fn a_delete_and_a_start(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for round in 0..20 {
            let project = fixtures.home.project(&world, &format!("P{round}")).await;
            let delete = world.call(Method::DELETE, &format!("/api/v1/projects/{project}")).token(owner);
            let start = world.call(Method::POST, "/api/v1/time-entries/start").token(owner).key(&world.new_key());
            let start = start.json(json!({ "projectId": project }));
            let (deleted, started) = tokio::join!(tokio::spawn(delete.send()), tokio::spawn(start.send()));
            let outcome = (deleted.unwrap().status.as_u16(), started.unwrap().status.as_u16());
            assert!([(204, 422), (409, 201)].contains(&outcome), "round {round}: {outcome:?}");
        }
    }
}

on_both! {
    /// Of two Owners who are removed at once, one stays.
    async fn the_last_owner(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (id, operator) = (fixtures.home.id, world.operator());
        for round in 0..10 {
            let email = format!("second{round}@home.example");
            let second = member::NewMember {
                email: Wire::parse_text(&email).unwrap(),
                name: Wire::parse_text("Second").unwrap(),
                role: Role::Owner,
            };
            member::add(&operator, id, second).await.unwrap();
            let (one, two) = (operator.clone(), operator.clone());
            let remove = tokio::spawn(async move { member::remove(&one, id, &email).await });
            let lower = tokio::spawn(async move { member::set_role(&two, id, "owner@home.example", Role::Admin).await });
            let (removed, lowered) = (remove.await.unwrap(), lower.await.unwrap());
            let kept = |outcome: &Result<member::Member, Error>| {
                outcome.as_ref().is_err_and(|error| error.reason() == Some("last_owner"))
            };
            match (&removed, &lowered) {
                (Ok(_), refused) => assert!(kept(refused), "round {round}"),
                (refused, Ok(_)) => {
                    assert!(kept(refused), "round {round}");
                    member::set_role(&operator, id, "owner@home.example", Role::Owner).await.unwrap();
                    member::remove(&operator, id, &format!("second{round}@home.example")).await.unwrap();
                }
                both => panic!("round {round}: {both:?}"),
            }
        }
    }
}

on_both! {
    /// However many are added at once, a plan's cap holds.
    async fn the_member_cap(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (id, operator) = (fixtures.home.id, world.operator());
        let mut all = Vec::new();
        for i in 0..40 {
            let (operator, email) = (operator.clone(), format!("p{i}@home.example"));
            all.push(tokio::spawn(async move {
                let person = member::NewMember {
                    email: Wire::parse_text(&email).unwrap(),
                    name: Wire::parse_text("P").unwrap(),
                    role: Role::Member,
                };
                member::add(&operator, id, person).await
            }));
        }
        let mut added = 0;
        for one in all {
            match one.await.unwrap() {
                Ok(_) => added += 1,
                Err(error) => assert_eq!(error.reason(), Some("member_cap")),
            }
        }
        assert_eq!(added, 25 - 4);
        let members = world.get(&fixtures.home.owner, "/api/v1/members?limit=200").await.data(200);
        assert_eq!(members.as_array().unwrap().len(), 25);
    }
}

on_both! {
    /// A Member who is taken off a project logs no time on it afterwards.
    async fn a_log_and_a_leave(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, member) = (&fixtures.home.owner, &fixtures.home.member);
        for round in 0..20 {
            let project = fixtures.home.project_with_member(&world, &format!("P{round}")).await;
            let path = format!("/api/v1/projects/{project}/members/{}", fixtures.home.member_user);
            let leave = world.call(Method::DELETE, &path).token(owner);
            let body = json!({ "projectId": project, "durationSeconds": 1, "entryDate": "2026-06-11" });
            let log = world.call(Method::POST, "/api/v1/time-entries").token(member).key(&world.new_key()).json(body.clone());
            let (left, logged) = tokio::join!(tokio::spawn(leave.send()), tokio::spawn(log.send()));
            assert_eq!(left.unwrap().status, 204);
            assert!([201, 422].contains(&logged.unwrap().status.as_u16()), "round {round}");
            assert!(world.post(member, "/api/v1/time-entries", body).await.fields()["projectId"].is_string());
        }
    }
}

on_both! {
    /// A project that stops being billable takes its entries with it, while they are being changed: nobody is in the
    /// other's way.
    async fn a_project_and_its_entries(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let path = format!("/api/v1/projects/{project}");
        let mut entries = Vec::new();
        for _ in 0..8 {
            entries.push(fixtures.home.entry(&world, owner, &project).await["id"].as_str().unwrap().to_owned());
        }
        for round in 0..15 {
            let rate = ["NON_BILLABLE", "HOURLY"][round % 2];
            let mut all = vec![world.call(Method::PATCH, &path).token(owner).json(json!({ "rateType": rate }))];
            for entry in &entries {
                let change = json!({ "billable": true, "note": format!("round {round}") });
                all.push(world.call(Method::PATCH, &format!("/api/v1/time-entries/{entry}")).token(owner).json(change));
            }
            let all: Vec<_> = all.into_iter().map(|call| tokio::spawn(call.send())).collect();
            for one in all {
                one.await.unwrap().data(200);
            }
            if rate == "NON_BILLABLE" {
                let billable = world.get(owner, "/api/v1/time-entries?billable=true").await.data(200);
                assert_eq!(billable, json!([]), "round {round}");
            }
        }
    }
}

on_both! {
    /// A Member is assigned and taken off the project at once: they end on both, or on neither.
    async fn an_assignment_and_a_leave(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for round in 0..20 {
            let project = fixtures.home.project_with_member(&world, &format!("P{round}")).await;
            let task = world.post(owner, "/api/v1/tasks", json!({ "projectId": project, "name": "T" })).await.id();
            let task = format!("/api/v1/tasks/{task}");
            let place = format!("/api/v1/projects/{project}/members/{}", fixtures.home.member_user);
            let leave = world.call(Method::DELETE, &place).token(owner);
            let assign = world.call(Method::PATCH, &task).token(owner).json(json!({ "assigneeIds": [fixtures.home.member_user] }));
            let (left, assigned) = tokio::join!(tokio::spawn(leave.send()), tokio::spawn(assign.send()));
            assert_eq!((left.unwrap().status.as_u16(), assigned.unwrap().status.as_u16()), (204, 200), "round {round}");
            let on = world.get(owner, &format!("/api/v1/projects/{project}/members")).await.data(200);
            let of = world.get(owner, &task).await.data(200)["assigneeIds"].clone();
            assert_eq!(on.as_array().unwrap().len(), of.as_array().unwrap().len(), "round {round}");
        }
    }
}
