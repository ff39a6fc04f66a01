//! Every action × every role × another workspace × a read-only token, over REST and GraphQL, against the policy.

mod recipes;

use poem::http::Method;
use serde_json::{Value, json};
use service::value::Role;
use service::{Access, Action, policy};
use tests::{Answer, Fixtures, World, on_both};

pub(crate) use self::recipes::Recipe;
use self::recipes::recipe;

/// What the API offers; the rest is on the settings pages alone, which have a test of their own.
fn api_actions() -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| !action.needs_session()).collect()
}

async fn over_rest(world: &World, token: &str, recipe: &Recipe) -> Answer {
    let (method, path, body) = &recipe.rest;
    let mut call = world.call(method.clone(), path).token(token);
    if *method == Method::POST {
        call = call.key(&world.new_key());
    }
    match body {
        Some(body) => call.json(body.clone()).send().await,
        None => call.send().await,
    }
}

async fn over_graphql(world: &World, token: &str, recipe: &Recipe) -> Option<Answer> {
    match &recipe.graphql {
        Some((query, variables)) => Some(world.graphql(token, query, variables.clone()).await),
        None => None,
    }
}

/// The fields of money, which a Member must not see.
const MONEY: [&str; 15] = [
    "amounts",
    "hourlyRate",
    "fixedFeeAmount",
    "budgetAmount",
    "defaultRate",
    "amount",
    "subtotal",
    "discountAmount",
    "taxAmount",
    "total",
    "amountPaid",
    "unitPrice",
    "payment",
    "billableAmount",
    "outstanding",
];

fn assert_no_money(answer: &Answer, action: Action) {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    // The total of a report is no amount, but what holds some.
                    if MONEY.contains(&key.as_str()) && !value.is_null() && !value.is_object() {
                        found.push(key.clone());
                    }
                    walk(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    if answer.bytes.is_empty() {
        return;
    }
    let mut found = Vec::new();
    walk(&answer.json(), &mut found);
    assert!(found.is_empty(), "{action:?} shows a Member {found:?}: {}", answer.text());
    assert!(!answer.text().contains("150.00"), "{action:?} shows a Member a rate: {}", answer.text());
}

on_both! {
    /// What the policy allows happens; what it does not is 403 on either surface, and nothing is shown.
    async fn every_role_may_do_what_the_policy_says(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for action in &api_actions() {
            for role in Role::ALL {
                let token = fixtures.home.token(*role);
                let allowed = policy::allows(*role, *action);
                let recipe_for_rest = recipe(&world, &fixtures.home, *role, *action).await;
                let rest = over_rest(&world, token, &recipe_for_rest).await;
                let recipe_for_graphql = recipe(&world, &fixtures.home, *role, *action).await;
                let graphql = over_graphql(&world, token, &recipe_for_graphql).await;
                if allowed {
                    assert!(rest.status.is_success(), "{role} {action:?}: {}", rest.text());
                    if let Some(answer) = &graphql {
                        answer.graphql();
                    }
                } else {
                    rest.error(403, "forbidden_scope");
                    if let Some(answer) = &graphql {
                        assert_eq!(answer.graphql_error()["code"], "forbidden_scope", "{role} {action:?}");
                    }
                }
                if *role == Role::Member {
                    assert_no_money(&rest, *action);
                    graphql.iter().for_each(|answer| assert_no_money(answer, *action));
                }
            }
        }
    }
}

on_both! {
    /// A record of another workspace does not exist: 404, or 422 where a body names it. Lists do not hold it.
    async fn another_workspace_does_not_exist(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for action in &api_actions() {
            for role in Role::ALL {
                let recipe = recipe(&world, &fixtures.other, Role::Owner, *action).await;
                let token = fixtures.home.token(*role);
                let names_a_record = recipe.rest.1.contains("-7") || recipe.rest.1.matches('-').count() > 3;
                let names_in_body = recipe.names_in_body();
                if !names_a_record && !names_in_body {
                    let answer = over_rest(&world, token, &recipe).await;
                    assert!(!answer.text().contains(&fixtures.other.id.to_string()), "{role} {action:?}: {}", answer.text());
                    continue;
                }
                let expected = match (policy::allows(*role, *action), names_in_body) {
                    (false, _) => (403, "forbidden_scope"),
                    (true, true) => (422, "validation_error"),
                    (true, false) => (404, "not_found"),
                };
                over_rest(&world, token, &recipe).await.error(expected.0, expected.1);
                if let Some(answer) = over_graphql(&world, token, &recipe).await {
                    assert_eq!(answer.graphql_error()["code"], expected.1, "{role} {action:?}");
                }
            }
        }
    }
}

on_both! {
    /// A token with scope read reads what its role reads, and writes nothing.
    async fn a_token_that_only_reads_writes_nothing(world: World) {
        let fixtures = Fixtures::new(&world).await;
        for role in Role::ALL {
            let reader = fixtures.home.reader(&world, *role).await;
            for action in &api_actions() {
                if action.access() == Access::Write && *action == Action::RevokeToken {
                    // The recipe ends a reading token; this reader is not to be the one.
                    let answer = world.delete(&reader, "/api/v1/tokens/01890a5d-ac96-774b-bcce-b302099a8057").await;
                    answer.error(403, "forbidden_scope");
                    continue;
                }
                let recipe = recipe(&world, &fixtures.home, *role, *action).await;
                let rest = over_rest(&world, &reader, &recipe).await;
                let graphql = over_graphql(&world, &reader, &recipe).await;
                if action.access() == Access::Write {
                    rest.error(403, "forbidden_scope");
                    if let Some(answer) = graphql {
                        assert_eq!(answer.graphql_error()["code"], "forbidden_scope");
                    }
                } else if policy::allows(*role, *action) {
                    assert!(rest.status.is_success(), "{role} {action:?}: {}", rest.text());
                }
            }
        }
    }
}

on_both! {
    /// A Member sees only their own time, on the projects that they are on, on every path.
    async fn a_member_sees_no_other_time(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        let project = home.project_with_member(&world, "shared").await;
        let hidden = home.project(&world, "hidden").await;
        let theirs = home.entry(&world, &home.owner, &project).await;
        let own = home.entry(&world, member, &project).await;
        let id = |entry: &Value| entry["id"].as_str().unwrap().to_owned();

        world.get(member, &format!("/api/v1/time-entries/{}", id(&theirs))).await.error(404, "not_found");
        world.get(member, &format!("/api/v1/projects/{hidden}")).await.error(404, "not_found");
        for path in ["/api/v1/time-entries".to_owned(), format!("/api/v1/time-entries?userId={}", home.owner_user)] {
            let rows = world.get(member, &path).await.data(200);
            assert_eq!(rows.as_array().unwrap().len(), 1, "{path}");
            assert_eq!(rows[0]["id"], own["id"]);
        }
        let query = "{ projects { nodes { id hourlyRate budgetAmount fixedFeeAmount client { id } timeEntries { nodes { id } } } } }";
        let seen = world.graphql(member, query, json!({})).await.graphql();
        assert_eq!(
            seen["projects"]["nodes"],
            json!([{ "id": project, "hourlyRate": null, "budgetAmount": null, "fixedFeeAmount": null, "client": null,
                "timeEntries": { "nodes": [{ "id": own["id"] }] } }])
        );
        for parameter in ["clientId=01890a5d-ac96-774b-bcce-b302099a8057", "clientName=x", "includeDeleted=true"] {
            world.get(member, &format!("/api/v1/projects?{parameter}")).await.error(403, "forbidden_scope");
        }
        world
            .post(member, "/api/v1/time-entries", json!({ "projectId": project, "userId": home.owner_user,
                "durationSeconds": 60, "entryDate": "2026-06-11" }))
            .await
            .error(403, "forbidden_scope");
        world
            .post(member, "/api/v1/time-entries", json!({ "projectId": hidden, "durationSeconds": 60, "entryDate": "2026-06-11" }))
            .await
            .fields();
        let organization = world.get(member, "/api/v1/organization").await.data(200);
        assert!(organization.get("taxId").is_none() && organization.get("legalName").is_none(), "{organization}");
        let members = world.get(member, "/api/v1/members").await.data(200);
        assert_eq!(members.as_array().unwrap().len(), 1);
        assert_eq!(members[0]["userId"], json!(home.member_user));

        // Off the project, the own time stays readable and is not writable any more.
        let path = format!("/api/v1/projects/{project}/members/{}", home.member_user);
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
        let path = format!("/api/v1/time-entries/{}", id(&own));
        world.get(member, &path).await.data(200);
        world.patch(member, &path, json!({ "note": "later" })).await.error(403, "forbidden_scope");
        world.delete(member, &path).await.error(403, "forbidden_scope");
    }
}
