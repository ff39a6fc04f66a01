//! A year of invoices in every state, created by the operations of `hoursmith invoice …`, each at the time at which an agency
//! would have made it.

use chrono::{Datelike, Months};
use service::invoice::{self, NewInvoice};
use service::value::{Date, Money, OrganizationId, Timestamp};
use service::{App, Clock, Config, Cx, Operator, client};

use super::super::{Common, Failure, internal, print};

/// The number of times at which invoices are made: at the beginning of each month, and yesterday.
const ROUNDS: usize = 12;
/// The last so many of them are still being settled; older ones are paid, or should be.
const RECENT: usize = 3;
/// How long after an invoice its client pays, in milliseconds.
const PAID_AFTER: i64 = 20 * DAY;
/// A day, in milliseconds.
const DAY: i64 = 24 * HOUR;
/// An hour, in milliseconds.
const HOUR: i64 = 3_600_000;
/// Connections of the application whose clock stands in the past, at most.
const CONNECTIONS: u32 = 2;

/// What becomes of an invoice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settlement {
    Draft,
    Cancelled,
    Sent,
    Declined,
    HalfPaid,
    Paid,
    Refunded,
}

impl Settlement {
    /// That of the invoice whose turn this is.
    fn of(turn: usize, is_recent: bool) -> Settlement {
        match turn % 7 {
            1 => Settlement::Cancelled,
            6 => Settlement::Refunded,
            0 if is_recent => Settlement::Draft,
            2 if is_recent || turn.is_multiple_of(2) => Settlement::Sent,
            3 if is_recent => Settlement::Declined,
            4 if is_recent => Settlement::HalfPaid,
            _ => Settlement::Paid,
        }
    }
}

/// Creates this many invoices, the oldest first, each for what one client owes at that time.
pub(super) async fn bill(common: &Common, cx: &Cx, workspace: OrganizationId, count: usize) -> Result<(), Failure> {
    let clients = client::list(cx, &service::ListArgs::default()).await.map_err(internal)?.items;
    let now = cx.now();
    let first = Date(now.date().0 - chrono::TimeDelta::days(365));
    // Invoices carry the time at which they are made. So they are made by an application whose clock stands there.
    let clock = Clock::manual(first.start());
    let config = Config { database_connections: CONNECTIONS, ..common.config() };
    let past = App::connect(config, clock.clone()).await.map_err(internal)?;
    let operator = Operator::of(&past);
    let move_to = |time: Timestamp| clock.advance(time.millis() - clock.now().millis());
    let mut next = clients.iter().cycle();
    let mut made = 0;
    for (round, at) in times(now).into_iter().enumerate() {
        move_to(at);
        let to = Date(at.date().0 - chrono::TimeDelta::days(1));
        let mut sent = Vec::new();
        let due = count * (round + 1) / ROUNDS;
        for client in next.by_ref().take(clients.len()) {
            if made == due {
                break;
            }
            let discount = (made % 4 == 2).then(|| Money::from_units(50_000));
            let new = NewInvoice { client: client.id, from: first, to, discount, tax_rate: None };
            let bill = match invoice::create(&operator, workspace, new).await {
                Ok(bill) => bill.invoice,
                Err(nothing) if nothing.reason() == Some("nothing_to_bill") => continue,
                Err(other) => return Err(internal(other).into()),
            };
            let outcome = Settlement::of(made, round + RECENT >= ROUNDS);
            if !matches!(outcome, Settlement::Draft | Settlement::Cancelled) {
                invoice::send(&operator, bill.id).await.map_err(internal)?;
            }
            sent.push((bill, outcome));
            made += 1;
        }
        move_to(at.plus_millis(PAID_AFTER).min(now.plus_millis(-HOUR)));
        for (bill, outcome) in sent {
            settle(&operator, &bill, outcome).await.map_err(internal)?;
        }
    }
    past.close().await.map_err(internal)?;
    print::progress(&format!("demo: {made} invoices"));
    Ok(())
}

/// When invoices are made, the oldest first: at nine on the first of each of the last months, and yesterday.
fn times(now: Timestamp) -> Vec<Timestamp> {
    let yesterday = now.plus_millis(-DAY);
    let day = yesterday.date().0;
    let month = day.with_day(1).unwrap_or(day);
    // In the first days of a month there is nothing yet to be billed for it again.
    let skipped = u32::from(day.day() < 6);
    let back =
        (0..ROUNDS as u32 - 1).rev().filter_map(|months| month.checked_sub_months(Months::new(months + skipped)));
    back.map(|day| Date(day).start().plus_millis(9 * HOUR)).chain([yesterday]).collect()
}

/// Advances an invoice that may have been sent to what becomes of it.
async fn settle(operator: &Operator, bill: &invoice::Invoice, outcome: Settlement) -> Result<(), service::Error> {
    let (id, half) = (bill.id, Money::from_units(bill.total.units() / 20_000 * 10_000));
    match outcome {
        Settlement::Draft | Settlement::Sent => {}
        Settlement::Cancelled => _ = invoice::cancel(operator, id).await?,
        Settlement::Declined => {
            invoice::fail_payment(operator, id, None, Some("the card was declined".into())).await?;
        }
        Settlement::HalfPaid => _ = invoice::pay(operator, id, Some(half)).await?,
        Settlement::Paid => _ = invoice::pay(operator, id, None).await?,
        Settlement::Refunded => {
            invoice::pay(operator, id, None).await?;
            invoice::refund(operator, id).await?;
        }
    }
    Ok(())
}
