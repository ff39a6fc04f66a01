//! The arithmetic of invoices, in decimals: amounts are rounded half up (away from zero) to the currency's own number of
//! decimals, once per line and once for the tax.

use entity::value::{Currency, Decimal as Hours, Money, Percent};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::contract::error::Error;
use crate::contract::reason::Reason;

/// Seconds in the quarter of an hour that each entry is rounded up to.
pub const QUARTER: i64 = 15 * 60;
/// A quarter of an hour, in ten-thousandths of an hour.
const QUARTER_UNITS: i64 = 2_500;
/// The least amount that is too much, in ten-thousandths.
const TOO_MUCH: i64 = 10_i64.pow(16);

/// What an invoice comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The sum of the lines.
    pub subtotal: Money,
    /// What is taken off it.
    pub discount: Money,
    /// The tax on what is left.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// Quarters of an hour as hours.
///
/// # Errors
/// More hours than a line can hold.
pub fn hours(quarters: i64) -> Result<Hours, Error> {
    quarters.checked_mul(QUARTER_UNITS).filter(|units| *units < TOO_MUCH).map(Hours::from_units).ok_or_else(too_much)
}

/// An amount as it is charged in a currency.
///
/// # Errors
/// More than money can be.
pub fn charged(amount: Money, currency: &Currency) -> Result<Money, Error> {
    rounded(decimal(amount.units()), currency)
}

/// So many hours at that price, as charged in a currency.
///
/// # Errors
/// More than money can be.
pub fn line(quantity: Hours, unit_price: Money, currency: &Currency) -> Result<Money, Error> {
    let product = decimal(quantity.units()).checked_mul(decimal(unit_price.units())).ok_or_else(too_much)?;
    rounded(product, currency)
}

/// Subtotal, less discount, plus tax.
///
/// # Errors
/// A discount over the subtotal, or with more decimals than the currency has; more than money can be.
pub fn totals(
    lines: impl Iterator<Item = Money>,
    discount: Money,
    tax_rate: Option<Percent>,
    currency: &Currency,
) -> Result<Totals, Error> {
    let subtotal = lines.map(Money::units).try_fold(0_i64, i64::checked_add).ok_or_else(too_much)?;
    let subtotal = Some(subtotal).filter(|units| *units < TOO_MUCH).map(Money::from_units).ok_or_else(too_much)?;
    if discount > subtotal {
        return Err(Error::invalid("discount", format!("must be at most the subtotal, {subtotal}")));
    }
    check_decimals("discount", discount, currency)?;
    let taxed = subtotal.units() - discount.units();
    let rate = decimal(tax_rate.map_or(0, Percent::units)) / Decimal::ONE_HUNDRED;
    let tax = rounded(decimal(taxed).checked_mul(rate).ok_or_else(too_much)?, currency)?;
    let total = Some(taxed + tax.units()).filter(|units| *units < TOO_MUCH).ok_or_else(too_much)?;
    Ok(Totals { subtotal, discount, tax, total: Money::from_units(total) })
}

/// Refuses an amount, sent in this field, that has more decimals than its currency: rounding would change what was meant.
///
/// # Errors
/// 422 with the number of decimals.
pub fn check_decimals(field: &str, amount: Money, currency: &Currency) -> Result<(), Error> {
    if charged(amount, currency)? == amount {
        return Ok(());
    }
    let message = match currency.decimals() {
        0 => format!("{currency} has no decimals"),
        decimals => format!("{currency} has {decimals} decimals"),
    };
    Err(Error::invalid(field, message))
}

/// The days that payment terms give: the number after "net" or "n", else the first one, in weeks or months if they say
/// so; none when they ask for payment at once; else 30.
pub fn days_to_pay(terms: Option<&str>) -> i64 {
    const USUAL: i64 = 30;
    const LONGEST: i64 = 3650;
    let Some(terms) = terms.map(str::to_lowercase) else { return USUAL };
    // Runs of digits and of letters: "net30" and "n/30" are words beside a number.
    let chars: Vec<char> = terms.chars().collect();
    let kind = |c: &char| (c.is_ascii_digit(), c.is_alphabetic());
    let words: Vec<String> = chars.chunk_by(|a, b| kind(a) == kind(b)).map(String::from_iter).collect();
    let net = words.iter().position(|word| matches!(word.as_str(), "net" | "n"));
    match net.and_then(|net| first_span(&words[net..])).or_else(|| first_span(&words)) {
        Some(days) if days <= LONGEST => days,
        Some(_) => USUAL,
        None if ["receipt", "immediate", "at once"].iter().any(|now| terms.contains(now)) => 0,
        None => USUAL,
    }
}

/// The first number among some words, in days.
fn first_span(words: &[String]) -> Option<i64> {
    let at = words.iter().position(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let unit = words[at..].iter().find_map(|word| match word.as_str() {
        "day" | "days" => Some(1),
        "week" | "weeks" => Some(7),
        "month" | "months" => Some(30),
        _ => None,
    });
    Some(words[at].parse::<i64>().unwrap_or(i64::MAX).saturating_mul(unit.unwrap_or(1)))
}

fn decimal(units: i64) -> Decimal {
    Decimal::new(units, 4)
}

fn rounded(amount: Decimal, currency: &Currency) -> Result<Money, Error> {
    let charged = amount.round_dp_with_strategy(currency.decimals(), RoundingStrategy::MidpointAwayFromZero);
    let units = charged.checked_mul(Decimal::from(10_000)).and_then(|units| units.to_i64());
    units.filter(|units| *units < TOO_MUCH).map(Money::from_units).ok_or_else(too_much)
}

fn too_much() -> Error {
    Error::conflict(
        Reason::AmountTooLarge,
        "the invoice would come to more than 999999999999.9999; bill a shorter time",
    )
}

#[cfg(test)]
mod tests {
    use entity::value::Wire;

    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect("money")
    }

    fn currency(code: &str) -> Currency {
        Currency::parse_text(code).expect("a currency")
    }

    #[test]
    fn halves_go_up_at_the_currencys_decimals() {
        for (code, amount, expected) in [
            ("USD", "0.005", "0.01"),
            ("USD", "0.015", "0.02"),
            ("USD", "0.025", "0.03"),
            ("USD", "0.0249", "0.02"),
            ("JPY", "0.5", "1.00"),
            ("JPY", "1.5", "2.00"),
            ("KWD", "1.0005", "1.001"),
            ("KWD", "1.0015", "1.002"),
            ("CLF", "1.0005", "1.0005"),
        ] {
            assert_eq!(charged(money(amount), &currency(code)).expect("fits"), money(expected), "{code} {amount}");
        }
    }

    #[test]
    fn discount_comes_before_tax() {
        let lines = [money("100.00"), money("50.10")];
        let rate = Some(Percent::parse_text("7.7").expect("a rate"));
        let totals = totals(lines.into_iter(), money("10.05"), rate, &currency("CHF")).expect("fits");
        // (150.10 − 10.05) × 7.7 % = 10.78385
        assert_eq!((totals.tax, totals.total), (money("10.78"), money("150.83")));
    }

    #[test]
    fn taxes_are_rounded_as_merchants_do() {
        // 140.00 at 9.975 % is 13.965, which is 13.97 in Quebec.
        let rate = Some(Percent::parse_text("9.975").expect("a rate"));
        let totals = totals([money("140.00")].into_iter(), Money::ZERO, rate, &currency("CAD")).expect("fits");
        assert_eq!((totals.tax, totals.total), (money("13.97"), money("153.97")));
    }

    #[test]
    fn a_discount_has_the_decimals_of_the_currency() {
        for (code, discount) in [("USD", "0.005"), ("JPY", "0.5"), ("KWD", "0.0001")] {
            let refused = totals([money("10")].into_iter(), money(discount), None, &currency(code));
            let message = refused.expect_err("too many decimals").to_string();
            assert!(message.starts_with("discount: ") && message.contains("decimals"), "{message}");
        }
    }

    #[test]
    fn terms_say_when() {
        for (terms, days) in [
            (None, 30),
            (Some("Net 15"), 15),
            (Some("1/10 net 60"), 60),
            (Some("2/10, n/30"), 30),
            (Some("net30"), 30),
            (Some("14 days net"), 14),
            (Some("14 days, internet banking"), 14),
            (Some("2 weeks"), 14),
            (Some("1 month"), 30),
            (Some("3 months"), 90),
            (Some("9223372036854775807 weeks"), 30),
            (Some("60 days"), 60),
            (Some("Due on receipt"), 0),
            (Some("as agreed"), 30),
            (Some("99999999999999999999"), 30),
        ] {
            assert_eq!(days_to_pay(terms), days, "{terms:?}");
        }
    }
}
