//! Webhooks in the browser: an endpoint is made, fails, is mended and replayed; below Agency it is read and ended.

use poem::http::Method;
use service::organization;
use service::value::Plan;
use tests::{Fixtures, Receiver, Reply, on_both};

use super::{Browser, hidden, leads_to, page, value_of};

/// The only place of this shape that a page leads to.
fn link<'a>(page: &'a str, begins: &str) -> &'a str {
    let mut links = page.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    links.find(|href| href.starts_with(begins)).unwrap_or_else(|| panic!("no link to {begins} on {page}"))
}

const EVENTS: [(&str, &str); 2] = [("events", "client.created"), ("events", "project.created")];

on_both! {
    /// Make, watch a delivery fail, replay it; the secret is shown once in both spellings.
    async fn a_failed_delivery_is_replayed(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let mut fails = true;
        let receiver = Receiver::new(move |_| {
            let status = if std::mem::take(&mut fails) { 410 } else { 200 };
            Reply { body: "<b>gone</b>".into(), ..Reply::status(status) }
        })
        .await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "admin@home.example").await;
        let fields = [&[("url", receiver.url.as_str()), ("description", "accounting")], &EVENTS[..]].concat();
        let made = page(&browser.post("/settings/webhooks/new", &fields).await, 200);
        let (secret, standard) = (value_of(&made, "secret"), value_of(&made, "standard-secret"));
        assert_eq!(secret.strip_prefix("wsk_"), standard.strip_prefix("whsec_"));
        let endpoint = link(&made, "/settings/webhooks/").to_owned();
        let shown = page(&browser.get(&endpoint).await, 200);
        assert!(!shown.contains(&secret) && shown.contains("accounting"), "{shown}");

        let sent = browser.post(&format!("{endpoint}/test"), &[("type", "project.created")]).await;
        let delivery = sent.header("location").unwrap().replace("?done=test-sent", "");
        world.app.deliver_due().await.unwrap();
        let failed = page(&browser.get(&delivery).await, 200);
        assert!(failed.contains("Attempt 1") && failed.contains("410"), "{failed}");
        assert!(failed.contains("&lt;b&gt;gone&lt;/b&gt;") && !failed.contains("<b>gone"), "an excerpt is text: {failed}");

        // A receiver that answers 410 disables its endpoint.
        let refused = browser.post(&format!("{delivery}/replay"), &[]).await;
        assert!(page(&refused, 409).contains("enable it first"));
        let enabled = browser.post(&format!("{endpoint}/switch"), &[("enabled", "true")]).await;
        leads_to(&enabled, &format!("{endpoint}?done=endpoint-enabled"));
        let replayed = browser.post_with("replay", &format!("{delivery}/replay"), &[]).await;
        let again = replayed.header("location").unwrap().to_owned();
        assert!(again.ends_with("?done=replayed"), "{again}");
        let twice = browser.post_with("replay", &format!("{delivery}/replay"), &[]).await;
        assert_eq!(twice.header("location"), Some(again.as_str()), "a double click is one replay");
        world.app.deliver_due().await.unwrap();
        assert!(page(&browser.get(&again).await, 200).contains("succeeded"));
        assert_eq!(receiver.received().len(), 2);

        let list = page(&browser.get("/settings/webhooks/deliveries?status=succeeded&eventType=project.created").await, 200);
        assert_eq!(list.matches("/settings/webhooks/deliveries/0").count(), 1, "{list}");
        assert!(list.contains("<option value=\"succeeded\" selected>"), "the filters stay: {list}");
        page(&browser.get("/settings/webhooks/deliveries?status=nonsense").await, 422);
    }
}

on_both! {
    /// Many are replayed after a count that sends nothing.
    async fn many_are_replayed_after_a_count(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::new(|_| Reply::status(400)).await;
        let home = &fixtures.home;
        let endpoint = crate::webhook::subscribe(&world, home, &receiver.url, &["client.created"]).await;
        for name in ["a", "b", "c"] {
            home.client(&world, name).await;
        }
        // Eight attempts over some days.
        for _ in 0..9 {
            world.app.deliver_due().await.unwrap();
            world.clock.advance(24 * 3600 * 1000);
        }
        let failed = "SELECT count(*) AS n FROM webhook_delivery WHERE status = 30";
        assert_eq!(world.database.number(failed).await, 3);
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let path = format!("/settings/webhooks/deliveries/replay?endpointId={endpoint}");
        let all = "SELECT count(*) AS n FROM webhook_delivery";
        for _ in 0..2 {
            let counted = page(&browser.get(&path).await, 200);
            assert!(counted.contains("<strong>3</strong> deliveries"), "{counted}");
            assert_eq!(hidden(&counted, "endpointId"), endpoint);
            assert_eq!(world.database.number(all).await, 3, "GET changes nothing");
        }
        let done = browser.post("/settings/webhooks/deliveries/replay", &[("endpointId", &endpoint), ("status", "")]).await;
        leads_to(&done, "/settings/webhooks/deliveries?done=replayed-many");
        assert_eq!(world.database.number(all).await, 6);
    }
}

on_both! {
    /// A change is refused if somebody else was quicker, with what was typed; rotating takes a recent sign-in.
    async fn endpoints_are_changed_and_rotated(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let receiver = Receiver::new(|_| Reply::status(200)).await;
        let id = crate::webhook::subscribe(&world, home, &receiver.url, &["client.created"]).await;
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let path = format!("/settings/webhooks/{id}");
        let version = hidden(&page(&browser.get(&path).await, 200), "version");
        let typed = |version: &str, text: &'static str| {
            [("version", version.to_owned()), ("url", receiver.url.clone()), ("description", text.into()), ("events", "task.created".into())]
        };
        let send = async |fields: [(&str, String); 4]| {
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            browser.post(&path, &fields).await
        };
        leads_to(&send(typed(&version, "first")).await, &format!("{path}?done=endpoint-changed"));
        let stale = page(&send(typed(&version, "second")).await, 412);
        assert!(stale.contains("Somebody else") && stale.contains("second"), "{stale}");
        let bad = browser.post(&path, &[("version", "2"), ("url", "ftp://x"), ("events-sent", "1")]).await;
        let bad = page(&bad, 422);
        assert!(bad.contains("id=\"url-error\"") && bad.contains("id=\"events-error\"") && bad.contains("ftp://x"), "{bad}");

        let rotate = format!("{path}/rotate");
        page(&browser.get(&rotate).await, 200);
        let rotated = page(&browser.post(&rotate, &[("overlapSeconds", "3600")]).await, 200);
        assert!(value_of(&rotated, "secret").starts_with("wsk_"));
        let shown = page(&browser.get(&path).await, 200);
        assert!(shown.contains("The old secret signs, too, until") && shown.contains("2026-06-11T09:"), "{shown}");
        page(&browser.post(&rotate, &[("overlapSeconds", "9999999")]).await, 422);
        world.clock.advance(5 * 60 * 1000);
        page(&browser.get(&rotate).await, 403);
        page(&browser.post(&rotate, &[("overlapSeconds", "3600")]).await, 403);
        let overlaps = "SELECT count(*) AS n FROM webhook_endpoint WHERE previous_secret IS NOT NULL";
        assert_eq!(world.database.number(overlaps).await, 1);
    }
}

on_both! {
    /// Below Agency endpoints are read, disabled and deleted; the rest says what unlocks it.
    async fn below_agency_endpoints_are_read_and_ended(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let receiver = Receiver::new(|_| Reply::status(200)).await;
        let id = crate::webhook::subscribe(&world, home, &receiver.url, &["client.created"]).await;
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let sent = browser.post(&format!("/settings/webhooks/{id}/test"), &[]).await;
        let delivery = sent.header("location").unwrap().replace("?done=test-sent", "");
        world.app.deliver_due().await.unwrap();
        organization::set_plan(&world.operator(), home.id, Plan::Studio).await.unwrap();
        let path = format!("/settings/webhooks/{id}");
        let shown = page(&browser.get(&path).await, 200);
        assert!(shown.contains("Disable") && shown.contains("Delete") && !shown.contains("Rotate"), "{shown}");
        assert!(page(&browser.get(&delivery).await, 200).contains("Attempt 1"));
        let fields = [("url", receiver.url.as_str()), ("events", "client.created")];
        let refused: [(String, &[(&str, &str)]); 7] = [
            (path.clone(), &fields[..]),
            (format!("{path}/test"), &[]),
            (format!("{path}/rotate"), &[("overlapSeconds", "0")]),
            (format!("{path}/switch"), &[("enabled", "true")]),
            (format!("{delivery}/replay"), &[]),
            ("/settings/webhooks/deliveries/replay".into(), &[]),
            ("/settings/webhooks/new".into(), &fields[..]),
        ];
        for (path, fields) in refused {
            let refused = page(&browser.post(&path, fields).await, 402);
            assert!(refused.contains("need the plan <strong>Agency"), "{path}: {refused}");
        }
        let off = browser.post(&format!("{path}/switch"), &[("enabled", "false")]).await;
        leads_to(&off, &format!("{path}?done=endpoint-disabled"));
        page(&browser.get(&format!("{path}/delete")).await, 200);
        leads_to(&browser.post(&format!("{path}/delete"), &[]).await, "/settings/webhooks?done=endpoint-deleted");
        page(&browser.get(&path).await, 404);
        let other = Browser::signed_in(&world, fixtures.other.id, "owner@other.example").await;
        page(&other.get(&delivery).await, 404);
        assert_eq!(browser.call(Method::DELETE, &path).send().await.status, 405);
    }
}
