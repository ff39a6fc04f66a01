//! A project with very many entries becomes NON_BILLABLE: no statement grows with them, and in the end all of them are not billable.

use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::{Fixtures, counted, on_both};

on_both! {
    /// Entries change with their project up to a bound, each by one version; the rest follow, and a project that is billable
    /// again is so for what is logged from then on.
    async fn a_project_of_any_size_stops_being_billable(world: World) {
        const ENTRIES: i64 = 21_500;
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "C").await;
        let project = async |name: &str| world.post(owner, "/api/v1/projects", json!({ "clientId": client, "name": name })).await.id();
        let (large, other) = (project("Large").await, project("Other").await);
        let db = world.database.connect().await;
        let day = match world.database.kind {
            tests::Kind::Sqlite => "'2026-06-11'",
            tests::Kind::Postgres => "DATE '2026-06-11'",
        };
        let entries = format!(
            "{} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key, \
             entry_date, version, created_at, updated_at) SELECT {}, p.organization_id, m.user_id, p.id, 60, true, '', {day}, 1, \
             p.created_at, p.created_at FROM n, project p, member m WHERE m.organization_id = p.organization_id \
             AND m.role = (SELECT MAX(role) FROM member) AND (p.name = 'Large' OR i <= 3)",
            counted(usize::try_from(ENTRIES).unwrap()),
            world.database.kind.new_id(),
        );
        db.execute_unprepared(&entries).await.unwrap();
        db.close().await.unwrap();
        let count = async |rows: &str| {
            let sql = format!(
                "SELECT COUNT(*) AS n FROM time_entry e JOIN project p ON p.organization_id = e.organization_id \
                 AND p.id = e.project_id WHERE {rows}"
            );
            world.database.number(&sql).await
        };
        let all = count("p.name = 'Large'").await;
        assert!(all >= ENTRIES);
        let path = format!("/api/v1/projects/{large}");
        let change = async |rate_type: &str| world.patch(owner, &path, json!({ "rateType": rate_type })).await;
        change("NON_BILLABLE").await.data(200);
        let left = count("p.name = 'Large' AND e.billable").await;
        assert!(left > 0 && left <= all - 20_000, "as many as others can wait for: {left} of {all}");
        world.app.settle_projects().await.unwrap();
        assert_eq!(count("p.name = 'Large' AND e.billable").await, 0);
        assert_eq!(count("p.name = 'Large' AND e.version = 2 AND e.updated_at > e.created_at").await, all);
        assert_eq!(count("p.name = 'Other' AND (NOT e.billable OR e.version > 1)").await, 0, "others are as they were");
        change("HOURLY").await.data(200);
        world.app.settle_projects().await.unwrap();
        let entry = json!({ "projectId": large, "durationSeconds": 60, "entryDate": "2026-06-12" });
        assert_eq!(world.post(owner, "/api/v1/time-entries", entry).await.data(201)["billable"], true);
        assert_eq!(count("p.name = 'Large' AND e.billable").await, 1);
        assert_ne!(other, large);
    }
}
