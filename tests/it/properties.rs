//! Properties tested on random input: durations, and changes of time entries.

use proptest::prelude::*;
use serde_json::{Value, json};
use service::value::{Duration, Wire};
use tests::{Fixtures, on_both};

proptest! {
    /// Every way to write hours, minutes and seconds gives the same.
    #[test]
    fn equivalent_durations_parse_alike(hours in 0_i32..9999, minutes in 0_i32..60, seconds in 0_i32..60) {
        let total = hours * 3600 + minutes * 60 + seconds;
        let read = |text: String| Duration::parse_text(&text).map(Duration::seconds);
        prop_assert_eq!(read(format!("{hours}h{minutes}m{seconds}s")), Ok(total));
        prop_assert_eq!(read(format!(" {hours} H {minutes} m {seconds}S ")), Ok(total));
        prop_assert_eq!(read(format!("{hours}:{minutes:02}:{seconds:02}")), Ok(total));
        prop_assert_eq!(read(format!("{hours}:{minutes:02}")), Ok(total - seconds));
        prop_assert_eq!(read(format!("{}m", hours * 60 + minutes)), Ok(total - seconds));
    }

    /// Decimal hours are right to the second.
    #[test]
    fn decimal_hours_are_rounded_to_the_second(units in 0_i64..240_000) {
        let text = format!("{}.{:04}h", units / 10_000, units % 10_000);
        let exact = units * 3600;
        let read = i64::from(Duration::parse_text(&text).unwrap().seconds());
        prop_assert!((read * 10_000 - exact).abs() <= 5_000, "{text} is {read}");
    }

    /// Whatever is written, it is a duration or it is not; what the document's pattern takes is one.
    #[test]
    fn any_text_is_a_duration_or_refused(text in "\\PC{0,12}") {
        let _ = Duration::parse_text(&text);
    }

    /// The published pattern and the reader agree.
    #[test]
    fn the_published_pattern_matches_the_parser(text in "[0-9]{1,4}:[0-5][0-9]|[0-9]{1,4}(\\.[0-9]{1,4})?h|([0-9]{1,4}h)?[0-9]{1,6}m") {
        prop_assert!(Duration::parse_text(&text).is_ok(), "{text}");
    }
}

/// One change, by a number.
fn change(seed: usize) -> Value {
    let instant = |n: usize| format!("2026-06-{:02}T{:02}:{:02}:00+02:00", 10 + n % 3, n % 24, (n * 7) % 60);
    match seed % 9 {
        0 => json!({ "durationSeconds": (seed * 997) % 90_000 }),
        1 => json!({ "duration": format!("{}m", seed % 1600) }),
        2 => json!({ "startedAt": instant(seed) }),
        3 => json!({ "stoppedAt": instant(seed / 2) }),
        4 => json!({ "startedAt": instant(seed), "stoppedAt": instant(seed + 1) }),
        5 => json!({ "startedAt": null, "stoppedAt": null }),
        6 => json!({ "entryDate": format!("2026-06-{:02}", 1 + seed % 28), "billable": seed.is_multiple_of(2) }),
        7 => json!({ "note": null, "externalId": format!("e{}", seed % 5) }),
        _ => json!({ "stoppedAt": null }),
    }
}

on_both! {
    /// Whatever is changed, what is stored is whole: instants and duration agree, nothing is over a day, a refused
    /// change changes nothing, and a version is one more or the same.
    async fn changes_keep_an_entry_consistent(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let project = fixtures.home.project(&world, "P").await;
        let mut entry = fixtures.home.entry(&world, owner, &project).await;
        let path = format!("/api/v1/time-entries/{}", entry["id"].as_str().unwrap());
        let mut applied = 0;
        for round in 0..300_usize {
            let sent = change(round * 31 + round / 9);
            let answer = world.patch(owner, &path, sent.clone()).await;
            let now = world.get(owner, &path).await.data(200);
            if answer.status == 200 {
                applied += 1;
                assert_eq!(answer.data(200), now);
                let grown = now["version"].as_i64().unwrap() - entry["version"].as_i64().unwrap();
                assert_eq!(grown, i64::from(entry["updatedAt"] != now["updatedAt"]), "{sent}");
            } else {
                answer.fields();
                assert_eq!(now, entry, "{sent} was refused and changed something");
            }
            let seconds = now["durationSeconds"].as_i64().unwrap();
            assert!((0..=86_400).contains(&seconds), "{now}");
            match (now["startedAt"].as_str(), now["stoppedAt"].as_str()) {
                (Some(start), Some(stop)) => {
                    let millis = |text: &str| text.parse::<service::value::Timestamp>().unwrap().millis();
                    assert_eq!((millis(stop) - millis(start)) / 1000, seconds, "{now}");
                }
                (start, stop) => assert_eq!((start, stop), (None, None), "{now}"),
            }
            entry = now;
        }
        assert!(applied > 100, "most changes were refused: {applied}");
    }
}
