//! What a form has sent, and what is wrong with it.

use poem::Request;
use poem::http::{StatusCode, header};
use service::value::Json;
use service::{Error, Precondition, Reason};

use crate::http::rejection::{self, HttpRejection, Rejection};
use crate::http::request::{ReadFailure, header_text, read_bounded};

/// The hidden field with the idempotency key.
pub(super) const KEY: &str = "key";
/// The largest form, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// The fields of a form, in the order sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form; a request that sends none has an empty one.
    pub(super) async fn of(request: &mut Request, posts: bool) -> Result<Form, Rejection> {
        if !posts {
            return Ok(Form::default());
        }
        let bytes = read_bounded(request, MAX_FORM).await.map_err(|failure| match failure {
            ReadFailure::TooLarge => Rejection::from(HttpRejection::FormTooLarge),
            ReadFailure::Incomplete => Error::BadRequest("the form could not be read to its end".into()).into(),
        })?;
        let kind = header_text(request, header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(HttpRejection::NotAForm.into());
        }
        if percent_encoding::percent_decode(&bytes).decode_utf8().is_err() {
            return Err(Error::BadRequest("the form is not in UTF-8".into()).into());
        }
        Ok(Form(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    /// A field as it was sent; empty if it was not.
    pub(super) fn get(&self, name: &str) -> &str {
        self.sent(name).unwrap_or_default()
    }

    /// A field, if it was sent.
    pub(super) fn sent(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field was sent with this value, among others.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|sent| sent == value)
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The fields of the input of a new record, without those that were left empty.
    pub(super) fn filled(&self, names: &[&str]) -> Vec<(String, Json)> {
        let mut fields = self.object(names);
        fields.retain(|(_, value)| !matches!(value, Json::Text(text) if text.trim().is_empty()));
        fields
    }

    /// Everything that distinguishes this form from another: all of it but the key.
    pub(super) fn identity(&self) -> Json {
        let fields = self.0.iter().filter(|(name, _)| name != KEY);
        Json::List(
            fields.map(|(name, value)| Json::List(vec![Json::Text(name.clone()), Json::Text(value.clone())])).collect(),
        )
    }

    /// The version of the record that the form was made of, in its hidden field `version`; one that is no number fits none.
    pub(super) fn version(&self) -> Precondition {
        match self.sent("version") {
            Some(version) => Precondition::OneOf(version.parse().into_iter().collect()),
            None => Precondition::Any,
        }
    }

    /// These fields as a JSON object, for an input of the service: a field that was not sent is left out, an empty one is
    /// an empty text, which clears what may be empty. White space around a value is left behind, such as that of a pasted amount.
    pub(super) fn object(&self, names: &[&str]) -> Vec<(String, Json)> {
        let pair = |name: &&str| Some(((*name).to_owned(), Json::Text(self.sent(name)?.trim().to_owned())));
        names.iter().filter_map(pair).collect()
    }
}

/// Why a form was not accepted, to be shown with the form and with what was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    /// The status code of the page that shows them.
    pub(super) status: StatusCode,
    /// What concerns no single field.
    pub(super) general: Option<String>,
    /// What is wrong, by field.
    pub(super) fields: Vec<(String, String)>,
}

impl Problems {
    /// The problems that an error is about, if a person can mend them on the form; else the error is of the whole page.
    pub(super) fn of(error: Error) -> Result<Problems, Rejection> {
        let status = rejection::status(&error);
        match &error {
            Error::Invalid(fields) => {
                let fields = fields.iter().map(|(path, reason)| (path.to_owned(), reason.to_owned())).collect();
                Ok(Problems { status, general: None, fields })
            }
            Error::Conflict { reason: Reason::IdempotencyMismatch, .. } => {
                let general =
                    "This form was sent before with other contents. Look whether that is done, then send it again.";
                Ok(Problems { status, general: Some(general.into()), fields: vec![] })
            }
            Error::Stale { .. } => {
                let general =
                    "Somebody else has changed this in the meantime. Look at what it is now, and change it again.";
                Ok(Problems { status, general: Some(general.into()), fields: vec![] })
            }
            Error::Conflict { message, .. } => {
                Ok(Problems { status, general: Some(sentence(message)), fields: vec![] })
            }
            _ => Err(error.into()),
        }
    }

    /// What is wrong with a field, or with a part of it.
    pub(super) fn at(&self, name: &str) -> Option<&str> {
        let is_of =
            |path: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with(['[', '.']));
        self.fields.iter().find(|(path, _)| is_of(path)).map(|(_, reason)| reason.as_str())
    }
}

/// A message of the service as a sentence.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let text = first + letters.as_str();
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}
