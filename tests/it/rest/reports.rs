//! The time report: sums that equal adding up by hand, days in a time zone, amounts for roles that see money.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use service::value::{TimeZone, Timestamp, Wire};
use tests::{Fixtures, World, counted, on_both};

use super::report_books::{Books, added_up, key_of, text};

const GROUPS: [&str; 7] = ["client", "project", "task", "member", "day", "week", "month"];

/// A repeatable random source.
struct Rng(u64);

impl Rng {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A year of odd time: rates that do not divide, three currencies, instants around the changes of clocks.
async fn fill(world: &World, fixtures: &Fixtures) {
    let (home, mut dice) = (&fixtures.home, Rng(7));
    let mut projects = Vec::new();
    for (i, currency) in ["EUR", "USD", "EUR"].iter().enumerate() {
        let client = json!({ "name": format!("Client {i}"), "currency": currency });
        let client = world.post(&home.owner, "/api/v1/clients", client).await.id();
        for (j, more) in [
            json!({ "hourlyRate": "33.3333" }),
            json!({ "hourlyRate": "0.0003" }),
            json!({ "rateType": "FIXED", "fixedFeeAmount": "5", "hourlyRate": "90" }),
            json!({ "rateType": "NON_BILLABLE", "hourlyRate": "90" }),
            json!({ "hourlyRate": null }),
        ]
        .into_iter()
        .enumerate()
        {
            let mut project = more;
            (project["clientId"], project["name"]) = (json!(client), json!(format!("Project {}", j % 2)));
            let project = world.post(&home.owner, "/api/v1/projects", project).await.id();
            let task =
                world.post(&home.owner, "/api/v1/tasks", json!({ "projectId": project, "name": format!("Task {j}") }));
            projects.push((project, task.await.id()));
        }
    }
    for _ in 0..4 {
        let mut entries = Vec::new();
        for _ in 0..100 {
            let (project, task) = &projects[dice.throw(projects.len() as u64) as usize];
            let mut entry = json!({ "projectId": project, "billable": dice.throw(3) > 0 });
            if dice.throw(2) == 0 {
                entry["taskId"] = json!(task);
            }
            entry["userId"] = json!(if dice.throw(3) == 0 { home.member_user } else { home.owner_user });
            let around =
                ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-01-01T00:00:00Z", "2027-02-28T23:00:00Z"];
            let at: Timestamp = around[dice.throw(4) as usize].parse().unwrap();
            let start = at.plus_millis(dice.throw(3 * 86_400_000) as i64 - 129_600_000);
            match dice.throw(3) {
                0 => {
                    entry["entryDate"] = json!(start.date());
                    entry["durationSeconds"] = json!(dice.throw(86_401));
                }
                _ => {
                    entry["entryDate"] = json!("2026-06-11");
                    entry["startedAt"] = json!(start);
                    entry["stoppedAt"] = json!(start.plus_millis(dice.throw(80_000_000) as i64));
                }
            }
            entries.push(entry);
        }
        world.post(&home.owner, "/api/v1/time-entries/batch", json!({ "timeEntries": entries })).await.data(201);
    }
}

on_both! {
    /// Each way to group, in four zones: every row and the total are what adding up the entries gives.
    async fn the_report_equals_the_sum_of_its_entries(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fill(&world, &fixtures).await;
        let owner = &fixtures.home.owner;
        let books = Books::of(&world, owner).await;
        assert_eq!(books.entries.len(), 400);
        let mut ways: Vec<Vec<&str>> = GROUPS.iter().map(|group| vec![*group]).collect();
        ways.extend(GROUPS.iter().flat_map(|a| GROUPS.iter().filter(move |b| *b != a).map(move |b| vec![*a, *b])));
        ways.extend([vec!["project", "task", "day"], vec!["member", "month", "week"], vec!["day", "client", "member"]]);
        for zone_name in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"] {
            let zone = TimeZone::parse_text(zone_name).unwrap();
            for way in &ways {
                let path = format!("/api/v1/reports/time?groupBy={}&timeZone={zone_name}", way.join(","));
                let report = world.get(owner, &path).await.data(200);
                let mut expected: BTreeMap<Vec<String>, Vec<&Value>> = BTreeMap::new();
                for entry in &books.entries {
                    let key = way.iter().map(|group| books.key(entry, group, zone)).collect();
                    expected.entry(key).or_default().push(entry);
                }
                let rows = report["rows"].as_array().unwrap();
                assert_eq!(rows.len(), expected.len(), "{path}");
                for row in rows {
                    let key: Vec<_> = way.iter().map(|group| key_of(row, group)).collect();
                    let mut sums = books.sum(expected[&key].iter().copied());
                    sums["keys"] = row["keys"].clone();
                    assert_eq!(*row, sums, "{path}");
                    assert_eq!(row["keys"].as_object().unwrap().len(), way.len(), "{path}");
                }
                let mut total = books.sum(books.entries.iter());
                total["amounts"] = added_up(&report["rows"]);
                assert_eq!(report["total"], total, "{path}");
            }
        }
        let days = world.get(owner, "/api/v1/reports/time?groupBy=day").await.data(200);
        let days: Vec<_> = days["rows"].as_array().unwrap().iter().map(|row| text(&row["keys"]["day"])).collect();
        assert!(days.is_sorted(), "{days:?}");
    }
}

on_both! {
    /// The filters of time entries apply; running timers and deleted entries are not summed; GraphQL returns the same.
    async fn filters_apply_and_graphql_returns_the_same(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fill(&world, &fixtures).await;
        let owner = &fixtures.home.owner;
        let books = Books::of(&world, owner).await;
        let gone = text(&books.entries[0]["id"]);
        assert_eq!(world.delete(owner, &format!("/api/v1/time-entries/{gone}")).await.status, 204);
        let project = text(&books.entries[1]["projectId"]);
        world.post(owner, "/api/v1/time-entries/start", json!({ "projectId": project })).await.data(201);
        let fits = |entry: &&Value| {
            let long = entry["durationSeconds"].as_i64().unwrap() >= 3600;
            text(&entry["id"]) != gone && text(&entry["projectId"]) == project && entry["billable"] == true && long
        };
        let filters = format!("projectId={project}&billable=true&durationSecondsMin=3600");
        let report = world.get(owner, &format!("/api/v1/reports/time?groupBy=member,week&{filters}")).await.data(200);
        let mut total = books.sum(books.entries.iter().filter(fits));
        total["amounts"] = added_up(&report["rows"]);
        assert_eq!(report["total"], total);
        let query = "query($f: TimeEntryFilter) { timeReport(groupBy: [MEMBER, WEEK], filter: $f) {
            rows { keys { member { id userId name } week } seconds billableSeconds entries amounts { currency amount } }
            total { seconds billableSeconds entries amounts { currency amount } } } }";
        let filter = json!({ "projectId": [project], "billable": true, "durationSecondsMin": 3600 });
        let same = world.graphql(owner, query, json!({ "f": filter })).await.graphql();
        assert_eq!(same["timeReport"], report);
    }
}

on_both! {
    /// A hundred thousand entries are summed by one statement.
    async fn a_report_is_one_statement(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, home) = (&fixtures.home.owner, &fixtures.home);
        let project = home.project(&world, "P").await;
        home.entry(&world, owner, &project).await;
        let (series, id) = (counted(99_999), world.database.kind.new_id());
        let db = world.database.connect().await;
        let sql = format!(
            "{series} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key, entry_date,
                started_at, stopped_at, version, created_at, updated_at)
             SELECT {id}, organization_id, user_id, project_id, 3600, true, '', entry_date, 1767225600000 + CAST(i AS BIGINT) * 300000,
                1767229200000 + CAST(i AS BIGINT) * 300000, 1, 0, 0 FROM n, time_entry"
        );
        db.execute_unprepared(&sql).await.unwrap();
        world.begin_counting();
        let path = "/api/v1/reports/time?groupBy=project,month&timeZone=Europe/Berlin";
        let report = world.get(owner, path).await.data(200);
        assert_eq!(world.statements().len(), 2, "the token, and one statement: {:#?}", world.statements());
        let total = &report["total"];
        assert_eq!((&total["entries"], &total["seconds"]), (&json!(100_000), &json!(360_000_000)));
        assert_eq!(total["amounts"], json!([{ "currency": "EUR", "amount": "15000000.00" }]));
        assert_eq!(report["rows"].as_array().unwrap().len(), 12);
    }
}

on_both! {
    /// A Member gets hours without money, of their own time; what they may not ask is 403, and the way out is named.
    async fn a_member_sees_hours_and_no_money(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, member) = (&fixtures.home, &fixtures.home.member);
        let project = home.project_with_member(&world, "Shared").await;
        home.entry(&world, &home.owner, &project).await;
        home.entry(&world, member, &project).await;
        let report = world.get(member, "/api/v1/reports/time?groupBy=project").await.data(200);
        let row = json!({ "keys": { "project": { "id": project, "name": "Shared" } }, "seconds": 3600, "billableSeconds": 3600, "entries": 1 });
        assert_eq!(report["rows"], json!([row]), "no amounts at all");
        assert!(report["total"].get("amounts").is_none());
        let refused = world.get(member, "/api/v1/reports/time?groupBy=project&amountShown=EARNED").await;
        assert!(refused.error(403, "forbidden_scope")["message"].as_str().unwrap().contains("HIDE_AMOUNT"));
        for refused in ["groupBy=client", "groupBy=project&clientId=01890a5d-ac96-774b-bcce-b302099a8057", "groupBy=day,client&amountShown=HIDE_AMOUNT"] {
            world.get(member, &format!("/api/v1/reports/time?{refused}")).await.error(403, "forbidden_scope");
        }
        let query = "{ timeReport(groupBy: PROJECT) { rows { seconds amounts { amount } } } }";
        let reported = world.graphql(member, query, json!({})).await.graphql();
        assert_eq!(reported["timeReport"]["rows"], json!([{ "seconds": 3600, "amounts": null }]));
        let path = format!("/api/v1/projects/{project}/members/{}", home.member_user);
        assert_eq!(world.delete(&home.owner, &path).await.status, 204);
        let after = world.get(member, "/api/v1/reports/time?groupBy=project").await.data(200);
        assert_eq!(after["rows"][0]["keys"]["project"], json!({ "id": project, "name": null }), "the time stays, the name goes");
        let hidden = world.get(&home.owner, "/api/v1/reports/time?groupBy=client&amountShown=hide_amount").await.data(200);
        assert!(hidden["rows"][0].get("amounts").is_none());
    }
}

on_both! {
    /// As a table: by `Accept` or by `format`, a line for each group and currency, no cell a formula.
    async fn the_report_is_available_as_csv(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, owner) = (&fixtures.home, &fixtures.home.owner);
        let project = home.project(&world, "=HYPERLINK(\"x\"), \"y\"").await;
        home.entry(&world, owner, &project).await;
        let dollars = world.post(owner, "/api/v1/clients", json!({ "name": "D", "currency": "USD" })).await.id();
        let other = world.post(owner, "/api/v1/projects", json!({ "clientId": dollars, "name": "Plain", "hourlyRate": "10" })).await.id();
        home.entry(&world, owner, &other).await;
        let path = "/api/v1/reports/time?groupBy=project,day";
        let by_accept = world.call(poem::http::Method::GET, path).token(owner).header("accept", "text/csv").send().await;
        assert_eq!(by_accept.header("content-type"), Some("text/csv; charset=utf-8"));
        let table = "project,day,seconds,billableSeconds,entries,currency,amount\r\n\
            \"'=HYPERLINK(\"\"x\"\"), \"\"y\"\"\",2026-06-11,3600,3600,1,EUR,150.00\r\n\
            Plain,2026-06-11,3600,3600,1,USD,10.00\r\n";
        assert_eq!(by_accept.text(), table);
        assert_eq!(world.get(owner, &format!("{path}&format=csv")).await.text(), table);
        let json = world.call(poem::http::Method::GET, &format!("{path}&format=json")).token(owner).header("accept", "text/csv").send().await;
        assert_eq!(json.data(200)["rows"].as_array().unwrap().len(), 2);
        let months = world.get(owner, "/api/v1/reports/time?groupBy=month&format=csv").await.text();
        assert_eq!(months, "month,seconds,billableSeconds,entries,currency,amount\r\n2026-06,3600,3600,1,EUR,150.00\r\n2026-06,3600,3600,1,USD,10.00\r\n");
        let member = world.get(&home.member, "/api/v1/reports/time?groupBy=week&format=csv").await.text();
        assert_eq!(member, "week,seconds,billableSeconds,entries\r\n", "nothing, and no money");
        let turned = world.get(owner, "/api/v1/reports/time?groupBy=day,project&format=csv").await.text();
        assert!(turned.starts_with("day,project,seconds"), "{turned}");
        assert!(turned.contains("2026-06-11,Plain,3600"), "{turned}");
    }
}

on_both! {
    /// What is asked wrongly is named, all of it.
    async fn invalid_parameters_are_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for (query, field) in [
            ("", "groupBy"),
            ("groupBy=", "groupBy"),
            ("groupBy=day,day", "groupBy"),
            ("groupBy=paymentStatus", "groupBy"),
            ("groupBy=day,week,month,task", "groupBy"),
            ("groupBy=day,task,day", "groupBy"),
            ("groupBy=weather", "groupBy"),
            ("groupBy=day&timeZone=Europe/Nowhere", "timeZone"),
            ("groupBy=day&amountShown=SOME", "amountShown"),
            ("groupBy=day&format=xml", "format"),
            ("groupBy=day&limit=5", "limit"),
            ("groupBy=day&projectId=x", "projectId"),
        ] {
            let fields = world.get(owner, &format!("/api/v1/reports/time?{query}")).await.fields();
            assert!(fields.as_object().unwrap().keys().any(|key| key.starts_with(field)), "{query}: {fields}");
        }
        let fields = world.get(owner, "/api/v1/reports/time?groupBy=x&timeZone=y&z=1").await.fields();
        assert!(fields.as_object().unwrap().len() >= 3, "{fields}");
        world.get(owner, "/api/v1/reports/time?groupBy=DAY").await.data(200);
    }
}

on_both! {
    /// Amounts are rounded half up to the decimals of their currency, once per row, and the total is the sum of the rows as
    /// shown. What is more than an amount can be is an error, not another amount.
    async fn amounts_are_what_is_shown(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = world.post(owner, "/api/v1/clients", json!({ "name": "C", "currency": "JPY" })).await.id();
        let mut projects = Vec::new();
        for name in ["P", "Q", "R"] {
            let project = json!({ "clientId": client, "name": name, "hourlyRate": "1.5" });
            projects.push(world.post(owner, "/api/v1/projects", project).await.id());
        }
        for project in &projects {
            let hour = json!({ "projectId": project, "durationSeconds": 3600, "entryDate": "2026-06-11" });
            world.post(owner, "/api/v1/time-entries", hour).await.data(201);
        }
        let report = world.get(owner, "/api/v1/reports/time?groupBy=project").await.data(200);
        let amounts: Vec<_> = report["rows"].as_array().unwrap().iter().map(|row| text(&row["amounts"][0]["amount"])).collect();
        assert_eq!(amounts, ["2.00", "2.00", "2.00"]);
        assert_eq!(report["total"]["amounts"], json!([{ "currency": "JPY", "amount": "6.00" }]), "not 4.50 nor 5.00");
        let rate = json!({ "hourlyRate": "999999999999.9999" });
        world.patch(owner, &format!("/api/v1/projects/{}", projects[0]), rate).await.data(200);
        let long = json!({ "projectId": projects[0], "durationSeconds": 86400, "entryDate": "2026-06-11" });
        world.post(owner, "/api/v1/time-entries", long).await.data(201);
        let refused = world.get(owner, "/api/v1/reports/time?groupBy=project").await.fields();
        assert!(refused["groupBy"].as_str().unwrap().contains("more than 999999999999.9999"), "{refused}");
        world.get(owner, "/api/v1/reports/time?groupBy=project&amountShown=HIDE_AMOUNT").await.data(200);
    }
}

on_both! {
    /// Without a group GraphQL gives just the total, rounded once.
    async fn a_total_needs_no_group(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        fixtures.home.entry(&world, owner, &project).await;
        let query = "{ timeReport(groupBy: []) { rows { seconds } total { seconds entries amounts { amount } } } }";
        let report = world.graphql(owner, query, json!({})).await.graphql();
        let total = json!({ "seconds": 3600, "entries": 1, "amounts": [{ "amount": "150.00" }] });
        assert_eq!(report["timeReport"], json!({ "rows": [], "total": total }));
        assert!(world.get(owner, "/api/v1/reports/time").await.fields()["groupBy"].as_str().unwrap().starts_with("required"));
    }
}

on_both! {
    /// A report has at most 10,000 rows, and all reports of one request 20,000, so that no request fills the memory; the
    /// refusal says what to do.
    async fn reports_are_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (owner, home) = (&fixtures.home.owner, &fixtures.home);
        let client = home.client(&world, "C").await;
        let projects = 110;
        for i in 0..projects {
            world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": format!("P{i}") })).await.data(201);
        }
        let days = 92;
        let (series, id) = (counted(projects * days), world.database.kind.new_id());
        let day = match world.database.kind {
            tests::Kind::Postgres => format!("DATE '2026-01-01' + CAST(i % {days} AS INTEGER)"),
            tests::Kind::Sqlite => format!("date('2026-01-01', (i % {days}) || ' days')"),
        };
        let sql = format!(
            "{series} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key, entry_date,
                version, created_at, updated_at)
             SELECT {id}, project.organization_id, member.user_id, project.id, 60, true, '', {day}, 1, 0, 0
             FROM n, project, member
             WHERE member.organization_id = project.organization_id AND member.name = 'owner of home'
               AND project.name = 'P' || CAST((i / {days}) % {projects} AS TEXT)"
        );
        world.database.connect().await.execute_unprepared(&sql).await.unwrap();
        let path = "/api/v1/reports/time?groupBy=project,day";
        let fields = world.get(owner, path).await.fields();
        assert!(fields["groupBy"].as_str().unwrap().contains("more than 10000 rows: filter by entryDateFrom"), "{fields}");
        let rows = world.get(owner, &format!("{path}&entryDateTo=2026-03-31")).await.data(200)["rows"].clone();
        assert_eq!(rows.as_array().unwrap().len(), 9_900);
        let report = |alias: &str, until: &str| {
            format!("{alias}: timeReport(groupBy: [PROJECT, DAY], filter: {{ entryDateTo: \"{until}\" }}) {{ total {{ entries }} }}")
        };
        let two = format!("{{ {} {} }}", report("a", "2026-03-31"), report("b", "2026-03-30"));
        assert_eq!(world.graphql(owner, &two, json!({})).await.graphql()["b"]["total"]["entries"], 9_790);
        let three = format!("{{ {} {} {} }}", report("a", "2026-03-31"), report("b", "2026-03-30"), report("c", "2026-03-29"));
        let refused = world.graphql(owner, &three, json!({})).await.json();
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("with the other reports"), "{refused}");
    }
}
