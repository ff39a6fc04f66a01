//! `/settings/workspace`: changed by Owner and Admin, seen by everyone.

use tests::{Fixtures, on_both};

use super::{Browser, hidden, labelled, leads_to, page};

const HERE: &str = "/settings/workspace";

on_both! {
    /// Everything that invoices carry is changed by one form; of two who have it open, the second sees that it was changed.
    async fn the_workspace_is_changed(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let admin = Browser::signed_in(&world, home.id, "admin@home.example").await;
        let form = page(&owner.get(HERE).await, 200);
        labelled(&form);
        let version = hidden(&form, "version");
        let fields = [
            ("version", version.as_str()), ("name", "Acme & Co"), ("defaultCurrency", "chf"), ("invoicePrefix", "A-"),
            ("legalName", "Acme GmbH"), ("taxId", "DE1"), ("businessEmail", "office@acme.example"), ("businessWebsite", ""),
        ];
        for _ in 0..2 {
            leads_to(&owner.post_with("the-key", HERE, &fields).await, "/settings/workspace?done=workspace-changed");
        }
        let shown = world.get(&home.owner, "/api/v1/organization").await.data(200);
        assert_eq!((&shown["name"], &shown["legalName"]), (&"Acme & Co".into(), &"Acme GmbH".into()));
        assert_eq!((&shown["defaultCurrency"], shown["businessWebsite"].is_null()), (&"CHF".into(), true));
        assert!(page(&owner.get(HERE).await, 200).contains("value=\"Acme &amp; Co\""));

        let late = [("version", version.as_str()), ("name", "Mine")];
        let shown = page(&admin.post(HERE, &late).await, 412);
        assert!(shown.contains("Somebody else has changed this") && shown.contains("value=\"Mine\""), "{shown}");
        assert_ne!(hidden(&shown, "version"), version, "sent again, it counts");
        let wrong = page(&admin.post(HERE, &[("name", ""), ("defaultCurrency", "XXX")]).await, 422);
        assert!(wrong.contains("id=\"name-error\"") && wrong.contains("id=\"defaultCurrency-error\""), "{wrong}");
    }
}

on_both! {
    /// Managers and Members read it; a Member without what is for the tax office.
    async fn others_read_it(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        owner.post(HERE, &[("legalName", "Acme GmbH"), ("taxId", "DE123")]).await;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let shown = page(&manager.get(HERE).await, 200);
        assert!(shown.contains("Acme GmbH") && shown.contains("DE123") && !shown.contains("name=\"taxId\""), "{shown}");
        page(&manager.post(HERE, &[("name", "Mine")]).await, 403);
        let member = Browser::signed_in(&world, home.id, "member@home.example").await;
        let shown = page(&member.get(HERE).await, 200);
        assert!(!shown.contains("Acme GmbH") && !shown.contains("DE123"), "{shown}");
    }
}
