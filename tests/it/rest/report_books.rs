//! What a time report must be: its entries, added up one by one.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};
use service::value::{Date, TimeZone};
use tests::World;

/// Every record of a list.
pub(super) async fn all(world: &World, token: &str, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(token, &format!("/api/v1/{path}?limit=200{cursor}")).await.json();
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// What there is, by id.
pub(super) struct Books {
    pub(super) entries: Vec<Value>,
    named: BTreeMap<String, Value>,
}

impl Books {
    pub(super) async fn of(world: &World, token: &str) -> Books {
        let mut named = BTreeMap::new();
        for (list, id) in [("clients", "id"), ("projects", "id"), ("tasks", "id"), ("members", "userId")] {
            named.extend(all(world, token, list).await.into_iter().map(|row| (text(&row[id]), row)));
        }
        Books { entries: all(world, token, "time-entries").await, named }
    }

    pub(super) fn key(&self, entry: &Value, group: &str, zone: TimeZone) -> String {
        let project = &self.named[&text(&entry["projectId"])];
        let day = match entry["startedAt"].as_str() {
            Some(start) => zone.date(start.parse().unwrap()).0,
            None => entry["entryDate"].as_str().unwrap().parse::<Date>().unwrap().0,
        };
        match group {
            "client" => text(&project["clientId"]),
            "project" => text(&project["id"]),
            "task" => text(&entry["taskId"]),
            "member" => text(&entry["userId"]),
            "day" => day.to_string(),
            "week" => monday(day).to_string(),
            _ => format!("{:04}-{:02}", day.year(), day.month()),
        }
    }

    /// Sums by adding up each entry: seconds, billable ones, entries, and for each currency what is earned in
    /// ten-thousandths times 3600.
    pub(super) fn sum<'a>(&self, entries: impl Iterator<Item = &'a Value>) -> Value {
        let (mut seconds, mut billable, mut count) = (0, 0, 0);
        let mut earned: BTreeMap<String, i128> = BTreeMap::new();
        for entry in entries {
            let project = &self.named[&text(&entry["projectId"])];
            let client = &self.named[&text(&project["clientId"])];
            let duration = entry["durationSeconds"].as_i64().unwrap();
            let can = entry["billable"] == true;
            (seconds, billable, count) = (seconds + duration, billable + if can { duration } else { 0 }, count + 1);
            let rate = match (can && project["rateType"] == "HOURLY", project["hourlyRate"].as_str()) {
                (true, Some(rate)) => rate.parse::<service::value::Money>().unwrap().units(),
                _ => 0,
            };
            *earned.entry(text(&client["currency"])).or_default() += i128::from(duration) * i128::from(rate);
        }
        let amount = |(currency, earned): (String, i128)| json!({ "currency": currency, "amount": half_up(earned) });
        let amounts: Vec<_> = earned.into_iter().map(amount).collect();
        json!({ "seconds": seconds, "billableSeconds": billable, "entries": count, "amounts": amounts })
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(day.weekday().num_days_from_monday().into())
}

/// Half up to two decimals, which EUR and USD have.
fn half_up(earned: i128) -> String {
    let cent = 3600 * 100;
    let cents = earned / cent + i128::from(earned % cent * 2 >= cent);
    service::value::Money::from_units(i64::try_from(cents * 100).unwrap()).to_string()
}

/// The amounts of a report's rows, added up per currency.
pub(super) fn added_up(rows: &Value) -> Value {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for amount in rows.as_array().unwrap().iter().flat_map(|row| row["amounts"].as_array().unwrap()) {
        let units = text(&amount["amount"]).parse::<service::value::Money>().unwrap().units();
        *sums.entry(text(&amount["currency"])).or_default() += units;
    }
    let shown = |(currency, units)| json!({ "currency": currency, "amount": service::value::Money::from_units(units) });
    Value::Array(sums.into_iter().map(shown).collect())
}

/// The key of a row of the report, as the books have it.
pub(super) fn key_of(row: &Value, group: &str) -> String {
    let key = &row["keys"][group];
    match group {
        "member" => text(&key["userId"]),
        "client" | "project" | "task" => text(&key["id"]),
        _ => text(key),
    }
}
