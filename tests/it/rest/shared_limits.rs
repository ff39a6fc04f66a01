//! Rate limits that replicas share through Redis.

use std::time::{Duration, Instant};

use service::value::Plan;
use service::{Clock, RequestFacts, organization};
use tests::{Fixtures, Kind, Workspace, World};

use super::limits::{batch, number, rate_limit};

pub(crate) fn redis() -> String {
    std::env::var("HOURSMITH_TEST_REDIS").expect("tests need a Redis: run `make test`")
}

/// Three replicas that share a Redis, six clients of one token that ask all the time, each time for something of so many
/// points: what they get together, in units of the bucket that runs dry, is that bucket and what refills it.
async fn three_replicas_give_one_budget(points: u32, bucket: f64, refill: f64) {
    let world = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&world).await;
    let header = format!("Bearer {}", fixtures.home.owner);
    // Tens of times of what a plan has, so that a percent is more than one.
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let shared = |config: &mut service::Config| (config.rate_limit_scale, config.redis_url) = (10, Some(redis()));
        replicas.push(world.replica(Clock::system(), shared).await.app.clone());
    }
    // The cost of one request: the door's point, and the whole cost if the bucket has enough.
    let ask = async move |app: &service::App, header: &str| {
        let admission = app.admit(Some(header), [127, 0, 0, 1].into()).await.unwrap();
        let Ok(pass) = admission.pass else { return 0 };
        let cx = pass.enter(RequestFacts::default());
        if cx.prepay(points).await.is_ok() { points } else { 1 }
    };
    let began = Instant::now();
    let mut spent = ask(&replicas[0], &header).await;
    let first_ended = Instant::now();
    let mut clients = Vec::new();
    for app in replicas.into_iter().cycle().take(6) {
        let (header, ask) = (header.clone(), ask);
        clients.push(tokio::spawn(async move {
            let (mut spent, mut last_began) = (0, Instant::now());
            while began.elapsed() < Duration::from_secs(4) {
                last_began = Instant::now();
                spent += ask(&app, &header).await;
            }
            (spent, last_began)
        }));
    }
    let mut last_began = began;
    for client in clients {
        let (of_one, last) = client.await.unwrap();
        (spent, last_began) = (spent + of_one, last_began.max(last));
    }
    let least = bucket + refill * last_began.duration_since(first_ended).as_secs_f64();
    let most = bucket + refill * began.elapsed().as_secs_f64();
    let spent = f64::from(spent);
    assert!(spent >= least * 0.99 && spent <= most * 1.01, "{spent} is not in {least}..{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_give_one_budget_of_requests() {
    three_replicas_give_one_budget(1, 600.0, 60.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_give_one_budget_of_points() {
    three_replicas_give_one_budget(100, 12_000.0, 200.0).await;
}

/// While Redis is away each process counts for itself: nobody has more than a bucket.
#[tokio::test]
async fn without_redis_there_still_is_a_limit() {
    let world = World::on(Kind::Sqlite).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Some(format!("redis://{nobody}/"));
    let world =
        world.replica(world.clock.clone(), |config| (config.rate_limit_scale, config.redis_url) = (1, url)).await;
    let studio = Workspace::new(&world, "studio", Plan::Studio).await;
    for _ in 0..30 {
        world.get(&studio.owner, "/api/v1/me").await.data(200);
    }
    world.get(&studio.owner, "/api/v1/me").await.error(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_buckets_report_the_same_as_local_ones() {
    let world = World::on(Kind::Sqlite).await;
    let shared = |config: &mut service::Config| (config.rate_limit_scale, config.redis_url) = (1, Some(redis()));
    let world = world.replica(Clock::system(), shared).await;
    let studio = Workspace::new(&world, "studio", Plan::Studio).await;
    let project = studio.project(&world, "P").await;
    let made = world.post(&studio.owner, "/api/v1/time-entries/batch", batch(&project, 100)).await;
    made.data(201);
    let reported = rate_limit(&made);
    assert!((497..=500).contains(&reported.sustained.0) && (9..=11).contains(&reported.sustained.1), "{reported:?}");
    // The whole burst, spent faster than it refills.
    let refused = loop {
        let answer = world.get(&studio.owner, "/api/v1/me").await;
        if answer.status != 200 {
            break answer;
        }
    };
    refused.error(429, "rate_limited");
    let reported = rate_limit(&refused);
    assert_eq!((reported.burst, number(&refused, "retry-after")), ((0, 10), 1));
    assert!(reported.sustained.0 > 400, "its refusal took no points: {reported:?}");
    organization::set_plan(&world.operator(), studio.id, Plan::Agency).await.unwrap();
    let reported = rate_limit(&world.get(&studio.owner, "/api/v1/me").await);
    assert!((25..=35).contains(&reported.burst.0), "what was spent stays spent: {reported:?}");
}
