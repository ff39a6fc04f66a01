//! The arithmetic of invoices, on random input, compared with integers that are rounded by hand.

use proptest::prelude::*;
use service::invoice::amounts;
use service::value::{Currency, Decimal, Money, Percent, Wire};

/// `value / divisor`, neither negative, rounded half up.
fn half_up(value: i128, divisor: i128) -> i128 {
    value / divisor + i128::from(value % divisor * 2 >= divisor)
}

/// A number of units with this many decimals, as ten-thousandths.
fn units(value: i128, decimals: u32) -> i64 {
    i64::try_from(value * 10_i128.pow(4 - decimals)).unwrap()
}

proptest! {
    /// Lines are rounded one by one, their sum is the subtotal, and subtotal, discount, tax and total add up: at any
    /// rate, duration, discount, tax and currency, to the last unit.
    #[test]
    fn lines_sum_to_the_subtotal_and_everything_adds_up(
        lines in prop::collection::vec((0_i64..4_000, 0_i64..50_000_000), 1..40),
        taken in 0_i64..=10_000,
        tax in prop::option::of(0_i64..=1_000_000),
        code in prop::sample::select(vec!["JPY", "USD", "EUR", "KWD", "BHD", "ISK"]),
    ) {
        let currency = Currency::parse_text(code).unwrap();
        let decimals = currency.decimals();
        let step = 10_i128.pow(4 - decimals);
        let mut charged = Vec::new();
        for (quarters, rate) in lines {
            let hours = amounts::hours(quarters).unwrap();
            prop_assert_eq!(hours, Decimal::from_units(quarters * 2_500));
            let amount = amounts::line(hours, Money::from_units(rate), &currency).unwrap();
            // quarters/4 × rate/10⁴, in units of the currency.
            let by_hand = half_up(i128::from(quarters) * i128::from(rate), 4 * step);
            prop_assert_eq!(amount.units(), units(by_hand, decimals));
            charged.push(amount);
        }
        let sum: i64 = charged.iter().map(|amount| amount.units()).sum();
        // A discount has no more decimals than its currency.
        let discount = i128::from(sum) * i128::from(taken) / 10_000 / step * step;
        let discount = Money::from_units(i64::try_from(discount).unwrap());
        let rate = tax.map(Percent::from_units);
        let totals = amounts::totals(charged.into_iter(), discount, rate, &currency).unwrap();
        prop_assert_eq!(totals.subtotal.units(), sum);
        prop_assert_eq!(totals.discount, discount);
        prop_assert!(totals.discount <= totals.subtotal);
        let taxed = i128::from(totals.subtotal.units() - totals.discount.units());
        let by_hand = half_up(taxed * i128::from(tax.unwrap_or(0)), 1_000_000 * step);
        prop_assert_eq!(totals.tax.units(), units(by_hand, decimals));
        prop_assert_eq!(totals.total.units(), totals.subtotal.units() - totals.discount.units() + totals.tax.units());
        for amount in [totals.subtotal, totals.discount, totals.tax, totals.total] {
            prop_assert_eq!(i128::from(amount.units()) % step, 0, "whole units of the currency");
        }
    }

    /// What is more than money can be is refused, not wrapped.
    #[test]
    fn amounts_beyond_the_maximum_are_refused(rate in 1_000_000_000_000_000_i64..9_999_999_999_999_999, quarters in 40_i64..1_000_000) {
        let currency = Currency::parse_text("USD").unwrap();
        let amount = amounts::line(amounts::hours(quarters).unwrap(), Money::from_units(rate), &currency);
        prop_assert_eq!(amount.unwrap_err().reason(), Some("amount_too_large"));
    }
}
