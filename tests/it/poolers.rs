//! Behind PgBouncer, in both of its modes: everything works as without it, subscriptions included with a direct URL.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tests::{Fixtures, Kind, PrivateDatabase, World};

/// PgBouncer in front of the tests' server, until it is dropped.
struct Pooler {
    process: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Pooler {
    async fn start(database: &PrivateDatabase, mode: &str, size: u32) -> Pooler {
        let program = std::env::var("HOURSMITH_TEST_PGBOUNCER").expect("tests need PgBouncer: run `make test`");
        let server = database.url.split('@').nth(1).unwrap().split('/').next().unwrap();
        let server = server.rsplit(':').next().unwrap();
        // A free port: asked of the kernel, and taken at once.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("hoursmith-pgbouncer-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let (settings, users) = (folder.join("pgbouncer.ini"), folder.join("users"));
        std::fs::write(&users, "\"hoursmith\" \"\"\n").unwrap();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=hoursmith\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {size}\n\
             max_client_conn = 200\n",
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new(program);
        // It refuses to run as root.
        command.arg("-u").arg("nobody").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Pooler { process: command.spawn().expect("PgBouncer starts"), port, folder };
        let started = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "PgBouncer does not listen");
            tokio::task::yield_now().await;
        }
        pooler
    }

    fn url(&self, database: &PrivateDatabase) -> String {
        let name = database.url.rsplit('/').next().unwrap();
        format!("postgres://hoursmith@127.0.0.1:{}/{name}", self.port)
    }
}

/// Two hundred keyed creates and reads from eight clients, and a subscription beside them.
async fn everything_works(mode: &str, size: u32) {
    let direct = World::on(Kind::Postgres).await;
    let fixtures = Fixtures::new(&direct).await;
    let pooler = Pooler::start(&direct.database, mode, size).await;
    let (url, direct_url) = (pooler.url(&direct.database), direct.database.url.clone());
    let decide = |config: &mut service::Config| {
        config.database_url = url;
        config.database_direct_url = Some(direct_url);
    };
    let world = Arc::new(direct.replica(direct.clock.clone(), decide).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let app = world.app.clone();
    let jobs = tokio::spawn(async move { app.run_jobs(true, stopped).await });
    let owner = fixtures.home.owner.clone();
    let project = fixtures.home.project(&world, "P").await;
    let clients = (0..8).map(|client| {
        let (world, owner, project) = (world.clone(), owner.clone(), project.clone());
        tokio::spawn(async move {
            for i in 0..25 {
                let name = format!("C{client}-{i}");
                let made = world.post(&owner, "/api/v1/clients", json!({ "name": name })).await;
                let id = made.data(201)["id"].as_str().unwrap().to_owned();
                assert_eq!(world.get(&owner, &format!("/api/v1/clients/{id}")).await.data(200)["name"], json!(name));
                let entry = json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" });
                world.post(&owner, "/api/v1/time-entries", entry).await.data(201);
                let query = "{ clients(first: 2) { nodes { projects(first: 2) { nodes { timeEntries(first: 2) { nodes { id } } } } } } }";
                world.graphql(&owner, query, json!({})).await.graphql();
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let made = "SELECT count(*) AS n FROM client WHERE name LIKE 'C_-%'";
    assert_eq!(world.database.number(made).await, 200);
    assert_eq!(world.database.number("SELECT count(*) AS n FROM event WHERE kind = 'client.created'").await, 201);
    stop.send_replace(true);
    jobs.await.unwrap();
    world.app.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_of_transactions() {
    everything_works("transaction", 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_of_sessions() {
    everything_works("session", 20).await;
}
