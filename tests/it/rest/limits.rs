//! Rate limits: the headers report the exact budget, and a client that obeys them is never refused.

use poem::http::Method;
use serde_json::{Value, json};
use service::value::{Plan, TokenScope};
use service::{RequestFacts, organization};
use tests::{Answer, Fixtures, Workspace, World, mint, on_both};

/// The header `RateLimit`: of each bucket what remains, and the seconds until it is full.
#[derive(Debug, PartialEq)]
pub(crate) struct RateLimit {
    pub(crate) burst: (i64, i64),
    pub(crate) sustained: (i64, i64),
}

pub(crate) fn rate_limit(answer: &Answer) -> RateLimit {
    let header =
        answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {} {}", answer.status, answer.text()));
    let bucket = |name: &str| {
        let item = header.split(", ").find_map(|item| item.strip_prefix(&format!("\"{name}\";r="))).unwrap();
        let (left, full_in) = item.split_once(";t=").unwrap();
        (left.parse().unwrap(), full_in.parse().unwrap())
    };
    RateLimit { burst: bucket("burst"), sustained: bucket("sustained") }
}

pub(super) fn number(answer: &Answer, header: &str) -> i64 {
    answer.header(header).unwrap_or_else(|| panic!("no {header}")).parse().unwrap()
}

/// Real budgets, on the database of a world.
async fn strict(world: &World) -> World {
    world.replica(world.clock.clone(), |config| config.rate_limit_scale = 1).await
}

async fn studio(world: &World) -> (World, Workspace) {
    let world = strict(world).await;
    let studio = Workspace::new(&world, "studio", Plan::Studio).await;
    (world, studio)
}

pub(crate) fn batch(project: &str, entries: usize) -> Value {
    let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
    json!({ "timeEntries": vec![entry; entries] })
}

on_both! {
    /// A refusal by one bucket reports what is left in the other, and a wait that is enough for both.
    async fn a_429_reports_the_exact_budget_and_wait(world: World) {
        let (world, studio) = studio(&world).await;
        let token = &studio.owner;
        for left in (0..30).rev() {
            let answer = world.get(token, "/api/v1/me").await;
            let reported = rate_limit(&answer);
            assert_eq!((reported.burst.0, reported.sustained.0), (left, 570 + left));
            assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        }
        let refused = world.get(token, "/api/v1/me").await;
        refused.error(429, "rate_limited");
        assert_eq!(rate_limit(&refused), RateLimit { burst: (0, 10), sustained: (570, 3) });
        assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
        let now = world.clock.now().seconds();
        assert_eq!(number(&refused, "x-ratelimit-reset"), now + 10);
        assert_eq!(number(&refused, "retry-after"), 1);
        world.clock.advance(1000);
        world.get(token, "/api/v1/me").await.data(200);
        // Full again at the reported time, and not before.
        world.clock.advance(9_000);
        let reported = rate_limit(&world.get(token, "/api/v1/me").await);
        assert_eq!((reported.burst.0, reported.sustained.0), (28, 599));
        world.clock.advance(1_000);
        assert_eq!(rate_limit(&world.get(token, "/api/v1/me").await).burst.0, 29);
    }
}

on_both! {
    /// A batch costs one point per entry, reported in its own response; a batch that cannot be paid for has no effect.
    async fn a_batch_is_charged_before_it_runs(world: World) {
        let (world, studio) = studio(&world).await;
        let token = &studio.owner;
        let project = studio.project(&world, "P").await;
        let before = rate_limit(&world.get(token, "/api/v1/me").await).sustained.0;
        for sent in 1..=5 {
            let made = world.post(token, "/api/v1/time-entries/batch", batch(&project, 100)).await;
            made.data(201);
            assert_eq!(rate_limit(&made).sustained.0, before - 100 * sent);
            assert_eq!(number(&made, "x-ratelimit-remaining"), rate_limit(&made).burst.0.min(before - 100 * sent));
        }
        let key = world.new_key();
        let send = async || {
            let call = world.call(Method::POST, "/api/v1/time-entries/batch").token(token).key(&key);
            call.json(batch(&project, 100)).send().await
        };
        for _ in 0..5 {
            let refused = send().await;
            refused.error(429, "rate_limited");
            assert!(rate_limit(&refused).sustained.0 < 100);
            let list = world.get(token, "/api/v1/time-entries?limit=1&sort=createdAt").await;
            assert_eq!(list.data(200).as_array().map(Vec::len), Some(1));
        }
        let refused = send().await;
        world.clock.advance(number(&refused, "retry-after") * 1000);
        send().await.data(201);
        // And so on: a client that waits as long as reported is admitted.
        for _ in 0..5 {
            let refused = world.post(token, "/api/v1/time-entries/batch", batch(&project, 100)).await;
            refused.error(429, "rate_limited");
            world.clock.advance(number(&refused, "retry-after") * 1000);
            world.post(token, "/api/v1/time-entries/batch", batch(&project, 100)).await.data(201);
        }
    }
}

on_both! {
    /// Five minutes of requests and batches by a client that waits where `RateLimit` says nothing is left: no 429.
    async fn a_paced_client_is_never_refused(world: World) {
        let (world, studio) = studio(&world).await;
        let (spends, waits) = (&studio.owner, &studio.manager);
        let project = studio.project(&world, "P").await;
        world.clock.advance(60_000);
        let end = world.clock.now().millis() + 300_000;
        let (mut reported, mut comes_back, mut rounds) = (None::<RateLimit>, 0, 0);
        let (mut sent, mut entries) = (0, 0);
        while world.clock.now().millis() < end {
            // One asks for as much as it may, a refill at a time; every tenth request is a batch.
            let size = if sent % 10 == 9 { 50 } else { 1 };
            let wait = reported.as_ref().map_or(0, |RateLimit { burst, sustained }| {
                let burst = if burst.0 < 1 { (burst.1 + 29) / 30 } else { 0 };
                burst.max(if sustained.0 < size { sustained.1 } else { 0 })
            });
            world.clock.advance(wait.max(0) * 1000);
            let answer = match size {
                1 => world.get(spends, "/api/v1/me").await,
                _ => world.post(spends, "/api/v1/time-entries/batch", batch(&project, 50)).await,
            };
            assert!(answer.status.is_success(), "after {sent}: {} {reported:?}", answer.text());
            reported = Some(rate_limit(&answer));
            sent += 1;
            entries += size;
            // The other spends all and then waits until it is full, again and again.
            let now = world.clock.now().millis();
            if now < comes_back {
                continue;
            }
            let answer = world.get(waits, "/api/v1/me").await;
            answer.data(200);
            let reported = rate_limit(&answer);
            if reported.burst.0 == 0 {
                (comes_back, rounds) = (now + reported.burst.1 * 1000, rounds + 1);
            }
        }
        assert!(rounds >= 3, "it spent its burst {rounds} times");
        // It was not slow, either: the sustained bucket gives 600 and 10 a second.
        assert!(entries > 2_500, "{entries} points in five minutes");
    }
}

on_both! {
    /// Ten minutes of a client that asks all the time: a full bucket, and what refills it. Not one more, not one less.
    async fn a_greedy_client_gets_its_budget(world: World) {
        let (world, studio) = studio(&world).await;
        let mut admitted = 0;
        for step in 0..=300 {
            if step > 0 {
                world.clock.advance(2_000);
            }
            loop {
                match world.get(&studio.owner, "/api/v1/me").await.status.as_u16() {
                    200 => admitted += 1,
                    status => break assert_eq!(status, 429),
                }
            }
        }
        assert_eq!(admitted, 30 + 600 * 3);
    }
}

on_both! {
    /// The same with batches of any size, which spend points: whatever is asked for, and however often, each answer is that
    /// of two buckets that are counted by hand.
    async fn a_greedy_client_of_batches_gets_its_budget(world: World) {
        let (world, studio) = studio(&world).await;
        let project = studio.project(&world, "P").await;
        world.clock.advance(60_000);
        let (mut burst, mut points) = (30, 600);
        let (mut done, mut in_vain) = (0, 0);
        let mut sizes = [1, 7, 1, 40, 2, 100, 3].into_iter().cycle();
        // For a little more than three minutes, since each entry is stored.
        for step in 0..=100 {
            if step > 0 {
                world.clock.advance(2_000);
                (burst, points) = (30.min(burst + 6), 600.min(points + 20));
            }
            loop {
                let size = sizes.next().unwrap();
                let answer = match size {
                    1 => world.get(&studio.owner, "/api/v1/me").await,
                    _ => world.post(&studio.owner, "/api/v1/time-entries/batch", batch(&project, size as usize)).await,
                };
                // The door takes a request, and then a point; the rest of a batch is taken once it is known, or not at all.
                let at_door = burst > 0 && points > 0;
                let whole = at_door && points >= size;
                let was_empty = burst == 0;
                burst -= i64::from(!was_empty);
                points -= if whole { size } else { i64::from(at_door) };
                done += if whole { size } else { 0 };
                in_vain += i64::from(at_door && !whole);
                assert_eq!(answer.status == 429, !whole, "step {step}, {size}: {}", answer.text());
                let reported = rate_limit(&answer);
                assert_eq!((reported.burst.0, reported.sustained.0), (burst, points), "step {step}, {size}");
                if was_empty {
                    break;
                }
            }
        }
        // All that there was, and ten points a second.
        assert_eq!(done + in_vain + points, 600 + 10 * 200);
        assert!(done > 2_000 && in_vain > 0, "{done} of use, {in_vain} in vain");
    }
}

on_both! {
    /// Every authenticated response reports the budget, whatever the outcome, on every surface; no other response does.
    async fn every_authenticated_response_reports_the_budget(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let free = Workspace::new(&world, "solo", Plan::Free).await;
        let reader = mint(&world, fixtures.home.id, "owner@home.example", TokenScope::Read).await;
        let owner = &fixtures.home.owner;
        let call = |method: Method, path: &str, token: &str| world.call(method, path).token(token);
        let answers = [
            (200, call(Method::GET, "/api/v1/me", owner)),
            (200, call(Method::HEAD, "/api/v1/me", owner)),
            (404, call(Method::GET, "/api/v1/nowhere", owner)),
            (405, call(Method::PUT, "/api/v1/clients", owner)),
            (402, call(Method::GET, "/api/v1/me", &free.owner)),
            (415, call(Method::POST, "/api/v1/clients", owner).body("x")),
            (400, call(Method::POST, "/api/v1/clients", owner).header("content-type", "application/json").body("{")),
            (403, call(Method::POST, "/api/v1/clients", &reader).key("k").json(json!({ "name": "C" }))),
            (422, call(Method::POST, "/api/v1/clients", owner).json(json!({}))),
            (201, call(Method::POST, "/api/v1/clients", owner).key("k").json(json!({ "name": "C" }))),
            (409, call(Method::POST, "/api/v1/clients", owner).key("k").json(json!({ "name": "D" }))),
            (404, call(Method::GET, "/api/v1/clients/none", owner)),
            (200, call(Method::POST, "/graphql", owner).json(json!({ "query": "{ viewer { name } }" }))),
            (400, call(Method::POST, "/graphql", owner).json(json!([]))),
            (402, call(Method::POST, "/graphql", &free.owner).json(json!({}))),
        ];
        for (status, call) in answers {
            let answer = call.send().await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
            let reported = rate_limit(&answer);
            assert!(reported.burst.0 <= number(&answer, "x-ratelimit-limit"), "{status}");
            assert_eq!(number(&answer, "x-ratelimit-remaining"), reported.burst.0.min(reported.sustained.0), "{status}");
            assert!(answer.header("ratelimit-policy").is_some() && answer.header("x-ratelimit-reset").is_some());
        }
        let guess = "hsk_live_000000000000_00000000000000000000000000000000";
        for path in ["/api/v1/me", "/api/v1/nowhere", "/healthz"] {
            let answer = world.get(guess, path).await;
            assert_eq!((answer.header("ratelimit"), answer.header("x-ratelimit-limit")), (None, None), "{path}");
        }
        assert_eq!(world.call(Method::OPTIONS, "/api/v1/me").token(owner).send().await.header("ratelimit"), None);
    }
}

on_both! {
    /// Another plan counts at once, and what was spent stays spent.
    async fn a_change_of_plan_counts_at_once(world: World) {
        let (world, studio) = studio(&world).await;
        let token = &studio.owner;
        for _ in 0..30 {
            world.get(token, "/api/v1/me").await.data(200);
        }
        world.get(token, "/api/v1/me").await.error(429, "rate_limited");
        organization::set_plan(&world.operator(), studio.id, Plan::Agency).await.unwrap();
        let answer = world.get(token, "/api/v1/me").await;
        answer.data(200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"burst\";q=60;w=10, \"sustained\";q=1200;w=60"));
        let reported = rate_limit(&answer);
        assert_eq!((reported.burst.0, reported.sustained.0), (29, 1200 - 31));
        organization::set_plan(&world.operator(), studio.id, Plan::Studio).await.unwrap();
        world.get(token, "/api/v1/me").await.error(429, "rate_limited");
    }
}

on_both! {
    /// A clock that is set back locks nobody out.
    async fn a_clock_set_back_blocks_nobody(world: World) {
        let (world, studio) = studio(&world).await;
        for _ in 0..30 {
            world.get(&studio.owner, "/api/v1/me").await.data(200);
        }
        world.clock.advance(-3_600_000);
        let refused = world.get(&studio.owner, "/api/v1/me").await;
        assert_eq!((refused.status.as_u16(), number(&refused, "retry-after")), (429, 1));
        world.clock.advance(1_000);
        world.get(&studio.owner, "/api/v1/me").await.data(200);
    }
}

on_both! {
    /// What pays for a whole request is charged once: the operations in it cost no more.
    async fn a_whole_request_is_charged_once(world: World) {
        let (world, studio) = studio(&world).await;
        let project = studio.project(&world, "P").await;
        let header = format!("Bearer {}", studio.owner);
        let enter = async || {
            let admission = world.app.admit(Some(&header), [127, 0, 0, 1].into()).await.unwrap();
            admission.pass.ok().unwrap().enter(RequestFacts::default())
        };
        let cx = enter().await;
        let before = cx.budget().sustained;
        let after = cx.prepay(41).await.unwrap();
        assert_eq!((after.sustained, cx.budget()), (before - 40, after));
        let read = |entries| service::input::FromBody::from_json(service::value::Json::parse(batch(&project, entries).to_string().as_bytes()).unwrap());
        service::time_entry::create_batch(&cx, read(30)).await.unwrap();
        assert_eq!(cx.budget().sustained, before - 40);
        // Without it the batch pays for itself; and what cannot be paid is refused and takes nothing.
        let cx = enter().await;
        service::time_entry::create_batch(&cx, read(30)).await.unwrap();
        assert_eq!(cx.budget().sustained, before - 40 - 1 - 29);
        let left = cx.budget().sustained;
        assert!(cx.prepay(left + 2).await.is_err());
        assert_eq!(cx.budget().sustained, left);
    }
}

on_both! {
    /// A report costs 10 points more than other requests, a search 2, a count 1; what cannot be paid for is not done.
    async fn heavy_reads_cost_more(world: World) {
        let (world, studio) = studio(&world).await;
        let token = &studio.owner;
        let mut left = rate_limit(&world.get(token, "/api/v1/me").await).sustained.0;
        for (path, points) in [
            ("clients", 1),
            ("clients?search=x", 3),
            ("clients?count=true", 2),
            ("clients?search=x&count=true&limit=1", 4),
            ("clients?count=false", 1),
            ("reports/time?groupBy=day", 11),
            ("reports/time?groupBy=day&format=csv", 11),
            ("reports/expenses", 11),
            ("reports/invoices?groupBy=status", 11),
        ] {
            let answer = world.get(token, &format!("/api/v1/{path}")).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            left -= points;
            assert_eq!(rate_limit(&answer).sustained.0, left, "{path}");
        }
        // What is refused for another reason costs the one point of every request.
        let refused = world.get(token, "/api/v1/reports/time").await;
        refused.error(422, "validation_error");
        assert_eq!(rate_limit(&refused).sustained.0, left - 1);
        let project = studio.project(&world, "P").await;
        world.clock.advance(10_000);
        for _ in 0..5 {
            world.post(token, "/api/v1/time-entries/batch", batch(&project, 100)).await.data(201);
        }
        for _ in 0..5 {
            world.post(token, "/api/v1/time-entries/batch", batch(&project, 1)).await.data(201);
        }
        let mut answer = world.get(token, "/api/v1/me").await;
        while rate_limit(&answer).sustained.0 > 10 {
            let more = usize::try_from((rate_limit(&answer).sustained.0 - 10).clamp(1, 100)).unwrap();
            answer = world.post(token, "/api/v1/time-entries/batch", batch(&project, more)).await;
            answer.data(201);
        }
        world.begin_counting();
        let refused = world.get(token, "/api/v1/reports/time?groupBy=day").await;
        refused.error(429, "rate_limited");
        assert_eq!(world.statements().len(), 1, "the token, and no report: {:#?}", world.statements());
        world.clock.advance(number(&refused, "retry-after") * 1000);
        world.get(token, "/api/v1/reports/time?groupBy=day").await.data(200);
    }
}
