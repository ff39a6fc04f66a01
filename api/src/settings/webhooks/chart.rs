//! The last 24 hours of an endpoint as a small chart, in words, and as a table.

use maud::{Markup, html};
use service::webhook::health::{Health, Hour, MOST};

use super::super::parts::{self, Column, Row, time};

/// The size of the drawing, in its own units.
const WIDTH: u64 = 24 * STEP;
const HEIGHT: u64 = 100;
const STEP: u64 = 20;
const BAR: u64 = 16;

/// The chart, with the same as text for those who do not see it.
pub(super) fn health(health: &Health) -> Markup {
    let sum = health.sum();
    html! {
        section aria-labelledby="health" {
            h2 id="health" { "The last 24 hours" }
            @if sum.all() == 0 {
                p { "Nothing was sent to it in the last 24 hours." }
            } @else {
                (drawing(health, sum))
                p {
                    span.good { (sum.succeeded) " delivered" } ", "
                    span.bad { (sum.failed) " failed so far" } ", "
                    (sum.waiting) " waiting for the first attempt."
                    @if health.is_cut() { " Only the newest " (MOST) " are counted." }
                }
                details { summary { "Hour by hour" } (table(health)) }
            }
        }
    }
}

fn drawing(health: &Health, sum: Hour) -> Markup {
    let most = health.hours.iter().map(|hour| hour.all()).max().unwrap_or(0).max(1);
    html! {
        svg.chart role="img" aria-labelledby="chart-title chart-text" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" {
            title id="chart-title" { "Deliveries by the hour" }
            desc id="chart-text" {
                "In the last 24 hours " (sum.succeeded) " were delivered, " (sum.failed) " failed so far and " (sum.waiting)
                " wait. The busiest hour had " (most) "."
            }
            @for (i, hour) in health.hours.iter().enumerate() { (bar(i, *hour, most)) }
            path.axis d=(format!("M0 {HEIGHT} H{WIDTH}")) {}
        }
        p.ends aria-hidden="true" { span { "24 hours ago" } span { "now" } }
    }
}

/// The bar of one hour: what was delivered, below what waits, below what failed. What there is can be seen, however little.
fn bar(i: usize, hour: Hour, most: u64) -> Markup {
    let x = u64::try_from(i).unwrap_or(0) * STEP + (STEP - BAR) / 2;
    let height = |count: u64| if count == 0 { 0 } else { (count * (HEIGHT - 10) / most).max(3) };
    let parts = [("good", hour.succeeded), ("waits", hour.waiting), ("bad", hour.failed)];
    let mut top = HEIGHT;
    html! {
        @for (class, count) in parts {
            @if count > 0 {
                @let own = height(count);
                @let () = top = top.saturating_sub(own);
                rect class=(class) x=(x) y=(top) width=(BAR) height=(own) {}
            }
        }
    }
}

fn table(health: &Health) -> Markup {
    let columns =
        [Column::Text("Hour"), Column::Number("Delivered"), Column::Number("Failed so far"), Column::Number("Waiting")];
    let rows = health.hours.iter().enumerate().rev().filter(|(_, hour)| hour.all() > 0).map(|(i, hour)| {
        let [succeeded, failed, waiting] = [hour.succeeded, hour.failed, hour.waiting].map(|count| html! { (count) });
        Row::of([time(health.hour_begins_at(i)), succeeded, failed, waiting])
    });
    parts::table("Deliveries by the hour", &columns, rows)
}
