//! Work grows no faster than the input: whatever is read from a request is read in time linear in its length.

use std::hint::black_box;
use std::time::{Duration, Instant};

use service::client::{ClientArgs, CreateClientInput};
use service::input::{FromBody, Validate};
use service::report::TimeReportArgs;
use service::time_entry::Batch;
use service::value::{FieldErrors, Json, Money, Note, Tags, Wire, fold};

/// Something that is done with an input of a given size.
type Work = (&'static str, Box<dyn Fn(usize) -> Box<dyn Fn()>>);

/// An input of this size is made first; what is returned reads it.
fn work<I: 'static>(name: &'static str, input: impl Fn(usize) -> I + 'static, read: fn(&I)) -> Work {
    let make = move |size| -> Box<dyn Fn()> {
        let input = input(size);
        Box::new(move || read(black_box(&input)))
    };
    (name, Box::new(make))
}

fn parse(text: &String) {
    let _ = black_box(Json::parse(text.as_bytes()));
}

fn array(item: &str, size: usize) -> String {
    format!("[{}]", vec![item; size].join(","))
}

fn every_kind_of_input() -> Vec<Work> {
    let text = |size: usize| "é\u{301}".repeat(size);
    let parameters = |size: usize| -> Vec<_> { (0..size).map(|i| (format!("p{i}"), i.to_string())).collect() };
    vec![
        work("an array of numbers", |size| array("12.50", size), parse),
        work("an array of escaped strings", |size| array(r#""\u00e9\n""#, size), parse),
        work("arrays in arrays", |size| array(&("[".repeat(30) + &"]".repeat(30)), size), parse),
        work("objects in an array", |size| array(r#"{"a":1,"b":{"c":null}}"#, size), parse),
        work("one long string", |size| format!("\"{}\"", "a\\\"".repeat(size)), parse),
        work("one long number", |size| "9".repeat(size), parse),
        work("white space", |size| " ".repeat(size) + "1", parse),
        work(
            "an object of many keys",
            |size| {
                let pairs: Vec<_> = (0..size).map(|key| format!("\"{key}\":0")).collect();
                format!("{{{}}}", pairs.join(","))
            },
            parse,
        ),
        work(
            "the canonical form",
            |size| Json::List(vec![Json::Number("1.50".into()); size]),
            |json| {
                black_box(json.canonical());
            },
        ),
        work(
            "unknown keys",
            |size| (0..size).map(|key| key.to_string()).collect::<Vec<_>>(),
            |keys| {
                let mut errors = FieldErrors::none();
                for key in keys {
                    errors.add(key.as_str(), "unknown");
                }
                let mut outer = FieldErrors::none();
                outer.nest("timeEntries[0]", errors);
                black_box(outer.to_string());
            },
        ),
        work(
            "an input of unknown keys",
            |size| Json::Object((0..size).map(|key| (key.to_string(), Json::Null)).collect()),
            |json| {
                black_box(CreateClientInput::from_json(json.clone()).problems());
            },
        ),
        work(
            "a batch",
            |size| Json::Object(vec![("timeEntries".into(), Json::List(vec![Json::Object(vec![]); size]))]),
            |json| {
                black_box(Batch::from_json(json.clone()).problems());
            },
        ),
        work(
            "empty parameters of a list",
            |size| (0..size).map(|i| (format!("p{i}"), String::new())).collect::<Vec<_>>(),
            |pairs| {
                black_box(ClientArgs::from_query(pairs.clone()));
            },
        ),
        work("parameters of a list", parameters, |pairs| {
            black_box(ClientArgs::from_query(pairs.clone()));
        }),
        work("parameters of a report", parameters, |pairs| {
            black_box(TimeReportArgs::from_query(pairs, &[]));
        }),
        work(
            "one parameter, many times",
            |size| vec![("id".to_owned(), "x".to_owned()); size],
            |pairs| {
                black_box(ClientArgs::from_query(pairs.clone()));
            },
        ),
        work("a note", text, |text| {
            let _ = black_box(Note::parse(Json::Text(text.clone())));
        }),
        work("a folded text", text, |text| {
            black_box(fold(text));
        }),
        work(
            "a name of accents",
            |size| format!("e{}", "\u{301}\u{323}".repeat(size)),
            |text| {
                black_box(fold(text));
            },
        ),
        work(
            "tags",
            |size| Json::List(vec![Json::Text("t".into()); size]),
            |json| {
                let _ = black_box(Tags::parse(json.clone()));
            },
        ),
        work(
            "an amount",
            |size| "1".repeat(size),
            |digits| {
                let _ = black_box(Money::parse(Json::Number(digits.clone())));
                let _ = black_box(digits.parse::<Money>());
            },
        ),
        work(
            "a whole number",
            |size| "1".repeat(size) + ".0",
            |digits| {
                let _ = black_box(i32::parse(Json::Number(digits.clone())));
            },
        ),
        work(
            "a duration",
            |size| "1".repeat(size) + "h",
            |text| {
                let _ = black_box(service::value::Duration::parse_text(text));
            },
        ),
    ]
}

/// The processor time of this thread, which other processes do not add to; where the system does not say, the time.
fn processor_time(since: Instant) -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = text.as_deref().and_then(|text| text.split(' ').next()).and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// The best of a few runs.
fn best(run: &dyn Fn()) -> Duration {
    let begin = Instant::now();
    let timed = |_| {
        let before = processor_time(begin);
        run();
        processor_time(begin).saturating_sub(before)
    };
    (0..5).map(timed).min().unwrap()
}

/// Sixteen times the input takes sixteen times as long, not 256 times: 100 lies far from either.
#[test]
fn sixteen_times_the_input_is_not_a_hundred_times_the_work() {
    const SIZE: usize = 4_000;
    const TIMES: usize = 16;
    for (name, make) in every_kind_of_input() {
        let (small, large) = (best(&make(SIZE)), best(&make(SIZE * TIMES)));
        // Of a quadratic step even the fastest takes seconds for the larger input; what ends sooner may be noise.
        let bound = (small * 100).max(Duration::from_millis(100));
        assert!(large <= bound, "{name}: {small:?} for {SIZE}, {large:?} for {}", SIZE * TIMES);
    }
}
