//! The number of rows of a list, on all pages.

use serde_json::json;
use tests::{Fixtures, on_both};

on_both! {
    /// How many rows a list has, on all pages and by its filters, if that is asked for.
    async fn a_list_is_counted_when_asked(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        for name in ["one", "two", "three", "other"] {
            fixtures.home.client(&world, name).await;
        }
        let page = world.get(owner, "/api/v1/clients?limit=2").await.json();
        assert!(page["pagination"].get("total").is_none(), "{page}");
        let page = world.get(owner, "/api/v1/clients?limit=2&count=true").await.json();
        assert_eq!((&page["pagination"]["total"], page["pagination"].get("totalIsCapped")), (&json!(4), None));
        let cursor = page["pagination"]["nextCursor"].as_str().unwrap();
        let next = world.get(owner, &format!("/api/v1/clients?limit=2&count=true&cursor={cursor}")).await.json();
        assert_eq!(next["pagination"]["total"], 4, "of the list, not of the rest of it");
        let found = world.get(owner, "/api/v1/clients?search=t&count=1").await.json();
        assert_eq!(found["pagination"]["total"], 3);
        let theirs = world.get(&fixtures.other.owner, "/api/v1/clients?count=true").await.json();
        assert_eq!(theirs["pagination"]["total"], 0);
        assert!(world.get(owner, "/api/v1/clients?count=maybe").await.fields()["count"].is_string());
    }
}

on_both! {
    /// A count ends at 100,000 and says so.
    async fn a_count_is_capped(world: World) {
        use sea_orm::ConnectionTrait;
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        fixtures.home.entry(&world, owner, &project).await;
        let (series, id) = (tests::counted(100_000), world.database.kind.new_id());
        let db = world.database.connect().await;
        let sql = format!(
            "{series} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, search_key,
                entry_date, version, created_at, updated_at)
             SELECT {id}, organization_id, user_id, project_id, 60, true, '', entry_date, 1, 0, 0 FROM n, time_entry"
        );
        db.execute_unprepared(&sql).await.unwrap();
        let page = world.get(owner, "/api/v1/time-entries?limit=1&count=true").await.json();
        assert_eq!((&page["pagination"]["total"], &page["pagination"]["totalIsCapped"]), (&json!(100_000), &json!(true)));
    }
}
