//! OpenTelemetry's own variables, as far as they are not read by its library: what is sent, and where to. What this server
//! cannot do is refused at start, rather than passed over.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use opentelemetry::KeyValue;

use super::NAME;

/// How often metrics are sent by default.
const INTERVAL: Duration = Duration::from_secs(60);
/// The samplers that there are.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Where metrics are sent, and how often.
#[derive(Clone, Debug)]
pub(super) struct MetricsTarget {
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) every: Duration,
}

/// What the variables ask for.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// Where traces are sent; the library reads the URL by itself.
    pub(super) traces: Option<String>,
    pub(super) metrics: Option<MetricsTarget>,
    /// Authorities of the collector, as PEM.
    pub(super) certificate: Option<Vec<u8>>,
    /// Whether the operator has named the service.
    is_named: bool,
}

impl Variables {
    /// Reads them; an empty one counts as not set.
    ///
    /// # Errors
    /// Which variable cannot be used, and what it should be, in one line.
    pub fn read(of: impl Fn(&str) -> Option<String>) -> Result<Variables, String> {
        let of = |name: &str| of(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if of("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Variables::default());
        }
        let traces = endpoint(&of, "TRACES", "/v1/traces")?;
        let metrics = match endpoint(&of, "METRICS", "/v1/metrics")? {
            None => None,
            Some(url) => Some(MetricsTarget { url, headers: headers(&of)?, every: interval(&of)? }),
        };
        if traces.is_some()
            && let Some(sampler) = of("OTEL_TRACES_SAMPLER")
        {
            check_sampler(&sampler, of("OTEL_TRACES_SAMPLER_ARG").as_deref())?;
        }
        let file = of("OTEL_EXPORTER_OTLP_CERTIFICATE").filter(|_| traces.is_some() || metrics.is_some());
        let read = |file: String| {
            std::fs::read(&file).map_err(|e| format!("OTEL_EXPORTER_OTLP_CERTIFICATE: cannot read {file}: {e}"))
        };
        let certificate = file.map(read).transpose()?;
        let attributes = of("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let is_named = of("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name=");
        Ok(Variables { traces, metrics, certificate, is_named })
    }

    /// What is said of this process with everything that is sent.
    pub(super) fn of_the_process(&self) -> Vec<KeyValue> {
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        match self.is_named {
            true => vec![version],
            false => vec![version, KeyValue::new("service.name", NAME)],
        }
    }
}

/// Where one kind is sent: by its own variable as it stands, else below the one for all.
fn endpoint(of: &impl Fn(&str) -> Option<String>, kind: &str, path: &str) -> Result<Option<String>, String> {
    let own = of(&format!("OTEL_EXPORTER_OTLP_{kind}_ENDPOINT"));
    let common = of("OTEL_EXPORTER_OTLP_ENDPOINT").map(|url| format!("{}{path}", url.trim_end_matches('/')));
    let Some(url) = own.or(common) else { return Ok(None) };
    let exporter = format!("OTEL_{kind}_EXPORTER");
    match of(&exporter).as_deref() {
        None | Some("otlp") => {}
        Some("none") => return Ok(None),
        Some(other) => return Err(format!("{exporter} must be otlp or none, not {other}")),
    }
    let protocol = of(&format!("OTEL_EXPORTER_OTLP_{kind}_PROTOCOL")).or_else(|| of("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(other) = protocol.filter(|protocol| protocol != "http/protobuf") {
        return Err(format!(
            "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not {other}; a collector takes it on port 4318"
        ));
    }
    let is_url = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match is_url {
        true => Ok(Some(url)),
        false => {
            Err("OTEL_EXPORTER_OTLP_ENDPOINT must be the URL of a collector, such as http://127.0.0.1:4318".into())
        }
    }
}

fn check_sampler(sampler: &str, argument: Option<&str>) -> Result<(), String> {
    if !SAMPLERS.contains(&sampler) {
        return Err(format!("OTEL_TRACES_SAMPLER must be one of {}, not {sampler}", SAMPLERS.join(", ")));
    }
    let ratio = argument.and_then(|argument| argument.parse::<f64>().ok());
    match sampler.ends_with("ratio") && !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
        true => Err(format!("OTEL_TRACES_SAMPLER={sampler} needs OTEL_TRACES_SAMPLER_ARG, from 0 to 1, such as 0.1")),
        false => Ok(()),
    }
}

/// Headers such as `api-key=secret,other=value`, percent-encoded.
fn headers(of: &impl Fn(&str) -> Option<String>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let text = of("OTEL_EXPORTER_OTLP_METRICS_HEADERS").or_else(|| of("OTEL_EXPORTER_OTLP_HEADERS"));
    let text = text.unwrap_or_default();
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?.into_owned();
        Some((name.trim().parse().ok()?, HeaderValue::from_str(&value).ok()?))
    };
    // It is not quoted, since it may hold a secret.
    pairs
        .map(|pair| read(pair).ok_or("OTEL_EXPORTER_OTLP_HEADERS must be name=value pairs with commas".into()))
        .collect()
}

fn interval(of: &impl Fn(&str) -> Option<String>) -> Result<Duration, String> {
    let Some(text) = of("OTEL_METRIC_EXPORT_INTERVAL") else { return Ok(INTERVAL) };
    let millis = text.parse::<u64>().ok().filter(|millis| *millis > 0);
    let message = || "OTEL_METRIC_EXPORT_INTERVAL must be a number of milliseconds, such as 60000".to_owned();
    millis.map(Duration::from_millis).ok_or_else(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Variables, String> {
        Variables::read(|name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_is_sent_without_an_endpoint() {
        for set in [
            &[][..],
            &[("OTEL_SERVICE_NAME", "x"), ("OTEL_TRACES_EXPORTER", "otlp")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"), ("OTEL_SDK_DISABLED", "true")],
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                ("OTEL_TRACES_EXPORTER", "none"),
                ("OTEL_METRICS_EXPORTER", "none"),
            ],
        ] {
            let read = read(set).unwrap();
            assert!(read.traces.is_none() && read.metrics.is_none(), "{set:?}");
        }
    }

    #[test]
    fn one_endpoint_is_for_both_and_one_of_a_kind_for_itself() {
        let both = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/")]).unwrap();
        assert_eq!(both.traces.as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(both.metrics.unwrap().url, "http://c:4318/v1/metrics");
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1");
        let one = read(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c/here"), headers]).unwrap();
        assert!(one.traces.is_none());
        let metrics = one.metrics.unwrap();
        assert_eq!((metrics.url.as_str(), metrics.every), ("http://c/here", INTERVAL));
        assert_eq!(metrics.headers[0].1, "a b");
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let at = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        for (set, named) in [
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4318")][..], "http://127.0.0.1:4318"),
            (&[at, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "http/protobuf"),
            (&[at, ("OTEL_TRACES_EXPORTER", "zipkin")], "otlp or none"),
            (&[at, ("OTEL_TRACES_SAMPLER", "jaeger_remote")], "parentbased_traceidratio"),
            (&[at, ("OTEL_TRACES_SAMPLER", "traceidratio")], "OTEL_TRACES_SAMPLER_ARG"),
            (&[at, ("OTEL_METRIC_EXPORT_INTERVAL", "soon")], "milliseconds"),
            (&[at, ("OTEL_EXPORTER_OTLP_HEADERS", "secret")], "name=value"),
            (&[at, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere.pem")], "/nowhere.pem"),
        ] {
            let why = read(set).unwrap_err();
            assert!(why.contains(named) && !why.contains("secret"), "{why}");
        }
    }
}
