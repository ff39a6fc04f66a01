//! What is done around the library's own steps: validation is left out for documents that are known to be valid, and each
//! event of a subscription is charged and has an end.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation};
use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use async_graphql::{CacheControl, PathSegment, Response, ServerError, ValidationResult, Value, Variables};
use service::live::Subscriber;
use service::{Cx, Error, OPERATION_TIMEOUT};

use crate::engine::answer::Answer;
use crate::engine::documents::{Document, Documents};
use crate::engine::error::extensions;

/// Makes the extension of each request.
pub(crate) struct Sessions;

impl ExtensionFactory for Sessions {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Session)
    }
}

/// The document of a request, for the extension.
pub(crate) struct Run {
    /// Where valid documents are remembered.
    pub(crate) documents: Documents,
    pub(crate) document: Arc<Document>,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Arc<Variables>,
}

/// What each event of a subscription costs, and the name of its field in the answer.
pub(crate) struct EventPrice {
    pub(crate) points: u32,
    pub(crate) field: String,
}

/// Says that a document is to be validated, and not executed.
pub(crate) struct ValidateOnly;

struct Session;

#[async_graphql::async_trait::async_trait]
impl Extension for Session {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let Some(run) = ctx.data_opt::<Run>() else { return next.run(ctx).await };
        if run.document.is_valid() && run.takes_variables(&ctx.schema_env.registry) {
            return Ok(ValidationResult { cache_control: CacheControl::default(), complexity: 0, depth: 0 });
        }
        let result = next.run(ctx).await?;
        run.documents.remember(&run.document);
        match ctx.data_opt::<ValidateOnly>() {
            Some(ValidateOnly) => Err(vec![]),
            None => Ok(result),
        }
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, operation: Option<&str>, next: NextExecute<'_>) -> Response {
        let (Some(price), Some(cx)) = (ctx.data_opt::<EventPrice>(), ctx.data_opt::<Cx>()) else {
            return next.run(ctx, operation).await;
        };
        let answer = ctx.data_opt::<Answer>();
        if let Some(answer) = answer {
            answer.begin_anew();
        }
        if let Err(error) = cx.charge_event(price.points).await {
            if let Some(answer) = answer {
                answer.end();
            }
            return refused(&error, price, cx);
        }
        let execution = async {
            let response = next.run(ctx, operation).await;
            // What was read is sent only to those who may still see it.
            match ctx.data_opt::<Subscriber>() {
                Some(subscriber) => subscriber.is_entitled().await.map(|entitled| entitled.then_some(response)),
                None => Ok(Some(response)),
            }
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, execution).await.unwrap_or(Err(Error::TooSlow)) {
            Ok(Some(response)) => match answer.and_then(Answer::overflow) {
                Some(error) => Response::from_errors(vec![error]),
                None => response,
            },
            // The subscriber is closed already, for the reason that its connection is given.
            Ok(None) => {
                if let Some(answer) = answer {
                    answer.end();
                }
                refused(&Error::Forbidden("the rights of the token have changed".into()), price, cx)
            }
            Err(error) => refused(&error, price, cx),
        }
    }
}

/// The answer to an event that is not executed, or not to its end.
fn refused(error: &Error, price: &EventPrice, cx: &Cx) -> Response {
    error.log();
    let mut refused = ServerError::new(error.to_string(), None);
    refused.extensions = Some(extensions(error, cx.request_id()));
    refused.path = vec![PathSegment::Field(price.field.clone())];
    Response::from_errors(vec![refused])
}

impl Run {
    /// Of a document that is only validated, and remembered nowhere else.
    pub(crate) fn validation_of(document: Arc<Document>) -> Run {
        Run { documents: Documents::default(), document, operation_name: None, variables: Arc::default() }
    }

    /// Whether the variables are certainly of their types. If not, the library is asked, which has the words for it.
    fn takes_variables(&self, registry: &Registry) -> bool {
        let Some(operation) = self.document.operation(self.operation_name.as_deref()) else { return false };
        operation.variable_definitions.iter().all(|definition| {
            let ty = definition.node.var_type.node.to_string();
            match self.variables.get(&definition.node.name.node) {
                Some(value) => fits(registry, &ty, value),
                None => definition.node.default_value.is_some() || !ty.ends_with('!'),
            }
        })
    }
}

/// Whether a value is certainly of a type.
fn fits(registry: &Registry, ty: &str, value: &Value) -> bool {
    match (MetaTypeName::create(ty), value) {
        (MetaTypeName::NonNull(_), Value::Null) => false,
        (MetaTypeName::NonNull(ty), value) => fits(registry, ty, value),
        (_, Value::Null) => true,
        (MetaTypeName::List(ty), Value::List(items)) => items.iter().all(|item| fits(registry, ty, item)),
        (MetaTypeName::List(ty), value) => fits(registry, ty, value),
        (MetaTypeName::Named(name), value) => match (registry.types.get(name), value) {
            (Some(MetaType::Scalar { is_valid, .. }), value) => is_valid.as_ref().is_none_or(|valid| valid(value)),
            (Some(MetaType::Enum { enum_values, .. }), Value::String(name)) => enum_values.contains_key(name),
            (Some(MetaType::InputObject { input_fields, oneof: false, .. }), Value::Object(fields)) => {
                let known = fields.keys().all(|key| input_fields.contains_key(key.as_str()));
                let fit = input_fields.values().all(|field| match fields.get(field.name.as_str()) {
                    Some(value) => fits(registry, &field.ty, value),
                    None => field.default_value.is_some() || !field.ty.ends_with('!'),
                });
                known && fit
            }
            _ => false,
        },
    }
}
