//! Time reports and time zones: on which day an entry counts.

use serde_json::json;
use tests::{Fixtures, on_both};

use super::report_books::text;

on_both! {
    /// An entry counts for its `entryDate`, as in lists and on invoices; with a zone it counts for the day of its start
    /// there, and the filter by date goes by the same day.
    async fn rows_never_fall_outside_of_what_was_asked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        // The last evening of July in California is August in UTC.
        let evening = json!({ "projectId": project, "startedAt": "2026-07-31T20:00:00-07:00", "stoppedAt": "2026-07-31T21:00:00-07:00" });
        world.post(owner, "/api/v1/time-entries", evening).await.data(201);
        // An entry without instants counts for its date in every zone; one may be given another date than its start's.
        let day = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-07-31" });
        world.post(owner, "/api/v1/time-entries", day).await.data(201);
        let moved = json!({ "projectId": project, "startedAt": "2026-06-11T08:00:00Z", "duration": "1m", "entryDate": "2026-07-30" });
        world.post(owner, "/api/v1/time-entries", moved).await.data(201);
        let months = async |zone: &str, from: &str, to: &str| -> Vec<(String, i64)> {
            let zone = if zone.is_empty() { String::new() } else { format!("&timeZone={zone}") };
            let path = format!("/api/v1/reports/time?groupBy=month{zone}&entryDateFrom={from}&entryDateTo={to}");
            let report = world.get(owner, &path).await.data(200);
            let rows = report["rows"].as_array().unwrap();
            rows.iter().map(|row| (text(&row["keys"]["month"]), row["seconds"].as_i64().unwrap())).collect()
        };
        let row = |month: &str, seconds| (month.to_owned(), seconds);
        assert_eq!(months("", "2026-07-01", "2026-07-31").await, [row("2026-07", 3720)]);
        assert_eq!(months("UTC", "2026-07-01", "2026-07-31").await, [row("2026-07", 60)]);
        assert_eq!(months("UTC", "2026-08-01", "2026-08-31").await, [row("2026-08", 3600)]);
        assert_eq!(months("America/Los_Angeles", "2026-07-01", "2026-07-31").await, [row("2026-07", 3660)]);
        assert_eq!(months("UTC", "2026-06-11", "2026-06-11").await, [row("2026-06", 60)]);
        assert_eq!(months("", "2026-06-11", "2026-06-11").await, []);
    }
}

on_both! {
    /// An entry at the end of the years does not stop anybody's report.
    async fn the_last_day_is_reported(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let member = &fixtures.home.member;
        let project = fixtures.home.project_with_member(&world, "P").await;
        for (start, stop) in [("9999-12-31T20:00:00Z", "9999-12-31T21:00:00Z"), ("0001-01-01T00:00:00Z", "0001-01-01T01:00:00Z")] {
            let entry = json!({ "projectId": project, "startedAt": start, "stoppedAt": stop });
            world.post(member, "/api/v1/time-entries", entry).await.data(201);
        }
        for zone in ["Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"] {
            for (group, keys) in [("month", ["0001-01", "9999-12"]), ("day", ["0001-01-01", "9999-12-31"]), ("week", ["0001-01-01", "9999-12-27"])] {
                let path = format!("/api/v1/reports/time?groupBy={group}&timeZone={zone}");
                let report = world.get(&fixtures.home.owner, &path).await.data(200);
                let found: Vec<_> = report["rows"].as_array().unwrap().iter().map(|row| text(&row["keys"][group])).collect();
                assert_eq!(found, keys, "{path}");
            }
        }
    }
}

on_both! {
    /// Zones follow the newest rules: British Columbia does not change its clocks any more.
    async fn zones_follow_the_newest_rules(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let entry = json!({ "projectId": project, "startedAt": "2026-12-01T07:30:00Z", "stoppedAt": "2026-12-01T07:40:00Z" });
        world.post(owner, "/api/v1/time-entries", entry).await.data(201);
        for (zone, day) in [("America/Vancouver", "2026-12-01"), ("america/vancouver", "2026-12-01"), ("Pacific/Honolulu", "2026-11-30")] {
            let report = world.get(owner, &format!("/api/v1/reports/time?groupBy=day&timeZone={zone}")).await.data(200);
            assert_eq!(report["rows"][0]["keys"]["day"], day, "{zone}");
        }
    }
}
