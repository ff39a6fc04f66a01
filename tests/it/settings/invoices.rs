//! `/settings/invoices`: previewed, made, sent, paid, refunded, cancelled; listed and printed.

use serde_json::json;
use service::value::InvoiceId;
use tests::{Answer, Fixtures, Workspace, World, on_both};

use super::{Browser, hidden, labelled, leads_to, page};

const LIST: &str = "/settings/invoices";
const NEW: &str = "/settings/invoices/new";
const MAKE: &str = "/settings/invoices/make";

/// The page that an answer leads to, without what it says there.
#[track_caller]
fn place(answer: &Answer, done: &str) -> String {
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    let location = answer.header("location").unwrap();
    location.strip_suffix(&format!("?done={done}")).unwrap_or_else(|| panic!("{location} is not {done}")).to_owned()
}

async fn reported(world: &World) -> Vec<String> {
    let types = world.events().await.into_iter().map(|event| event["type"].as_str().unwrap().to_owned());
    types.filter(|name| name.starts_with("invoice.")).collect()
}

async fn number_of_invoices(world: &World, at: &Workspace) -> serde_json::Value {
    world.get(&at.owner, "/api/v1/invoices?count=true").await.json()["pagination"]["total"].clone()
}

on_both! {
    /// The preview shows the lines and stores nothing; what it has shown is what is made, once.
    async fn an_invoice_is_previewed_and_made(world: World) {
        let home = Fixtures::new(&world).await.home;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        assert!(page(&manager.get(NEW).await, 200).contains("There is no client yet"));
        assert!(page(&manager.get(LIST).await, 200).contains("There are no invoices yet"));
        let client = home.client(&world, "Big <C>").await;
        let project = world.post(&home.owner, "/api/v1/projects", json!({ "clientId": client, "name": "P" })).await.id();
        home.entry(&world, &home.owner, &project).await;
        home.expense(&world, &client, "2000.5").await;
        let form = page(&manager.get(NEW).await, 200);
        assert!(form.contains("Big &lt;C&gt; (EUR)") && form.contains("value=\"2026-05-01\"") && form.contains("value=\"2026-05-31\""), "{form}");
        labelled(&form);

        let fields = [("clientId", client.as_str()), ("from", "2026-06-01"), ("to", "2026-06-30"), ("discount", "100"), ("taxRate", "10")];
        let preview = page(&manager.post(NEW, &fields).await, 200);
        for part in ["Nothing is stored yet", "2,150.50 EUR", "−100.00 EUR", "205.05 EUR", "2,255.55 EUR", "a ticket"] {
            assert!(preview.contains(part), "{part}: {preview}");
        }
        assert_eq!(number_of_invoices(&world, &home).await, 0);
        let total = hidden(&preview, "expectedTotal");
        let made = [&fields[..], &[("expectedTotal", total.as_str())]].concat();
        let send = || manager.post_with("the-key", MAKE, &made);
        let (one, other) = tokio::join!(send(), send());
        let at = place(&one, "invoice-made");
        assert_eq!(at, place(&other, "invoice-made"), "a double click makes one");
        assert_eq!(number_of_invoices(&world, &home).await, 1);
        let shown = page(&manager.get(&at).await, 200);
        for part in ["Invoice INV-1", "draft", "Big &lt;C&gt;", "2,255.55 EUR", "Mark as sent", "Cancel the invoice"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("Record a payment") && !shown.contains("Record a refund"), "{shown}");
        let list = page(&manager.get(LIST).await, 200);
        let open = "data-label=\"Open\">–</td>";
        assert!(list.contains(&at) && list.contains(open), "nobody owes anything for a draft: {list}");
        manager.post(&format!("{at}/send"), &[("version", "1")]).await;
        let list = page(&manager.get(LIST).await, 200);
        assert!(!list.contains(open) && list.contains("data-label=\"Open\">2,255.55 EUR</td>"), "{list}");
    }
}

on_both! {
    /// What is wrong stands beside its field, with what was typed. What has changed since the preview is not made.
    async fn an_invoice_is_refused_with_the_reason(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let (client, foreign) = (home.client(&world, "C").await, fixtures.other.client(&world, "theirs").await);
        let days = [("from", "2026-06-01"), ("to", "2026-06-30")];
        let of = |client| [&[("clientId", client)], &days[..]].concat();
        for path in [NEW, MAKE] {
            assert!(page(&manager.post(path, &of(&client)).await, 409).contains("not billed yet"), "{path}");
            let shown = page(&manager.post(path, &of(&foreign)).await, 422);
            assert!(shown.contains("id=\"clientId-error\"") && shown.contains("not found"), "{shown}");
            let wrong = [("clientId", client.as_str()), ("from", "2026-06-30"), ("to", "2026-06-01"), ("discount", "ten"), ("taxRate", "200")];
            let shown = page(&manager.post(path, &wrong).await, 422);
            for field in ["to", "discount", "taxRate"] {
                assert!(shown.contains(&format!("id=\"{field}-error\"")), "{field}: {shown}");
            }
            assert!(shown.contains("value=\"ten\"") && shown.contains("value=\"2026-06-30\""), "{shown}");
            labelled(&shown);
        }
        home.expense(&world, &client, "20").await;
        let preview = page(&manager.post(NEW, &of(&client)).await, 200);
        home.expense(&world, &client, "30").await;
        let total = hidden(&preview, "expectedTotal");
        let late = [&of(&client)[..], &[("expectedTotal", total.as_str())]].concat();
        assert!(page(&manager.post(MAKE, &late).await, 409).contains("changed since the preview"));
        assert_eq!(number_of_invoices(&world, home).await, 0);
    }
}

on_both! {
    /// Sent, paid in part, paid, refunded, cancelled: every state offers what fits, every step is one effect and its event.
    async fn an_invoice_is_sent_paid_refunded_and_cancelled(world: World) {
        let home = Fixtures::new(&world).await.home;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "100").await;
        let at = format!("{LIST}/{}", home.invoice(&world, &client).await);
        // Looks at the page of a step, and sends its form twice, as a double click does.
        let step = async |name: &str, fields: &[(&str, &str)], done: &str| {
            let path = format!("{at}/{name}");
            let asked = page(&manager.get(&path).await, 200);
            assert!(asked.contains("INV-1") && asked.contains("100.00 EUR"), "{asked}");
            labelled(&asked);
            let version = hidden(&asked, "version");
            let fields = [&[("version", version.as_str())], fields].concat();
            let key = world.new_key();
            let send = || manager.post_with(&key, &path, &fields);
            let (one, other) = tokio::join!(send(), send());
            assert_eq!((place(&one, done), place(&other, done)), (at.clone(), at.clone()));
            page(&manager.get(&format!("{at}?done={done}")).await, 200)
        };
        let shown = step("send", &[], "invoice-sent").await;
        assert!(shown.contains("Record a payment") && !shown.contains("Mark as sent"), "{shown}");
        assert_eq!(reported(&world).await, ["invoice.sent"]);
        step("payment-failed", &[("amount", ""), ("reason", "declined")], "payment-failed").await;
        let again = page(&manager.get(&format!("{at}/send")).await, 409);
        assert!(again.contains("cannot be done") && !again.contains("method=\"post\" action=\"/settings/invoices"), "{again}");
        let shown = step("pay", &[("amount", " 40.50\t")], "payment-recorded").await;
        assert!(shown.contains("paid in part") && shown.contains("59.50 EUR"), "{shown}");
        let wrong = page(&manager.post(&format!("{at}/pay"), &[("amount", "60")]).await, 422);
        assert!(wrong.contains("id=\"amount-error\"") && wrong.contains("59.50") && wrong.contains("value=\"60\""), "{wrong}");
        let shown = step("pay", &[("amount", "")], "invoice-paid").await;
        assert!(shown.contains("Record a refund") && !shown.contains("Record a payment") && !shown.contains("/cancel"), "{shown}");
        assert_eq!(reported(&world).await, ["invoice.sent", "invoice.payment_failed", "invoice.paid"]);
        assert!(page(&manager.post(&format!("{at}/cancel"), &[]).await, 409).contains("PAID"));
        let shown = step("refund", &[], "invoice-refunded").await;
        assert!(shown.contains("refunded") && shown.contains("Cancel the invoice"), "{shown}");
        let shown = step("cancel", &[], "invoice-cancelled").await;
        assert!(shown.contains("cancelled") && !shown.contains("/cancel\"") && !shown.contains("/pay\""), "{shown}");
        assert_eq!(reported(&world).await.len(), 3);
    }
}

on_both! {
    /// A form that was made of an older version changes nothing, and shows what the invoice is now.
    async fn an_older_form_changes_nothing(world: World) {
        let home = Fixtures::new(&world).await.home;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let client = home.client(&world, "C").await;
        home.expense(&world, &client, "100").await;
        let id: InvoiceId = home.invoice(&world, &client).await.parse().unwrap();
        let path = format!("{LIST}/{id}/cancel");
        let old = hidden(&page(&manager.get(&path).await, 200), "version");
        service::invoice::send(&world.operator(), id).await.unwrap();
        let shown = page(&manager.post(&path, &[("version", &old)]).await, 412);
        assert!(shown.contains("Somebody else has changed this") && shown.contains("sent"), "{shown}");
        let now = hidden(&shown, "version");
        assert_ne!(now, old);
        place(&manager.post(&path, &[("version", &now)]).await, "invoice-cancelled");
    }
}

on_both! {
    /// The list pages towards both ends, and its filters stay in the address.
    async fn the_list_pages_both_ways(world: World) {
        let home = Fixtures::new(&world).await.home;
        let manager = Browser::signed_in(&world, home.id, "manager@home.example").await;
        let client = home.client(&world, "C").await;
        for n in 1..=27 {
            world.clock.advance(1);
            home.expense(&world, &client, "1").await;
            let id: InvoiceId = home.invoice(&world, &client).await.parse().unwrap();
            if n % 2 == 0 {
                service::invoice::send(&world.operator(), id).await.unwrap();
            }
        }
        let has = |page: &str, n: i32| page.contains(&format!(">INV-{n}<"));
        let link = |page: &str, rel: &str| {
            let tag = page.split("<a ").find(|tag| tag.contains(&format!("rel=\"{rel}\"")))?;
            Some(tag.split("href=\"").nth(1)?.split('"').next()?.replace("&amp;", "&"))
        };
        let first = page(&manager.get(LIST).await, 200);
        assert!(has(&first, 27) && has(&first, 3) && !has(&first, 2) && link(&first, "prev").is_none(), "{first}");
        let second = page(&manager.get(&link(&first, "next").unwrap()).await, 200);
        assert!(has(&second, 2) && has(&second, 1) && !has(&second, 3) && link(&second, "next").is_none(), "{second}");
        let back = page(&manager.get(&link(&second, "prev").unwrap()).await, 200);
        assert!(has(&back, 27) && has(&back, 3) && !has(&back, 2), "{back}");

        let sent = page(&manager.get(&format!("{LIST}?status=SENT&search=inv-2")).await, 200);
        assert!(has(&sent, 2) && has(&sent, 26) && !has(&sent, 27) && !has(&sent, 4), "{sent}");
        assert!(sent.contains("<option value=\"SENT\" selected") && sent.contains("value=\"inv-2\""), "{sent}");
        labelled(&sent);
        assert!(page(&manager.get(&format!("{LIST}?status=PAID")).await, 200).contains("No invoice fits."));
        let wrong = page(&manager.get(&format!("{LIST}?issueDateFrom=soon")).await, 422);
        assert!(wrong.contains("id=\"issueDateFrom-error\"") && wrong.contains("value=\"soon\""), "{wrong}");
        assert!(wrong.contains("href=\"#issueDateFrom\">Issued from: "), "it is called as its label is: {wrong}");
    }
}

on_both! {
    /// The print view has what a bill needs, and a style for paper.
    async fn an_invoice_is_printed(world: World) {
        let home = Fixtures::new(&world).await.home;
        let owner = Browser::signed_in(&world, home.id, "owner@home.example").await;
        let named = [("legalName", "Acme GmbH"), ("taxId", "DE1"), ("businessEmail", "office@acme.example")];
        leads_to(&owner.post("/settings/workspace", &named).await, "/settings/workspace?done=workspace-changed");
        let client = json!({ "name": "Big C", "billingLine1": "High Street 1", "billingPostalCode": "12345",
            "billingCity": "Springfield", "taxNumber": "GB9" });
        let client = world.post(&home.owner, "/api/v1/clients", client).await.id();
        home.expense(&world, &client, "100").await;
        let id = home.invoice(&world, &client).await;
        let shown = page(&owner.get(&format!("{LIST}/{id}/print")).await, 200);
        for part in ["Acme GmbH", "Tax number DE1", "office@acme.example", "Big C", "High Street 1", "12345 Springfield", "GB9", "INV-1", "2026-06-11", "2026-07-11", "100.00 EUR", "draft"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let style = world.call(poem::http::Method::GET, "/assets/settings.css").send().await.text();
        assert!(style.contains("@media print") && style.contains("A4"), "{style}");
    }
}
