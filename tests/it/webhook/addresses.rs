//! Addresses that webhooks must not reach, checked when an endpoint is saved and when it is connected to.

use serde_json::json;
use tests::{Fixtures, Kind, Receiver, World, on_both};

use super::{deliveries, detail, execute, new_endpoint, subscribe};

/// URLs that are refused for what they say.
const HOSTILE: &[&str] = &[
    // Not HTTPS, not a URL, not an absolute one.
    "http://example.com/hook",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://example.com/",
    "data:text/plain,x",
    "//example.com/hook",
    "example.com/hook",
    "https:",
    "https://",
    "https:///example.com",
    "https:example.com",
    "https:/example.com",
    "https://?",
    "https://#",
    "https://exa mple.com/",
    "https://example.com\\@10.0.0.1/",
    "https:\\\\example.com",
    "https://example.com/\tx",
    "https://exam\nple.com/",
    "https://[::1",
    "https://example.com:99999/",
    "https://%00.example.com/",
    // With a user.
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://:secret@example.com/",
    "https://@example.com/",
    "https://example.com@10.0.0.1/",
    "https://10.0.0.1@example.com/",
    // Ports below 1024 but for 443.
    "https://example.com:80/",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:0/",
    "https://example.com:1023/",
    // Names of this machine and of private networks.
    "https://localhost/",
    "https://LOCALHOST./",
    "https://localhost..../",
    "https://a.localhost/",
    "https://a.b.localhost./",
    "https://printer.local./",
    "https://intranet./",
    "https://printer.local/",
    "https://db.internal/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://intranet/",
    "https://db:5432/",
    "https://0x/",
    // Addresses, in every spelling.
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://10.255.255.255:8443/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://3232235777/",
    "https://100.64.0.1/",
    "https://100.127.255.254/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[2001::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::1]/",
    "https://[100::1]/",
    "https://[3fff::1]/",
    "https://[4000::1]/",
];

/// Addresses that a name must not lead to.
const PRIVATE: &[&str] = &[
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.20.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.2.7",
    "198.19.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.251",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "fe80::1",
    "fc00::1",
    "fdab::1",
    "ff0e::1",
    "2001:db8::1",
    "2001:0:1::1",
    "2002:0a00:0001::",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
];

/// Addresses and URLs of the public internet.
const PUBLIC: &[&str] = &[
    "https://example.com/hook",
    "https://example.com",
    "https://example.com:443/",
    "https://example.com:8443/a?b=c#d",
    "https://EXAMPLE.com./",
    "https://example.com:1024/",
    "https://example.com:65535/",
    "https://8.8.8.8/",
    "https://9.255.255.255/",
    "https://11.0.0.1/",
    "https://172.32.0.1/",
    "https://100.128.0.1/",
    "https://[2606:4700::1111]/",
    "https://[2a00:1450:4001:81b::200e]/",
    "https://[64:ff9b::808:808]/",
    "https://xn--bcher-kva.example/",
    "https://bücher.example/",
    "https://does-not-resolve.example/",
    "https://local.example.com/",
    "https://internal.example.com/",
    "https://localhost.example.com/",
];

/// A server of the public internet: without exceptions.
async fn strict(kind: Kind) -> World {
    World::with(kind, |config| config.webhook_allow = vec![]).await
}

#[tokio::test]
async fn hostile_urls_are_refused_when_saved() {
    assert!(HOSTILE.len() + PRIVATE.len() >= 60);
    let world = strict(Kind::Sqlite).await;
    let fixtures = Fixtures::new(&world).await;
    let target = new_endpoint(&world, &fixtures.home, "https://good.example/", &["client.created"]).await;
    let path = format!("/api/v1/webhook-endpoints/{}", target["id"].as_str().unwrap());
    for url in HOSTILE {
        let body = json!({ "url": url, "events": ["client.created"] });
        let refused = world.post(&fixtures.home.owner, "/api/v1/webhook-endpoints", body).await;
        assert!(refused.status == 422, "{url} was taken: {}", refused.text());
        assert!(refused.fields()["url"].is_string(), "{url}: {}", refused.text());
        world.patch(&fixtures.home.owner, &path, json!({ "url": url })).await.fields();
    }
    for (i, address) in PRIVATE.iter().enumerate() {
        let name = format!("n{i}.example");
        world.names.set(&name, &["93.184.216.34", address]);
        let body = json!({ "url": format!("https://{name}/"), "events": ["client.created"] });
        let refused = world.post(&fixtures.home.owner, "/api/v1/webhook-endpoints", body).await;
        let fields = refused.fields();
        assert!(fields["url"].as_str().unwrap().contains("/docs/webhooks#develop"), "the way out is named: {fields}");
        assert!(!fields.to_string().contains(address), "what a name leads to inside is nobody's business: {fields}");
        world.patch(&fixtures.home.owner, &path, json!({ "url": format!("https://{name}/") })).await.fields();
    }
    assert_eq!(world.get(&fixtures.home.owner, &path).await.data(200)["version"], 1);
}

#[tokio::test]
async fn urls_of_the_public_internet_are_taken() {
    let world = strict(Kind::Sqlite).await;
    world.names.set("example.com", &["93.184.216.34", "2606:2800:220:1::1"]);
    let fixtures = Fixtures::new(&world).await;
    for url in PUBLIC {
        assert_eq!(new_endpoint(&world, &fixtures.home, url, &["client.created"]).await["url"], *url);
    }
}

#[tokio::test]
async fn hostile_addresses_are_refused_when_connected_to() {
    let world = strict(Kind::Sqlite).await;
    let fixtures = Fixtures::new(&world).await;
    let home = &fixtures.home;
    let id = subscribe(&world, home, "https://rebinding.example/", &["client.created"]).await;
    home.client(&world, "Globex").await;
    // Whatever has come into the table: each is looked at again when it is connected to.
    let mut urls: Vec<String> = HOSTILE.iter().map(|url| (*url).to_owned()).collect();
    urls.extend(PRIVATE.iter().map(|_| "https://rebinding.example/".to_owned()));
    for (i, url) in urls.iter().enumerate() {
        if let Some(address) = i.checked_sub(HOSTILE.len()).map(|i| PRIVATE[i]) {
            world.names.set("rebinding.example", &["93.184.216.34", address]);
        }
        let stored = url.replace('\'', "''");
        execute(&world, &format!("UPDATE webhook_endpoint SET url = '{stored}'")).await;
        execute(&world, "UPDATE webhook_delivery SET status = 10, due_at = created_at, attempt_count = 0").await;
        execute(&world, "DELETE FROM webhook_attempt").await;
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        let delivery = deliveries(&world, home).await.pop().unwrap();
        let attempt = detail(&world, home, &delivery).await["attempts"][0].clone();
        let error = attempt["error"].as_str().unwrap_or_default();
        let refused = error.starts_with("not sent: the URL")
            || error == "the URL cannot be sent to"
            || error == "the name does not resolve";
        assert!(refused && attempt["responseStatus"].is_null(), "{url}: {attempt}");
    }
    let _ = id;
}

on_both! {
    /// A name that led elsewhere when the endpoint was saved is looked at again at each connection.
    async fn dns_rebinding_is_caught(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let receiver = Receiver::answering(200).await;
        let port = receiver.url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
        // 127.0.0.0/8 is an exception of this world; ::1 is not.
        world.names.set("hook.example", &["127.0.0.1"]);
        subscribe(&world, &fixtures.home, &format!("http://hook.example:{port}/hook"), &["client.created"]).await;
        fixtures.home.client(&world, "Globex").await;
        world.app.deliver_due().await.unwrap();
        assert_eq!(receiver.received().len(), 1);
        for elsewhere in [&["127.0.0.1", "::1"][..], &["10.0.0.1"], &["93.184.216.34"], &["::ffff:127.0.0.1"]] {
            world.names.set("hook.example", elsewhere);
            fixtures.home.client(&world, "Initech").await;
            // Past the pool: an idle connection leads where it led.
            let fresh = service::App::connect(config(&world), world.clock.clone()).await.unwrap();
            fresh.deliver_due().await.unwrap();
            let delivery = deliveries(&world, &fixtures.home).await.pop().unwrap();
            let error = detail(&world, &fixtures.home, &delivery).await["attempts"][0]["error"].clone();
            assert!(error.as_str().is_some_and(|error| error.starts_with("not sent")), "{elsewhere:?}: {error}");
        }
        assert_eq!(receiver.received().len(), 1);
    }
}

fn config(world: &World) -> service::Config {
    service::Config {
        secret_keys: service::SecretKey::from_base64(tests::SECRET_KEY).into_iter().collect(),
        webhook_allow: vec!["127.0.0.0/8".parse().unwrap()],
        resolver: Some(std::sync::Arc::new(world.names.clone())),
        ..service::Config::new(&world.database.url)
    }
}

#[tokio::test]
async fn exceptions_apply_to_their_networks_only() {
    let world = World::with(Kind::Sqlite, |config| config.webhook_allow = vec!["10.1.0.0/16".parse().unwrap()]).await;
    world.names.set("receiver", &["10.1.2.3"]);
    world.names.set("localhost", &["127.0.0.1"]);
    world.names.set("mixed.example", &["10.1.2.3", "93.184.216.34"]);
    let fixtures = Fixtures::new(&world).await;
    for url in ["http://10.1.2.3:80/", "https://10.1.2.3/", "http://receiver:9000/hook", "https://mixed.example/"] {
        new_endpoint(&world, &fixtures.home, url, &["client.created"]).await;
    }
    for url in [
        "http://10.2.0.1/",
        "https://10.2.0.1/",
        "http://localhost/",
        "http://mixed.example/",
        "http://8.8.8.8/",
        "http://nowhere.example/",
    ] {
        let body = json!({ "url": url, "events": ["client.created"] });
        world.post(&fixtures.home.owner, "/api/v1/webhook-endpoints", body).await.fields();
    }
}

on_both! {
    /// Networks on the operator's deny list are refused although public: when saved, and when connected to, whatever the
    /// name led to before, also where an exception allows them, and by their IPv4 address behind NAT64.
    async fn networks_on_the_deny_list_are_refused(world: World) {
        let world = world.replica(world.clock.clone(), |config| {
            config.webhook_deny = ["198.20.0.0/16", "2606:4700::/32", "127.0.0.9/32"].map(|net| net.parse().unwrap()).into();
        }).await;
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        world.names.set("inner.example", &["93.184.216.34", "198.20.1.2"]);
        for url in ["https://198.20.0.1/", "https://[2606:4700::1111]/", "https://[64:ff9b::198.20.7.7]/", "https://inner.example/", "http://127.0.0.9/"] {
            let body = json!({ "url": url, "events": ["client.created"] });
            let refused = world.post(&home.owner, "/api/v1/webhook-endpoints", body).await.fields();
            assert!(refused["url"].as_str().unwrap().contains("excluded"), "{url}: {refused}");
        }
        for url in ["https://198.21.0.1/", "https://93.184.216.34/", "https://[64:ff9b::198.21.7.7]/"] {
            new_endpoint(&world, home, url, &["project.created"]).await;
        }
        let receiver = Receiver::answering(200).await;
        let port = receiver.url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
        world.names.set("hook.example", &["127.0.0.1"]);
        subscribe(&world, home, &format!("http://hook.example:{port}/hook"), &["client.created"]).await;
        world.names.set("hook.example", &["127.0.0.9"]);
        home.client(&world, "Globex").await;
        assert_eq!(world.app.deliver_due().await.unwrap(), 1);
        let delivery = deliveries(&world, home).await.pop().unwrap();
        let error = detail(&world, home, &delivery).await["attempts"][0]["error"].clone();
        assert!(error.as_str().unwrap().contains("excluded"), "{error}");
        assert!(receiver.received().is_empty());
    }
}
