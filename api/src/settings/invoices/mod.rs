//! `/settings/invoices`: invoices, for Managers and above: the list, the form with its preview, one invoice with what can
//! be done to it in its state, and the same for print.

pub(super) mod document;
pub(super) mod list;
pub(super) mod new;
pub(super) mod steps;

use maud::{Markup, html};
use service::invoice::Invoice;
use service::value::{Currency, InvoiceStatus, Money, PaymentStatus};

/// Where the list is.
const LIST: &str = "/settings/invoices";

/// An amount as people write it: with the decimals of its currency (more only where it has more), thousands apart, and the
/// code of the currency.
fn money(amount: Money, currency: &Currency) -> String {
    format!("{} {currency}", digits(amount, currency.decimals()))
}

fn digits(amount: Money, least: u32) -> String {
    let text = format!("{}.{:04}", amount.units() / 10_000, amount.units() % 10_000);
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let least = usize::try_from(least).unwrap_or(decimals.len());
    let significant = decimals.trim_end_matches('0').len().max(least).min(decimals.len());
    let first = whole.len() % 3;
    let groups = whole.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let groups: Vec<String> =
        [whole[..first].to_owned()].into_iter().filter(|group| !group.is_empty()).chain(groups).collect();
    match &decimals[..significant] {
        "" => groups.join(","),
        decimals => format!("{}.{decimals}", groups.join(",")),
    }
}

/// What is still to be paid; none of a draft, which nobody has been sent.
fn open(invoice: &Invoice) -> Option<Money> {
    match invoice.status {
        InvoiceStatus::Draft => None,
        InvoiceStatus::Cancelled | InvoiceStatus::Paid => Some(Money::ZERO),
        InvoiceStatus::Sent => Some(Money::from_units(invoice.total.units() - invoice.amount_paid.units())),
    }
}

/// The state of an invoice in words.
fn state(invoice: &Invoice) -> Markup {
    let (class, status) = match invoice.status {
        InvoiceStatus::Draft => ("badge", "draft"),
        InvoiceStatus::Sent => ("badge", "sent"),
        InvoiceStatus::Paid => ("badge good", "paid"),
        InvoiceStatus::Cancelled => ("badge bad", "cancelled"),
    };
    let payment = match invoice.payment_status {
        PaymentStatus::PartiallyPaid => Some("paid in part"),
        PaymentStatus::Refunded => Some("refunded"),
        PaymentStatus::Unpaid | PaymentStatus::Paid => None,
    };
    html! {
        span class=(class) { (status) }
        @if let Some(payment) = payment { " " span.badge { (payment) } }
    }
}

#[cfg(test)]
mod tests {
    use service::value::Wire;

    use super::*;

    #[test]
    fn amounts_have_the_form_of_their_currency() {
        for (code, amount, shown) in [
            ("EUR", "0", "0.00 EUR"),
            ("EUR", "1234567.5", "1,234,567.50 EUR"),
            ("EUR", "999", "999.00 EUR"),
            ("EUR", "0.0001", "0.0001 EUR"),
            ("JPY", "1500", "1,500 JPY"),
            ("JPY", "0.5", "0.5 JPY"),
            ("KWD", "12.5", "12.500 KWD"),
            ("CLF", "999999999999.9999", "999,999,999,999.9999 CLF"),
        ] {
            let currency = Currency::parse_text(code).expect("a currency");
            assert_eq!(money(amount.parse().expect("money"), &currency), shown);
        }
    }
}
