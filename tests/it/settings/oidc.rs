//! Sign-in at an OpenID provider: a small one that the test runs, in good and in hostile ways.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use poem::http::Method;
use service::member::{self, NewMember};
use service::openid::Provider;
use service::value::{Role, Wire};
use tests::{Answer, Fixtures, Kind, PrivateDatabase, START, World, on_both};

use super::{Browser, HOST, ORIGIN, form, hidden, leads_to, page};

const MINUTE: i64 = 60_000;
const CALLBACK: &str = "/settings/sign-in/oidc/callback";

/// The provider, which ends with the test.
struct Issuer {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Issuer {
    fn start() -> Issuer {
        let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
        let script = Path::new(&tools).join("issuer.mjs");
        let mut command = Command::new("node");
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("issuer on ").expect("it says where it is").to_owned();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Issuer { child, url, client: client.build().unwrap() }
    }

    async fn get(&self, url: &str) -> reqwest::Response {
        self.client.get(url).send().await.unwrap()
    }

    /// Whom it signs in from now on, and how.
    async fn signs_in(&self, how: &str) {
        let url = format!("{}/as?now={}&{how}", self.url, START.seconds());
        assert!(self.get(&url).await.status().is_success());
    }

    /// How often a page of it was asked for.
    async fn asked(&self, path: &str) -> u64 {
        let counts: serde_json::Value =
            serde_json::from_str(&self.get(&format!("{}/asked", self.url)).await.text().await.unwrap()).unwrap();
        counts[path].as_u64().unwrap_or(0)
    }

    /// The same world, with this provider.
    fn serve(&self, world: World) -> World {
        self.serve_as(world, "secret")
    }

    fn serve_as(&self, world: World, secret: &str) -> World {
        let provider = Provider::new(&self.url, "hoursmith", secret, Some(ORIGIN)).expect("settings that work");
        world.serving(|server| server.oidc = Some(provider))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser that is back from the provider.
struct Attempt<'a> {
    browser: Browser<'a>,
    cookie: String,
    /// Code and state, as the provider has sent them back.
    code: String,
    state: String,
}

impl<'a> Attempt<'a> {
    async fn begin(world: &'a World, issuer: &Issuer) -> Attempt<'a> {
        let browser = Browser::new(world);
        let begun = browser.call(Method::GET, "/settings/sign-in/oidc?next=/settings/api").send().await;
        assert_eq!(begun.status, 303, "{}", begun.text());
        let cookie = begun.header("set-cookie").unwrap().to_owned();
        for part in ["hs-oidc=sealed:", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let there = begun.header("location").unwrap();
        assert!(there.starts_with(&format!("{}/authorize?", issuer.url)), "{there}");
        for part in ["code_challenge_method=S256", "response_type=code", "nonce=", "max_age=300"] {
            assert!(there.contains(part), "{there}");
        }
        let back = issuer.get(there).await.headers()["location"].to_str().unwrap().to_owned();
        let target = back.strip_prefix(ORIGIN).expect("back to this server");
        let shown = browser.call(Method::GET, target).header("sec-fetch-site", "cross-site").send().await;
        let text = page(&shown, 200);
        assert!(shown.header("set-cookie").is_none(), "no GET signs in");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Attempt { browser, cookie, code: hidden(&text, "code"), state: hidden(&text, "state") }
    }

    async fn finish(&self) -> Answer {
        self.send(&self.cookie, &[("code", &self.code), ("state", &self.state)]).await
    }

    async fn send(&self, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let call = self.browser.call(Method::POST, CALLBACK).header("cookie", cookie).header("origin", ORIGIN);
        form(call, fields).send().await
    }
}

/// Asserts that an answer begins a session, and returns its cookie.
#[track_caller]
fn signs_in(answer: &Answer) -> String {
    leads_to(answer, "/settings/api?done=signed-in");
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let own = cookies.into_iter().find(|cookie| cookie.starts_with("hs=")).expect("a session");
    own.split(';').next().unwrap().to_owned()
}

#[track_caller]
fn refuses(answer: &Answer, why: &str) {
    assert_eq!(answer.status.as_u16(), 401, "{why}: {}", answer.text());
    assert!(page(answer, 401).contains("does not sign in"), "{why}");
    assert!(answer.header("set-cookie").is_none(), "{why}");
}

on_both! {
    /// A verified address that is a member's signs in, once, whatever the case of its letters; the sign-in is recent, ends as
    /// others do, and makes nobody a member.
    async fn a_verified_address_of_a_member_signs_in(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let issuer = Issuer::start();
        assert!(!page(&Browser::new(&world).get("/settings/sign-in").await, 200).contains("oidc"), "none is set");
        page(&Browser::new(&world).get("/settings/sign-in/oidc").await, 404);
        let world = issuer.serve(world);
        let shown = page(&Browser::new(&world).get("/settings/sign-in?next=/settings/api").await, 200);
        assert!(shown.contains("href=\"/settings/sign-in/oidc?next=%2Fsettings%2Fapi\""), "{shown}");

        issuer.signs_in("email=Manager@HOME.example").await;
        let attempt = Attempt::begin(&world, &issuer).await;
        let cookie = signs_in(&attempt.finish().await);
        let get = |path: &'static str| world.call(Method::GET, path).header("host", HOST).header("cookie", &cookie);
        assert!(page(&get("/settings").send().await, 200).contains("manager@home.example"));
        assert!(page(&get("/settings/sessions").send().await, 200).contains("identity provider"));
        refuses(&attempt.finish().await, "a code that was used");
        for (how, why) in [("verified=text", "a provider that sends a text"), ("userinfo=person", "claims of the user")] {
            issuer.signs_in(&format!("email=manager@home.example&{how}")).await;
            assert_eq!(Attempt::begin(&world, &issuer).await.finish().await.status, 303, "{why}");
        }
        member::remove(&world.operator(), fixtures.home.id, "manager@home.example").await.unwrap();
        leads_to(&get("/settings").send().await, "/settings/sign-in?next=%2Fsettings");
        issuer.signs_in("email=manager@home.example").await;
        let members = "SELECT count(*) AS n FROM member";
        let before = world.database.number(members).await;
        refuses(&Attempt::begin(&world, &issuer).await.finish().await, "a member who was removed");
        issuer.signs_in("email=stranger@home.example").await;
        refuses(&Attempt::begin(&world, &issuer).await.finish().await, "nobody's address");
        assert_eq!(world.database.number(members).await, before);
        let sessions = "SELECT count(*) AS n FROM session WHERE sign_in_method = 'oidc'";
        assert_eq!(world.database.number(sessions).await, 3);
    }
}

on_both! {
    /// Whatever a hostile provider, token or page in between does, nobody is signed in.
    async fn hostile_tokens_do_not_sign_in(world: World) {
        let _fixtures = Fixtures::new(&world).await;
        let issuer = Issuer::start();
        let world = issuer.serve(world);
        let hostile = [
            ("an address that is not verified", "verified=false"),
            ("an address without a word of that", "verified=absent"),
            ("a token for another client", "aud=another"),
            ("a token for another client too", "aud=own,another"),
            ("a token that another client may use", "azp=another"),
            ("a token of another issuer", "iss=https://evil.example"),
            ("a token for another sign-in", "nonce=another"),
            ("a token for no sign-in", "noNonce=1"),
            ("an expired token", "late=-300"),
            ("a token of the future", "late=3600"),
            ("a sign-in of yesterday", "authTime=-86400"),
            ("no signature", "alg=none"),
            ("a signature by the client's secret", "alg=HS256&secret=secret"),
            ("a signature by an empty secret", "alg=HS256&secret="),
            ("a signature by another key", "forged=1"),
            ("a key that nobody has", "kid=unknown"),
            ("claims of another user", "userinfo=another"),
        ];
        for (why, how) in hostile {
            issuer.signs_in(&format!("email=owner@home.example&{how}")).await;
            refuses(&Attempt::begin(&world, &issuer).await.finish().await, why);
        }
        // Letters that only a wide rule takes for the same: K is the sign of kelvin, and ſ the long s.
        for (member, other) in [("kim@home.example", "%E2%84%AAim@home.example"), ("sam@home.example", "%C5%BFam@home.example")] {
            let new = NewMember {
                email: Wire::parse_text(member).unwrap(),
                name: Wire::parse_text("one").unwrap(),
                role: Role::Member,
            };
            member::add(&world.operator(), _fixtures.home.id, new).await.unwrap();
            issuer.signs_in(&format!("email={other}")).await;
            refuses(&Attempt::begin(&world, &issuer).await.finish().await, member);
        }

        // An attempt of another browser, which would sign a victim in as somebody else; and one that is not whole.
        issuer.signs_in("email=owner@home.example").await;
        let (one, other) = (Attempt::begin(&world, &issuer).await, Attempt::begin(&world, &issuer).await);
        let fields = [("code", one.code.as_str()), ("state", one.state.as_str())];
        for cookie in [other.cookie.as_str(), "hs-oidc=", "hs-oidc=sealed:AAAA", "hs-oidc=x", "theme=dark"] {
            refuses(&one.send(cookie, &fields).await, cookie);
        }
        for fields in [[("code", one.code.as_str()), ("state", "")], [("code", one.code.as_str()), ("state", &other.state)],
            [("code", ""), ("state", one.state.as_str())], [("code", "made-up"), ("state", one.state.as_str())],
            [("proof", "sealed:AAAA"), ("workspace", "x")], [("proof", one.cookie.as_str()), ("workspace", "x")]] {
            refuses(&one.send(&one.cookie, &fields).await, "fields that do not fit");
        }
        let foreign = one.browser.call(Method::POST, CALLBACK).header("cookie", &one.cookie).header("origin", "https://evil.example");
        page(&form(foreign, &fields).send().await, 403);
        for query in ["?error=access_denied&state=x", "", "?code=x", "?state=x", "?error=%3Cscript%3E"] {
            let answer = one.browser.call(Method::GET, &format!("{CALLBACK}{query}")).send().await;
            assert!(!page(&answer, 401).contains("<script>"), "{query}");
        }
        world.clock.advance(10 * MINUTE);
        refuses(&one.finish().await, "an attempt of ten minutes ago");
        assert_eq!(world.database.number("SELECT count(*) AS n FROM session").await, 0);
    }
}

on_both! {
    /// A person with several workspaces chooses one; the choice counts once, in the browser that was asked.
    async fn a_person_with_several_workspaces_chooses(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let new = NewMember {
            email: Wire::parse_text("owner@home.example").unwrap(),
            name: Wire::parse_text("guest").unwrap(),
            role: Role::Member,
        };
        member::add(&world.operator(), fixtures.other.id, new).await.unwrap();
        let issuer = Issuer::start();
        let world = issuer.serve(world);
        issuer.signs_in("email=owner@home.example").await;
        let attempt = Attempt::begin(&world, &issuer).await;
        let choice = page(&attempt.finish().await, 200);
        let (proof, other) = (hidden(&choice, "proof"), fixtures.other.id.to_string());
        assert!(choice.contains(&other) && choice.contains(&fixtures.home.id.to_string()), "{choice}");
        let stranger = fixtures.home.id.to_string().replace('7', "6");
        refuses(&attempt.send(&attempt.cookie, &[("proof", &proof), ("workspace", &stranger)]).await, "another workspace");
        refuses(&attempt.send(&attempt.cookie, &[("proof", &proof), ("workspace", "")]).await, "no workspace");
        refuses(&attempt.send("a=b", &[("proof", &proof), ("workspace", &other)]).await, "another browser");
        let elsewhere = Attempt::begin(&world, &issuer).await;
        refuses(&elsewhere.send(&elsewhere.cookie, &[("proof", &proof), ("workspace", &other)]).await, "another attempt");
        signs_in(&attempt.send(&attempt.cookie, &[("proof", &proof), ("workspace", &other)]).await);
        refuses(&attempt.send(&attempt.cookie, &[("proof", &proof), ("workspace", &other)]).await, "a proof that was used");
    }
}

/// Metadata and keys are read once an hour, and once more when a token is signed by a new key, though not at every such token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_remembered_and_renewed() {
    let world = World::on(Kind::Sqlite).await;
    let _fixtures = Fixtures::new(&world).await;
    let issuer = Issuer::start();
    let world = issuer.serve(world);
    for _ in 0..3 {
        issuer.signs_in("email=owner@home.example").await;
        signs_in(&Attempt::begin(&world, &issuer).await.finish().await);
    }
    assert_eq!(issuer.asked("/jwks").await, 1);
    world.clock.advance(MINUTE);
    issuer.signs_in("email=owner@home.example&late=60&rotate=second").await;
    signs_in(&Attempt::begin(&world, &issuer).await.finish().await);
    assert_eq!(issuer.asked("/jwks").await, 2);
    for _ in 0..3 {
        issuer.signs_in("email=owner@home.example&late=60&kid=unknown").await;
        refuses(&Attempt::begin(&world, &issuer).await.finish().await, "an unknown key");
    }
    assert_eq!(issuer.asked("/jwks").await, 2, "not at every token");
    world.clock.advance(60 * MINUTE);
    issuer.signs_in("email=owner@home.example&late=3660").await;
    signs_in(&Attempt::begin(&world, &issuer).await.finish().await);
    assert_eq!(issuer.asked("/jwks").await, 3, "an hour later");
}

/// A provider that cannot be asked, or that leads elsewhere, is 503 with the other ways in; it is not asked again at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_cannot_be_asked_is_said_so() {
    let world = World::on(Kind::Sqlite).await;
    let _fixtures = Fixtures::new(&world).await;
    let issuer = Issuer::start();
    let world = issuer.serve(world);
    let begin = async || Browser::new(&world).call(Method::GET, "/settings/sign-in/oidc").send().await;
    for how in [
        "down=1",
        "long=1",
        "moved=1",
        "metadataIssuer=https://evil.example",
        "authorize=http://evil.example/",
        "authorize=javascript:alert(1)",
        "algs=HS256,none",
    ] {
        issuer.signs_in(how).await;
        let before = issuer.asked("/.well-known/openid-configuration").await;
        for _ in 0..3 {
            let answer = begin().await;
            assert!(page(&answer, 503).contains("/settings/sign-in\""), "{how}");
            assert!(answer.header("set-cookie").is_none() && answer.header("location").is_none(), "{how}");
        }
        assert_eq!(issuer.asked("/.well-known/openid-configuration").await, before + 1, "{how}");
        world.clock.advance(6000);
    }
    assert_eq!(issuer.asked("/elsewhere").await, 0, "redirects are not followed");

    issuer.signs_in("email=owner@home.example&token=http://192.0.2.1/token").await;
    let attempt = Attempt::begin(&world, &issuer).await;
    page(&attempt.finish().await, 503);

    let issuer = Issuer::start();
    let world = issuer.serve_as(world, "wrong");
    issuer.signs_in("email=owner@home.example").await;
    refuses(&Attempt::begin(&world, &issuer).await.finish().await, "a secret that the provider does not know");
}

/// An address that guesses is refused before the provider is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_does_not_reach_the_provider() {
    let world = World::with(Kind::Sqlite, |config| config.rate_limit_scale = 1).await;
    let _fixtures = Fixtures::new(&world).await;
    let issuer = Issuer::start();
    let world = issuer.serve(world);
    issuer.signs_in("email=owner@home.example").await;
    let attempt = Attempt::begin(&world, &issuer).await;
    let guess = async |code: &str| attempt.send(&attempt.cookie, &[("code", code), ("state", &attempt.state)]).await;
    for i in 0..10 {
        page(&guess(&format!("wrong-{i}")).await, 401);
    }
    for i in 0..20 {
        page(&guess(&format!("more-{i}")).await, 429);
        page(&Browser::new(&world).get("/settings/sign-in/oidc").await, 429);
    }
    assert_eq!(issuer.asked("/token").await, 10);
    world.clock.advance(MINUTE);
    signs_in(&attempt.finish().await);
}

/// Settings that cannot work are refused at start, in one line that names what to change, before anything is made.
#[tokio::test]
async fn a_provider_is_set_whole() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let (issuer, id) = (("HOURSMITH_OIDC_ISSUER", "https://login.example"), ("HOURSMITH_OIDC_CLIENT_ID", "hoursmith"));
    let public = ("HOURSMITH_PUBLIC_URL", "https://hours.example");
    for (settings, part) in [
        (vec![issuer], "HOURSMITH_OIDC_CLIENT_ID"),
        (vec![id], "HOURSMITH_OIDC_ISSUER"),
        (vec![("HOURSMITH_OIDC_CLIENT_SECRET", "secret")], "HOURSMITH_OIDC_ISSUER"),
        (vec![issuer, id], "HOURSMITH_PUBLIC_URL"),
        (vec![("HOURSMITH_OIDC_ISSUER", "http://login.example"), id, public], "https://"),
        (vec![issuer, id, ("HOURSMITH_PUBLIC_URL", "http://hours.example")], "https://"),
    ] {
        let mut command = crate::running::command(&database.url, &["serve", "--listen", "127.0.0.1:0"]);
        let output = command.envs(settings.iter().copied()).output().unwrap();
        let line = crate::running::failure(&output);
        assert!(line.contains(part) && !line.contains("secret"), "{settings:?}: {line}");
    }
    assert_eq!(database.number("SELECT count(*) AS n FROM sqlite_master").await, 0, "nothing was made");
}
