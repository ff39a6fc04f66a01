//! The arithmetic of reports: sums in 128 bits, rounded half up to the decimals of the currency, and refused where they are
//! larger than money can be. Currencies are never added to each other.

use std::collections::BTreeMap;

use entity::value::{Currency, Money};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::door::Cx;

/// The price of a report, in points: 10 more than other requests.
pub(super) const POINTS: u32 = Action::GetTimeReport.most_points();

/// The most sums that a report is made of: one per group, currency and rate.
pub(super) const MAX_SUMS: u64 = 10_000;

/// The most sums of all reports of one request, which are in memory together.
const MAX_SUMS_OF_REQUEST: u64 = 2 * MAX_SUMS;

/// The least amount that is too large to be shown, in ten-thousandths.
const TOO_MUCH: i128 = 10_i128.pow(16);

/// Refuses a report of too many sums; `filters` are the ones to narrow it by.
pub(super) fn ensure_few(cx: &Cx, sums: usize, filters: &str) -> Result<(), Error> {
    let (most, what) = match sums as u64 {
        sums if sums > MAX_SUMS => (MAX_SUMS, "gives"),
        sums if cx.hold_sums(sums) > MAX_SUMS_OF_REQUEST => (MAX_SUMS_OF_REQUEST, "gives, with the other reports,"),
        _ => return Ok(()),
    };
    Err(Error::invalid("groupBy", format!("{what} more than {most} rows: filter by {filters}, or group by less")))
}

/// An amount of so many ten-thousandths.
pub(super) fn money(units: i128) -> Result<Money, Error> {
    let shown = i64::try_from(units).ok().filter(|_| units < TOO_MUCH).map(Money::from_units);
    shown.ok_or_else(|| Error::invalid("groupBy", "an amount is more than 999999999999.9999: filter by a shorter time"))
}

/// Seconds × ten-thousandths of an hourly rate as an amount, rounded half up to the decimals of the currency.
pub(super) fn per_hour(earned: i128, currency: &Currency) -> Result<Money, Error> {
    let step = 10_i128.pow(4 - currency.decimals().min(4));
    let worth = 3600 * step;
    money((earned + worth / 2).div_euclid(worth) * step)
}

/// Amounts per currency.
#[derive(Default)]
pub(super) struct Totals(BTreeMap<String, i128>);

impl Totals {
    pub(super) fn add(&mut self, currency: &Currency, amount: Money) {
        *self.0.entry(currency.as_str().to_owned()).or_default() += i128::from(amount.units());
    }

    /// The sums, by currency.
    pub(super) fn amounts(self) -> Result<Vec<(Currency, Money)>, Error> {
        use entity::value::Wire;
        let amount = |(currency, units): (String, i128)| {
            let currency = Currency::parse_text(&currency).map_err(Error::Invalid)?;
            Ok((currency, money(units)?))
        };
        self.0.into_iter().map(amount).collect()
    }
}

#[cfg(test)]
mod tests {
    use entity::value::Wire;

    use super::*;

    #[test]
    fn amounts_are_rounded_half_up_to_the_decimals_of_the_currency() {
        for (currency, seconds, rate, amount) in [
            ("USD", 3600, 1_500_000, "150.00"),
            ("USD", 1, 1_500_000, "0.04"),
            ("USD", 1800, 100, "0.01"),
            ("USD", 1800, 99, "0.00"),
            ("USD", 5400, 100, "0.02"),
            ("JPY", 1800, 10_000, "1.00"),
            ("JPY", 1799, 10_000, "0.00"),
            ("KWD", 1800, 10, "0.001"),
            ("CLF", 1800, 1, "0.0001"),
            ("EUR", 0, 1_500_000, "0.00"),
        ] {
            let currency = Currency::parse_text(currency).expect("a currency");
            let shown = per_hour(seconds * rate, &currency).expect("fits");
            assert_eq!(shown.to_string(), amount, "{seconds} s at {rate} {currency}");
        }
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        let currency = Currency::parse_text("USD").expect("a currency");
        let most = 9_999_999_999_999_900;
        assert_eq!(per_hour(most * 3600, &currency).expect("fits").to_string(), "999999999999.99");
        assert!(per_hour((most + 100) * 3600, &currency).is_err());
        assert!(per_hour(i128::from(i64::MAX) * 86_400, &currency).is_err());
    }
}
