//! Pages that refresh themselves: a stream says when what a page shows has changed, and ends with the rights of its session.

use poem::http::Method;
use serde_json::json;
use service::value::{Plan, Role};
use service::{member, organization};
use tests::{Fixtures, Opened, Receiver, Reply, Workspace, World, on_both};
use tokio::sync::watch;

use super::{Browser, leads_to, page};

const CHANGED: &str = "data:\n\n";
const MINUTE: i64 = 60 * 1000;

/// The stream of a page, which is open.
async fn opened(browser: &Browser<'_>, path: &str) -> Opened {
    let stream = ask(browser, path).await;
    assert_eq!(stream.head.status, 200, "{path}");
    stream
}

async fn ask(browser: &Browser<'_>, path: &str) -> Opened {
    let call = browser.call(Method::GET, path).header("accept", "text/event-stream");
    call.header("sec-fetch-site", "same-origin").header("sec-fetch-dest", "empty").open().await
}

/// The next part that is not a heartbeat; none if the stream has ended.
async fn next(stream: &mut Opened) -> Option<String> {
    loop {
        match stream.next().await {
            Some(part) if part == ":\n\n" => {}
            part => return part,
        }
    }
}

/// The jobs of a world, until it ends, without the worker.
fn jobs(world: &World) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    let app = world.app.clone();
    tokio::spawn(async move { app.run_jobs(false, stopped).await });
    stop
}

/// A new invoice.
async fn invoice(world: &World, home: &Workspace) -> String {
    let project = home.project(world, &world.new_key()).await;
    home.entry(world, &home.owner, &project).await;
    home.invoice_of(world, &project).await
}

#[track_caller]
fn signalled(part: Option<String>) {
    assert_eq!(part.as_deref(), Some(CHANGED));
}

on_both! {
    /// What is made by another, by a token, or by the worker is signalled to each page that shows it; the signal holds nothing
    /// else.
    async fn a_page_hears_of_what_changes(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let (_jobs, receiver) = (jobs(&world), Receiver::new(|_| Reply::status(200)).await);
        let endpoint = crate::webhook::subscribe(&world, home, &receiver.url, &["client.created"]).await;
        let admin = Browser::signed_in(&world, home.id, "admin@home.example").await;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let at = format!("/settings/webhooks/{endpoint}");
        let mut list = opened(&admin, "/settings/webhooks/live").await;
        let mut one = opened(&admin, &format!("{at}/live")).await;
        let mut all = opened(&admin, "/settings/webhooks/deliveries/live?status=failed").await;
        let mut sent = opened(&admin, &format!("/settings/webhooks/deliveries/live?endpointId={endpoint}")).await;
        for (name, value) in [("content-type", "text/event-stream"), ("x-accel-buffering", "no"), ("cache-control", "no-store")] {
            assert_eq!(list.head.header(name), Some(value), "{name}");
        }
        home.client(&world, "one").await;
        for stream in [&mut one, &mut all, &mut sent] {
            signalled(next(stream).await);
        }
        leads_to(&owner.post(&format!("{at}/switch"), &[("enabled", "false")]).await, &format!("{at}?done=endpoint-disabled"));
        signalled(next(&mut list).await);
        signalled(next(&mut one).await);
        drop((list, one, all, sent));

        let invoice = invoice(&world, home).await;
        let mut list = opened(&admin, "/settings/invoices/live").await;
        let mut one = opened(&admin, &format!("/settings/invoices/{invoice}/live")).await;
        owner.post(&format!("/settings/invoices/{invoice}/send"), &[]).await;
        signalled(next(&mut list).await);
        signalled(next(&mut one).await);
        drop((list, one));
        assert_eq!(world.app.subscriber_count(), 0, "a page that is closed is not counted");

        // A delivery that waits for its first attempt, which the worker then makes.
        owner.post(&format!("{at}/switch"), &[("enabled", "true")]).await;
        let delivery = owner.post(&format!("{at}/test"), &[]).await;
        let delivery = delivery.header("location").unwrap().replace("?done=test-sent", "");
        let mut attempts = opened(&admin, &format!("{delivery}/live")).await;
        world.app.deliver_due().await.unwrap();
        signalled(next(&mut attempts).await);
        assert!(page(&admin.get(&delivery).await, 200).contains("Attempt 1"));
    }
}

on_both! {
    /// A stream ends when its session is signed out or has expired, when its member is removed, and when what they may do
    /// has changed, although nothing has changed on the page; it is not opened again then.
    async fn a_stream_ends_with_the_rights_of_its_session(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let (home, operator, _jobs) = (&fixtures.home, world.operator(), jobs(&world));
        let path = "/settings/invoices/live";
        let signed_in = async |who: &str| Browser::signed_in(&world, home.id, &format!("{who}@home.example")).await;
        let ended = async |browser: &Browser<'_>, mut stream: Opened, status: u16| {
            assert_eq!(next(&mut stream).await, None);
            assert_eq!(ask(browser, path).await.head.status, status);
        };

        let (owner, other) = (signed_in("owner").await, signed_in("owner").await);
        let (stream, mut stays) = (opened(&owner, path).await, opened(&other, path).await);
        owner.post("/settings/sign-out", &[]).await;
        ended(&owner, stream, 303).await;
        invoice(&world, home).await;
        signalled(next(&mut stays).await);

        let manager = signed_in("manager").await;
        let stream = opened(&manager, path).await;
        member::set_role(&operator, home.id, "manager@home.example", Role::Member).await.unwrap();
        ended(&manager, stream, 403).await;

        let admin = signed_in("admin").await;
        let stream = opened(&admin, path).await;
        member::remove(&operator, home.id, "admin@home.example").await.unwrap();
        ended(&admin, stream, 303).await;

        organization::set_plan(&operator, home.id, Plan::Studio).await.unwrap();
        ended(&other, stays, 200).await;

        let stream = opened(&other, path).await;
        world.clock.advance(12 * 60 * MINUTE);
        ended(&other, stream, 303).await;
        assert_eq!(world.app.subscriber_count(), 0);
    }
}

on_both! {
    /// Opened by the rules of its page; few for a session and for a member, and none when the server stops.
    async fn streams_are_bounded(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let id = invoice(&world, home).await;
        let path = format!("/settings/invoices/{id}/live");
        let [owner, member] = ["owner@home.example", "member@home.example"];
        let (browser, member) = (Browser::signed_in(&world, home.id, owner).await, Browser::signed_in(&world, home.id, member).await);
        let other = Browser::signed_in(&world, fixtures.other.id, "owner@other.example").await;
        for (browser, path, status) in [
            (&member, path.as_str(), 403),
            (&member, "/settings/webhooks/deliveries/live", 403),
            (&other, path.as_str(), 404),
            (&Browser::new(&world), path.as_str(), 303),
        ] {
            assert_eq!(ask(browser, path).await.head.status, status, "{path}");
        }
        assert_eq!(browser.call(Method::POST, &path).header("origin", super::ORIGIN).send().await.status, 405);
        assert_eq!(browser.call(Method::HEAD, &path).send().await.text(), "", "an answer to HEAD ends");

        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(opened(&browser, &path).await);
        }
        assert_eq!(ask(&browser, &path).await.head.status, 409, "a sixth of one session");
        for _ in 0..3 {
            let again = Browser::signed_in(&world, home.id, owner).await;
            for _ in 0..5 {
                open.push(opened(&again, &path).await);
            }
        }
        let again = Browser::signed_in(&world, home.id, owner).await;
        assert_eq!(ask(&again, &path).await.head.status, 409, "a 21st of one member");
        open.pop();
        open.push(opened(&again, &path).await);
        assert_eq!(world.app.subscriber_count(), 20);

        world.app.close_subscribers();
        for mut stream in open {
            assert_eq!(next(&mut stream).await, None);
        }
        assert_eq!(ask(&other, "/settings/invoices/live").await.head.status, 503);
    }
}

on_both! {
    /// A page that loads itself again does not make its session last longer; a person who opens one does.
    async fn a_page_that_refreshes_itself_is_no_use_of_a_session(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let browser = Browser::signed_in(&world, fixtures.home.id, "owner@home.example").await;
        let refresh = async || browser.call(Method::GET, "/settings/invoices").header("sec-fetch-dest", "empty").send().await;
        for _ in 0..2 {
            world.clock.advance(6 * 60 * MINUTE - MINUTE);
            assert_eq!(refresh().await.status, 200);
        }
        page(&browser.get("/settings/invoices").await, 200);
        world.clock.advance(11 * 60 * MINUTE);
        assert_eq!(refresh().await.status, 200, "12 hours from the last use");
        world.clock.advance(60 * MINUTE);
        assert_eq!(refresh().await.status, 303);
    }
}

on_both! {
    /// However many pages are open, what they watch is read by one statement.
    async fn one_statement_serves_all_pages(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let browser = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let mut open = Vec::new();
        for path in ["/settings/invoices/live", "/settings/webhooks/live", "/settings/webhooks/deliveries/live"] {
            open.push(opened(&browser, path).await);
        }
        let other = Browser::signed_in(&world, fixtures.other.id, "owner@other.example").await;
        let _foreign = opened(&other, "/settings/invoices/live").await;
        world.begin_counting();
        let _jobs = jobs(&world);
        let body = json!({ "url": "https://hooks.example/hours", "events": ["invoice.sent"] });
        world.post(&home.owner, "/api/v1/webhook-endpoints", body).await.id();
        invoice(&world, home).await;
        signalled(next(&mut open[0]).await);
        signalled(next(&mut open[1]).await);
        let looks: Vec<_> = world.statements().into_iter().filter(|sql| sql.contains("AS stamp")).collect();
        assert!(!looks.is_empty() && looks.iter().all(|sql| sql == &looks[0]), "{looks:?}");
        let asked = world.statements().iter().filter(|sql| sql.contains("FROM session s JOIN member m")).count();
        assert_eq!(asked, 0, "nobody signs in again to be signalled");
    }
}
