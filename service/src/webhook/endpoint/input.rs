//! What is sent to make a webhook endpoint, to change one, and to replace its secret.

use entity::value::{EventType, ExternalId, FieldErrors, Note, Text};
use entity::webhook_endpoint;

use crate::contract::error::Feature;
use crate::contract::input::{Defaulted, Field, Input, NewExternalId, NonNull, Required, Validate, external_id};
use crate::door::Cx;

/// The longest time that the old secret signs beside the new one, in seconds: a week.
const MAX_OVERLAP: i32 = 7 * 24 * 3600;

fn column(events: &[EventType]) -> String {
    // In the order sent, without repetitions.
    let mut once: Vec<EventType> = Vec::new();
    for kind in events {
        if !once.contains(kind) {
            once.push(*kind);
        }
    }
    serde_json::to_string(&once).unwrap_or_default()
}

/// The two inputs of an endpoint differ in what they need.
macro_rules! endpoint_input {
    ($(#[doc = $doc:literal])* $name:ident, needed: $needed:ident, flag: $flag:ident) => {
        crate::input! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Identifier of the webhook endpoint in another system: at most 255 characters, unique among live
                /// webhook endpoints. Null or an empty text clears it.
                pub external_id: Field<ExternalId>,
                /// URL that events are posted to: `https`, port 443 or 1024 to 65535, without user name or password,
                /// and no private address.
                pub url: $needed<Text<2048>>,
                /// Types of the events to send to the endpoint; at least one.
                pub events: $needed<Vec<EventType>> => own,
                /// What the endpoint is for: at most 10,000 characters. Null or an empty text clears it.
                pub description: Field<Note>,
                /// Whether events are sent to the endpoint; `true` by default.
                pub enabled: $flag<bool>,
            }
            read_only "id" "orgId" "status" "secret" "standardSecret" "secretPrefix" "version" "createdAt" "updatedAt" "deletedAt"
            into webhook_endpoint
        }

        impl $name {
            /// Marks a URL that is refused whatever addresses its name has.
            pub(super) fn check_url(&mut self, cx: &Cx) {
                let checked = self.url.get().map(|url| cx.url_policy().check(url.as_str()));
                if let Some(Err(reason)) = checked {
                    self.url = Field::Bad(FieldErrors::from(reason).into());
                }
            }

            fn own_problems(&self) -> FieldErrors {
                let mut problems = self.field_problems();
                if self.events.get().is_some_and(Vec::is_empty) {
                    problems.add("events", "must name at least one event type");
                }
                problems
            }

            /// Writes the sent values into a row.
            pub(super) fn apply(self, row: &mut webhook_endpoint::Model) {
                if let Some(events) = self.events.get() {
                    row.events = column(events);
                }
                self.change(row);
            }
        }
    };
}

endpoint_input!(
    /// The fields of a new webhook endpoint. `url` and `events` are required.
    CreateWebhookEndpointInput, needed: Required, flag: Defaulted
);
endpoint_input!(
    /// The fields of a webhook endpoint to change. An absent field keeps its value, null clears a nullable one.
    UpdateWebhookEndpointInput, needed: NonNull, flag: NonNull
);

impl Validate for CreateWebhookEndpointInput {
    fn external_ids(&self) -> Vec<NewExternalId> {
        external_id("webhook_endpoint", &self.external_id)
    }

    fn problems(&self) -> FieldErrors {
        self.own_problems()
    }
}

impl Validate for UpdateWebhookEndpointInput {
    /// Switching off stays open on every plan.
    fn feature(&self) -> Feature {
        let UpdateWebhookEndpointInput { external_id, url, events, description, enabled, not_taken } = self;
        let others = external_id.is_sent() || url.is_sent() || events.is_sent() || description.is_sent();
        let off = enabled.get() == Some(&false) && !others && not_taken.is_empty();
        if off { Feature::ApiAccess } else { Feature::OutboundWebhooks }
    }

    fn problems(&self) -> FieldErrors {
        self.own_problems()
    }
}

crate::input! {
    /// How to replace the secret.
    pub struct RotateWebhookSecretInput {
        /// Seconds during which the old secret signs beside the new one, from 0 to 604,800 (a week); 0 by default.
        pub overlap_seconds: Defaulted<i32>,
    }
}

impl Validate for RotateWebhookSecretInput {
    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if self.overlap_seconds.get().is_some_and(|seconds| !(0..=MAX_OVERLAP).contains(seconds)) {
            problems.add("overlapSeconds", format!("must be between 0 and {MAX_OVERLAP}"));
        }
        problems
    }
}
