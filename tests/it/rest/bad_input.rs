//! Whatever is sent, the answer is the envelope with the right code, and nothing is written.

use poem::http::Method;
use serde_json::json;
use tests::{Cast, on_both};

on_both! {
    /// Bodies that are no JSON object of ours.
    async fn wrong_bodies_are_told(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let send = async |body: Vec<u8>| {
            let call = world.call(Method::POST, "/api/v1/clients").token(owner).key(&world.new_key());
            call.header("content-type", "application/json").body(body).send().await
        };
        for broken in [
            &b""[..],
            b"{",
            b"{\"name\":}",
            b"{\"name\":\"a\"} trailing",
            b"\xff\xfe",
            b"{\"name\":\"\xc3\x28\"}",
            b"{\"name\":\"a\",\"name\":\"b\"}",
            b"{\"name\":\"a\",\"notes\":{\"x\":1,\"x\":2}}",
            b"{\"name\":\"\\ud800\"}",
            b"nope",
        ] {
            send(broken.to_vec()).await.error(400, "bad_request");
        }
        send(("[".repeat(100_000) + &"]".repeat(100_000)).into_bytes()).await.error(400, "bad_request");
        for odd in ["[]", "null", "7", "\"text\"", "true"] {
            let told = send(odd.into()).await.fields();
            assert!(told["body"].as_str().unwrap().contains("JSON object"), "{told}");
        }
        let call = world.call(Method::POST, "/api/v1/clients").token(owner).key(&world.new_key());
        call.body("{\"name\":\"x\"}").send().await.error(415, "bad_request");
        let rows = world.get(owner, "/api/v1/clients").await.data(200);
        assert_eq!(rows, json!([]), "nothing was written");
    }
}

on_both! {
    /// Every bad field is named at once, with what to do about it.
    async fn every_bad_field_is_named(world: World) {
        let cast = Cast::new(&world).await;
        let told = world
            .post(&cast.home.owner, "/api/v1/clients", json!({
                "name": "x".repeat(201), "email": 7, "notes": "a\u{0}b", "currency": "ABC", "defaultRate": "1,5",
                "defaultTaxRate": "100.5", "requirePoNumber": "yes", "defaultPaymentTerms": "x".repeat(51),
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "surprise": 1,
            }))
            .await
            .fields();
        assert_eq!(told["id"], "read-only");
        assert_eq!(told["surprise"], "unknown");
        let named: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
        let mut expected = ["name", "email", "notes", "currency", "defaultRate", "defaultTaxRate", "requirePoNumber",
            "defaultPaymentTerms", "id", "surprise"];
        expected.sort_unstable();
        assert_eq!(named, expected);
    }
}

on_both! {
    /// A name that leads nowhere is told with whatever else is wrong.
    async fn unknown_references_are_told_with_the_rest(world: World) {
        let cast = Cast::new(&world).await;
        let (owner, nowhere) = (&cast.home.owner, cast.foreign.id);
        let told = world.post(owner, "/api/v1/projects", json!({ "clientId": nowhere, "name": "" })).await.fields();
        assert_eq!((&told["clientId"], &told["name"]), (&json!("not found"), &json!("required")));
        let entry = json!({ "projectId": nowhere, "taskId": nowhere, "userId": nowhere, "durationSeconds": -1, "entryDate": "2026-06-11" });
        let told = world.post(owner, "/api/v1/time-entries", entry.clone()).await.fields();
        assert_eq!(told.as_object().unwrap().len(), 4, "{told}");
        let timer = json!({ "projectId": nowhere, "taskId": nowhere });
        let told = world.post(owner, "/api/v1/time-entries/start", timer).await.fields();
        assert_eq!(told, json!({ "projectId": "not found", "taskId": "not found" }));
        let whole = json!({ "projectId": nowhere, "taskId": nowhere, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let told = world.post(owner, "/api/v1/time-entries", whole).await.fields();
        assert_eq!(told, json!({ "projectId": "not found", "taskId": "not found" }));
        let told = world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": [entry, entry] })).await.fields();
        assert_eq!(told.as_object().unwrap().len(), 8, "{told}");
        let project = cast.home.project(&world, "P").await;
        let lost = json!({ "projectId": project, "taskId": nowhere, "userId": nowhere, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let told = world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": [lost, lost] })).await.fields();
        assert_eq!(told.as_object().unwrap().len(), 4, "{told}");
    }
}

on_both! {
    /// Parameters of lists: the wrong ones are named with what is allowed.
    async fn wrong_parameters_are_told(world: World) {
        let cast = Cast::new(&world).await;
        let owner = &cast.home.owner;
        let told = world.get(owner, "/api/v1/time-entries?limit=0&sort=password&colour=red&billable=maybe&projectId=x").await;
        let fields = told.fields();
        assert!(fields["limit"].as_str().unwrap().contains("between 1 and 200"), "{fields}");
        assert!(fields["sort"].as_str().unwrap().contains("entryDate"), "{fields}");
        assert!(fields["colour"].as_str().unwrap().contains("entryDateFrom"), "{fields}");
        assert!(fields["billable"].is_string() && fields["projectId"].is_string(), "{fields}");
        for (path, field) in [
            ("/api/v1/clients?limit=201", "limit"),
            ("/api/v1/clients?limit=abc", "limit"),
            ("/api/v1/clients?limit=1&limit=2", "limit"),
            ("/api/v1/time-entries?entryDateFrom=2026-02-30", "entryDateFrom"),
            ("/api/v1/clients?createdAtFrom=2026-01-01T00:00:00", "createdAtFrom"),
            ("/api/v1/projects?status=OPEN", "status"),
            ("/api/v1/clients?sort=NAME_ASC", "sort"),
            ("/api/v1/clients?includeDeleted=2", "includeDeleted"),
        ] {
            assert!(world.get(owner, path).await.fields()[field].is_string(), "{path}");
        }
        let long = format!("/api/v1/clients?search={}", "x".repeat(201));
        assert!(world.get(owner, &long).await.fields()["search"].is_string());
        let many: Vec<_> = (0..201).map(|_| "id=01890a5d-ac96-774b-bcce-b302099a8057").collect();
        assert!(world.get(owner, &format!("/api/v1/clients?{}", many.join("&"))).await.fields()["id"].is_string());
        for cursor in ["", "x", "%00", "AAAA", &"A".repeat(5000)] {
            let answer = world.get(owner, &format!("/api/v1/clients?cursor={cursor}")).await;
            answer.error(400, "bad_request");
        }
    }
}
