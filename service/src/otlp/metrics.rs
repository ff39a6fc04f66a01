//! Metrics over OTLP: what `/metrics` shows, in the form that a collector takes.

use std::time::Duration;

use entity::value::Timestamp;
use futures_util::future::BoxFuture;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource;
use opentelemetry_sdk::Resource;
use prometheus::proto::{Metric as Counted, MetricFamily, MetricType};
use prost::Message;
use tokio::sync::watch;

use super::NAME;
use super::client::Collector;
use super::variables::MetricsTarget;
use crate::contract::error::{Error, report};
use crate::core::clock::Clock;

/// What the ends of names say about units.
const UNIT_ENDINGS: [(&str, &str); 2] = [("_seconds", "s"), ("_bytes", "By")];

/// Reads everything that is counted, as it is now.
pub(crate) type ReadMetrics = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<MetricFamily>, Error>> + Send + Sync>;

/// Where metrics come from.
pub(super) struct Source {
    pub(super) clock: Clock,
    pub(super) read: ReadMetrics,
    pub(super) resource: Resource,
}

/// Sends them at every interval, and once more at the end.
pub(super) async fn run(from: Source, to: Collector, target: MetricsTarget, mut stopped: watch::Receiver<bool>) {
    let began = from.clock.now();
    loop {
        // Stopping is no error, and neither is an owner that is gone.
        let is_last = tokio::time::timeout(target.every, stopped.wait_for(|stopped| *stopped)).await.is_ok();
        match (from.read)().await {
            Ok(families) => {
                send(&to, &target, request(&families, &from.resource, began, from.clock.now())).await;
            }
            Err(why) => report("metrics", Err::<(), _>(why)),
        }
        if is_last {
            return;
        }
    }
}

async fn send(to: &Collector, target: &MetricsTarget, body: ExportMetricsServiceRequest) {
    let request = Request::post(&target.url).header(CONTENT_TYPE, "application/x-protobuf");
    let request = target.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    match request.body(body.encode_to_vec().into()) {
        // What became of it is reported there.
        Ok(request) => drop(to.send(request).await),
        Err(why) => tracing::warn!(%why, "metrics cannot be sent"),
    }
}

fn request(
    families: &[MetricFamily],
    resource: &Resource,
    began: Timestamp,
    now: Timestamp,
) -> ExportMetricsServiceRequest {
    let attributes = resource.iter().map(|(key, value)| attribute(key.as_str(), &value.as_str())).collect();
    let scope = InstrumentationScope {
        name: NAME.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    };
    let times = Times { began: nanos(began), now: nanos(now) };
    let metrics = families.iter().filter_map(|family| metric(family, &times)).collect();
    let scope = ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() };
    let resource = resource::v1::Resource { attributes, ..resource::v1::Resource::default() };
    let all = ResourceMetrics { resource: Some(resource), scope_metrics: vec![scope], schema_url: String::new() };
    ExportMetricsServiceRequest { resource_metrics: vec![all] }
}

/// Since when is counted, and when it was read, in nanoseconds since 1970.
struct Times {
    began: u64,
    now: u64,
}

fn nanos(at: Timestamp) -> u64 {
    let millis = u64::try_from(at.millis()).unwrap_or_default();
    u64::try_from(Duration::from_millis(millis).as_nanos()).unwrap_or(u64::MAX)
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn metric(family: &MetricFamily, times: &Times) -> Option<Metric> {
    let counted = family.get_metric();
    let numbers = |of: fn(&Counted) -> f64| counted.iter().map(|one| number(one, of(one), times)).collect();
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = match family.get_field_type() {
        MetricType::COUNTER => metric::Data::Sum(Sum {
            data_points: numbers(|one| one.get_counter().get_value()),
            aggregation_temporality,
            is_monotonic: true,
        }),
        MetricType::GAUGE => metric::Data::Gauge(Gauge { data_points: numbers(|one| one.get_gauge().get_value()) }),
        MetricType::HISTOGRAM => metric::Data::Histogram(Histogram {
            data_points: counted.iter().map(|one| histogram(one, times)).collect(),
            aggregation_temporality,
        }),
        // There are none.
        MetricType::SUMMARY | MetricType::UNTYPED => return None,
    };
    let name = family.name();
    let unit = UNIT_ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map_or("1", |(_, unit)| *unit);
    let described =
        Metric { name: name.into(), description: family.help().into(), unit: unit.into(), ..Metric::default() };
    Some(Metric { data: Some(data), ..described })
}

fn attributes(one: &Counted) -> Vec<KeyValue> {
    one.get_label().iter().map(|label| attribute(label.name(), label.value())).collect()
}

fn number(one: &Counted, value: f64, times: &Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(one),
        start_time_unix_nano: times.began,
        time_unix_nano: times.now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

/// Prometheus adds up the buckets below each bound; OTLP counts each bucket by itself, and has one more beyond the last bound.
fn histogram(one: &Counted, times: &Times) -> HistogramDataPoint {
    let histogram = one.get_histogram();
    let (mut bucket_counts, mut explicit_bounds, mut below) = (vec![], vec![], 0);
    for bucket in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        bucket_counts.push(bucket.cumulative_count().saturating_sub(below));
        explicit_bounds.push(bucket.upper_bound());
        below = bucket.cumulative_count();
    }
    let count = histogram.get_sample_count();
    bucket_counts.push(count.saturating_sub(below));
    HistogramDataPoint {
        attributes: attributes(one),
        start_time_unix_nano: times.began,
        time_unix_nano: times.now,
        count,
        sum: Some(histogram.get_sample_sum()),
        bucket_counts,
        explicit_bounds,
        ..HistogramDataPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounter, Registry};

    use super::*;

    #[test]
    fn what_is_counted_keeps_its_name_and_its_numbers() {
        let registry = Registry::new();
        let counter = IntCounter::new("hoursmith_things_total", "Things.").unwrap();
        let times = HistogramVec::new(
            HistogramOpts::new("hoursmith_wait_seconds", "Waits.").buckets(vec![1.0, 2.0]),
            &["surface"],
        )
        .unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(times.clone())).unwrap();
        counter.inc_by(3);
        for value in [0.5, 1.5, 1.6, 9.0] {
            times.with_label_values(&["rest"]).observe(value);
        }
        let (began, now) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let body = request(&registry.gather(), &Resource::builder_empty().build(), began, now);
        let metrics = &body.resource_metrics[0].scope_metrics[0].metrics;
        let Some(metric::Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
        assert!(sum.is_monotonic && metrics[0].name == "hoursmith_things_total");
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(3.0)));
        assert_eq!(
            (sum.data_points[0].start_time_unix_nano, sum.data_points[0].time_unix_nano),
            (1_000_000, 2_000_000)
        );
        let Some(metric::Data::Histogram(waits)) = &metrics[1].data else { panic!("{metrics:?}") };
        let point = &waits.data_points[0];
        assert_eq!(
            (point.count, &point.bucket_counts[..], &point.explicit_bounds[..]),
            (4, &[1, 2, 1][..], &[1.0, 2.0][..])
        );
        assert_eq!((metrics[1].unit.as_str(), point.attributes[0].key.as_str()), ("s", "surface"));
    }
}
