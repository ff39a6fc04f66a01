//! A year of invoices in every state, created by the operations of `hoursmith invoice …`.

use service::invoice::{self, NewInvoice};
use service::value::{Date, Money, OrganizationId};
use service::{Cx, Operator, client};

use super::super::{Failure, internal, print};

/// A quarter of a year, in days.
const QUARTER: i64 = 91;

/// Creates this many invoices, the oldest first, each for a quarter of one client's year.
pub(super) async fn bill(operator: &Operator, cx: &Cx, workspace: OrganizationId, count: usize) -> Result<(), Failure> {
    let clients = client::list(cx, &service::ListArgs::default()).await.map_err(internal)?.items;
    let today = cx.now().date().0;
    let mut made = 0;
    for quarter in (1..=4).rev() {
        let from = Date(today - chrono::TimeDelta::days(quarter * QUARTER));
        let to = Date(from.0 + chrono::TimeDelta::days(QUARTER - 1));
        for client in &clients {
            if made == count {
                break;
            }
            let discount = (made % 4 == 1).then(|| Money::from_units(50_000));
            let new = NewInvoice { client: client.id, from, to, discount, tax_rate: None };
            let bill = match invoice::create(operator, workspace, new).await {
                Ok(bill) => bill.invoice,
                Err(nothing) if nothing.reason() == Some("nothing_to_bill") => continue,
                Err(other) => return Err(internal(other).into()),
            };
            settle(operator, &bill, made).await.map_err(internal)?;
            made += 1;
        }
    }
    print::progress(&format!("demo: {made} invoices"));
    Ok(())
}

/// Advances an invoice to the state of its turn.
async fn settle(operator: &Operator, bill: &invoice::Invoice, turn: usize) -> Result<(), service::Error> {
    let (id, half) = (bill.id, Money::from_units(bill.total.units() / 20_000 * 10_000));
    // A draft, a cancelled draft, and the rest sent: open, failed, half paid, paid, given back.
    if turn.is_multiple_of(7) {
        return Ok(());
    }
    if turn % 7 == 1 {
        invoice::cancel(operator, id).await?;
        return Ok(());
    }
    invoice::send(operator, id).await?;
    match turn % 7 {
        2 => {}
        3 => {
            invoice::fail_payment(operator, id, None, Some("the card was declined".into())).await?;
        }
        4 => {
            invoice::pay(operator, id, Some(half)).await?;
        }
        last => {
            invoice::pay(operator, id, None).await?;
            if last == 6 {
                invoice::refund(operator, id).await?;
            }
        }
    }
    Ok(())
}
