//! Invalid input: the response is the envelope with the right code, and nothing is written.

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, on_both};

on_both! {
    /// Bodies that are no JSON object of ours.
    async fn malformed_bodies_are_refused(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
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
            let reported = send(odd.into()).await.fields();
            assert!(reported["body"].as_str().unwrap().contains("JSON object"), "{reported}");
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
        let fixtures = Fixtures::new(&world).await;
        let reported = world
            .post(&fixtures.home.owner, "/api/v1/clients", json!({
                "name": "x".repeat(201), "email": 7, "notes": "a\u{0}b", "currency": "ABC", "defaultRate": "1,5",
                "defaultTaxRate": "100.5", "requirePoNumber": "yes", "defaultPaymentTerms": "x".repeat(51),
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "surprise": 1,
            }))
            .await
            .fields();
        assert_eq!(reported["id"], "read-only");
        assert_eq!(reported["surprise"], "unknown");
        let named: Vec<_> = reported.as_object().unwrap().keys().cloned().collect();
        let mut expected = ["name", "email", "notes", "currency", "defaultRate", "defaultTaxRate", "requirePoNumber",
            "defaultPaymentTerms", "id", "surprise"];
        expected.sort_unstable();
        assert_eq!(named, expected);
    }
}

on_both! {
    /// An unknown reference is reported together with all other problems.
    async fn unknown_references_are_reported_with_other_errors(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, nowhere) = (&fixtures.home.owner, fixtures.other.id);
        let reported = world.post(owner, "/api/v1/projects", json!({ "clientId": nowhere, "name": "" })).await.fields();
        assert_eq!((&reported["clientId"], &reported["name"]), (&json!("not found"), &json!("required")));
        let entry = json!({ "projectId": nowhere, "taskId": nowhere, "userId": nowhere, "durationSeconds": -1, "entryDate": "2026-06-11" });
        let reported = world.post(owner, "/api/v1/time-entries", entry.clone()).await.fields();
        assert_eq!(reported.as_object().unwrap().len(), 4, "{reported}");
        let timer = json!({ "projectId": nowhere, "taskId": nowhere });
        let reported = world.post(owner, "/api/v1/time-entries/start", timer).await.fields();
        assert_eq!(reported, json!({ "projectId": "not found", "taskId": "not found" }));
        let whole = json!({ "projectId": nowhere, "taskId": nowhere, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let reported = world.post(owner, "/api/v1/time-entries", whole).await.fields();
        assert_eq!(reported, json!({ "projectId": "not found", "taskId": "not found" }));
        let reported = world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": [entry, entry] })).await.fields();
        assert_eq!(reported.as_object().unwrap().len(), 8, "{reported}");
        let project = fixtures.home.project(&world, "P").await;
        let lost = json!({ "projectId": project, "taskId": nowhere, "userId": nowhere, "durationSeconds": 1, "entryDate": "2026-06-11" });
        let reported = world.post(owner, "/api/v1/time-entries/batch", json!({ "timeEntries": [lost, lost] })).await.fields();
        assert_eq!(reported.as_object().unwrap().len(), 4, "{reported}");
    }
}

on_both! {
    /// Parameters of lists: the wrong ones are named with what is allowed.
    async fn invalid_parameters_are_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let reported = world.get(owner, "/api/v1/time-entries?limit=0&sort=password&colour=red&billable=maybe&projectId=x").await;
        let fields = reported.fields();
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
        for cursor in ["x", "%00", "AAAA", &"A".repeat(5000)] {
            let answer = world.get(owner, &format!("/api/v1/clients?cursor={cursor}")).await;
            answer.error(400, "bad_request");
        }
    }
}

on_both! {
    /// Of very many bad fields a hundred are reported, and how many more there are; a body of very many keys is refused
    /// before it is read.
    async fn very_many_bad_fields_are_counted(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let unknown = |count: usize| -> Value {
            Value::Object((0..count).map(|i| (format!("k{i}"), Value::Null)).collect())
        };
        let refused = world.post(owner, "/api/v1/clients", unknown(900)).await.error(422, "validation_error");
        assert_eq!(refused["fields"].as_object().unwrap().len(), 100);
        assert!(refused["message"].as_str().unwrap().ends_with("; and 801 more"), "900 and the name: {refused}");
        let refused = world.post(owner, "/api/v1/clients", unknown(1001)).await.error(400, "bad_request");
        assert!(refused["message"].as_str().unwrap().contains("more than 1000 keys"), "{refused}");
        let long = json!({ "x".repeat(5000): 1 });
        let refused = world.post(owner, "/api/v1/clients", long).await.error(422, "validation_error");
        assert!(refused["fields"].as_object().unwrap().keys().all(|path| path.chars().count() <= 201), "{refused}");
    }
}

on_both! {
    /// A taken id of another system is reported with all that is wrong, also where something else is wrong first.
    async fn a_taken_external_id_is_reported_with_the_rest(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let body = json!({ "clientId": client, "name": "P", "externalId": "EP1" });
        let project = world.post(owner, "/api/v1/projects", body).await.id();
        let unknown = "01890000-0000-7000-8000-000000000000";
        let taken = "another record of this kind has it already";
        for (name, wrong) in [("", vec!["clientId", "externalId", "name"]), ("Q", vec!["clientId", "externalId"])] {
            let body = json!({ "clientId": unknown, "name": name, "externalId": "EP1" });
            let error = world.post(owner, "/api/v1/projects", body).await.error(422, "validation_error");
            let fields = error["fields"].as_object().unwrap();
            assert_eq!(fields.keys().map(String::as_str).collect::<Vec<_>>(), wrong, "{error}");
            assert_eq!(fields["externalId"], taken);
        }
        // A record has its own, and another workspace has others.
        let own = json!({ "externalId": "EP1", "name": "" });
        let error = world.patch(owner, &format!("/api/v1/projects/{project}"), own).await.error(422, "validation_error");
        assert_eq!(error["fields"].as_object().unwrap().len(), 1, "{error}");
        let elsewhere = json!({ "clientId": unknown, "name": "P", "externalId": "EP1" });
        let error = world.post(&fixtures.other.owner, "/api/v1/projects", elsewhere).await.error(422, "validation_error");
        assert_eq!(error["fields"].as_object().unwrap().len(), 1, "{error}");
    }
}
