//! Webhooks: from the committed change to the receiver, without loss.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{Workspace, World};

mod addresses;
mod attempts;
mod certificates;
mod documented;
mod endpoints;
mod events;
mod floods;
mod housekeeping;
mod plans;
mod program;
pub(crate) mod recipes;
mod replays;
mod secrets;
mod signatures;
mod workers;

/// A new endpoint, with its secret.
pub(crate) async fn new_endpoint(world: &World, at: &Workspace, url: &str, events: &[&str]) -> Value {
    world.post(&at.owner, "/api/v1/webhook-endpoints", json!({ "url": url, "events": events })).await.data(201)
}

/// The same, by its id alone.
pub(crate) async fn subscribe(world: &World, at: &Workspace, url: &str, events: &[&str]) -> String {
    new_endpoint(world, at, url, events).await["id"].as_str().unwrap().to_owned()
}

/// What is stored, past the door.
pub(crate) async fn execute(world: &World, sql: &str) {
    let db = world.database.connect().await;
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

/// One number that is stored.
pub(crate) async fn number(world: &World, sql: &str) -> i64 {
    world.database.number(sql).await
}

/// The deliveries of a workspace, the oldest first.
pub(crate) async fn deliveries(world: &World, at: &Workspace) -> Vec<Value> {
    let path = "/api/v1/webhook-deliveries?sort=createdAt&limit=200";
    world.get(&at.owner, path).await.data(200).as_array().unwrap().clone()
}

/// A delivery with its attempts.
pub(crate) async fn detail(world: &World, at: &Workspace, delivery: &Value) -> Value {
    let path = format!("/api/v1/webhook-deliveries/{}", delivery["id"].as_str().unwrap());
    world.get(&at.owner, &path).await.data(200)
}
