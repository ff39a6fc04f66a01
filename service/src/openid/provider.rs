//! The operator's OpenID provider: its metadata and keys, the exchange of a code, and the address that it vouches for.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdTokenClaims,
    CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, SubjectIdentifier,
    TokenResponse, UserInfoError,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use super::http::{Http, is_safe};
use super::token::{ALGORITHMS, MAX_AGE, verified};
use crate::contract::error::Error;
use crate::door::visitor::Visitor;
use crate::webhook::Forwarder;

/// Where the provider leads back to, below the URL of this server.
const CALLBACK: &str = "/settings/sign-in/oidc/callback";
/// How long metadata and keys are remembered, in milliseconds: one hour.
const FRESH: i64 = 60 * 60 * 1000;
/// Keys are not read again within this time because of a token with an unknown one, in milliseconds.
const RENEW: i64 = 10_000;
/// How long a provider that could not be asked is left alone, in milliseconds.
const PAUSE: i64 = 5000;
/// How long all requests of one step may take together.
const TIME: Duration = Duration::from_secs(15);
/// Codes that are exchanged at once.
const EXCHANGES: usize = 16;
/// What speaks the protocol, made of the provider's metadata.
pub(super) type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The operator's OpenID provider, with the credentials that it has given to this server.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    http: Http,
    known: Mutex<KnownMetadata>,
    exchanges: Semaphore,
}

#[derive(Default)]
struct KnownMetadata {
    read: Option<Metadata>,
    failed_at: Option<i64>,
}

/// What the provider says of itself, with its keys.
#[derive(Clone)]
struct Metadata {
    read_at: i64,
    all: Arc<CoreProviderMetadata>,
}

/// What was asked of the provider for one sign-in: its answer must fit.
#[derive(Serialize, Deserialize)]
pub(super) struct AuthorizationRequest {
    pub(super) state: String,
    nonce: String,
    verifier: String,
}

/// Why an answer of the provider signs nobody in.
pub(super) enum AnswerRefusal {
    /// The code, or the token, is not what it must be.
    DoesNotFit,
    /// The provider does not vouch for the address.
    Unverified,
}

impl Provider {
    /// A provider by the URL of its issuer. `public_url` is what browsers call this server: the provider leads back to it. An
    /// empty secret is that of a public client.
    ///
    /// # Errors
    /// What the operator has to change, as one line.
    pub fn new(
        issuer: &str,
        client_id: &str,
        client_secret: &str,
        public_url: Option<&str>,
    ) -> Result<Provider, String> {
        const ISSUER: &str = "HOURSMITH_OIDC_ISSUER";
        let wrong = || {
            format!(
                "{ISSUER} must be a URL such as https://login.example, as the provider names its issuer, not {issuer}"
            )
        };
        let url = Url::parse(issuer).map_err(|_| wrong())?;
        let plain =
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if !plain || !url.has_host() || issuer.contains(char::is_whitespace) {
            return Err(wrong());
        }
        if url.path().contains("/.well-known/") {
            return Err(format!("{ISSUER} is the issuer itself, without /.well-known/openid-configuration"));
        }
        if !is_safe(&url) {
            return Err(format!("{ISSUER} must begin with https://, except on this machine"));
        }
        let Some(public_url) = public_url else {
            return Err(format!("{ISSUER} needs HOURSMITH_PUBLIC_URL: the provider leads back to {CALLBACK} there"));
        };
        let is_public_safe = Url::parse(public_url).is_ok_and(|url| is_safe(&url));
        if !is_public_safe {
            return Err(format!(
                "{ISSUER} needs a HOURSMITH_PUBLIC_URL that begins with https://, except on this machine"
            ));
        }
        let redirect = format!("{}{CALLBACK}", origin_of(public_url)?);
        Ok(Provider {
            issuer: IssuerUrl::new(issuer.to_owned()).map_err(|_| wrong())?,
            client_id: ClientId::new(client_id.to_owned()),
            client_secret: Some(client_secret.to_owned()).filter(|secret| !secret.is_empty()).map(ClientSecret::new),
            redirect: RedirectUrl::new(redirect).map_err(|e| format!("HOURSMITH_PUBLIC_URL: {e}"))?,
            http: Http { issuer: url, forwarder: Forwarder::new().map_err(|e| e.to_string())? },
            known: Mutex::default(),
            exchanges: Semaphore::new(EXCHANGES),
        })
    }

    /// The page of the provider to go to, and what was asked there.
    ///
    /// # Errors
    /// `Unavailable` if the provider cannot be asked.
    pub(super) async fn begin(&self, visitor: &Visitor) -> Result<(String, AuthorizationRequest), Error> {
        let client = self.client(&self.metadata(visitor, None).await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let request = request.add_scope(Scope::new("email".into())).set_max_age(MAX_AGE);
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let (state, nonce) = (state.secret().clone(), nonce.secret().clone());
        Ok((url.into(), AuthorizationRequest { state, nonce, verifier: verifier.secret().clone() }))
    }

    /// The verified e-mail address that a code stands for.
    ///
    /// # Errors
    /// `Unavailable` if the provider cannot be asked.
    pub(super) async fn redeem(
        &self,
        visitor: &Visitor,
        code: &str,
        asked: &AuthorizationRequest,
    ) -> Result<Result<String, AnswerRefusal>, Error> {
        let Ok(_permit) = self.exchanges.try_acquire() else {
            tracing::warn!("{EXCHANGES} people sign in at the OpenID provider at this moment; one more was refused");
            return Err(Error::Unavailable);
        };
        match tokio::time::timeout(TIME, self.exchange(visitor, code, asked)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.unavailable(&"it takes too long")),
        }
    }

    async fn exchange(
        &self,
        visitor: &Visitor,
        code: &str,
        asked: &AuthorizationRequest,
    ) -> Result<Result<String, AnswerRefusal>, Error> {
        let mut metadata = self.metadata(visitor, None).await?;
        let mut client = self.client(&metadata);
        let Ok(request) = client.exchange_code(AuthorizationCode::new(code.to_owned())) else {
            return Err(self.unavailable(&"its metadata names no token_endpoint"));
        };
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()));
        let token = match request.request_async(&self.http).await {
            Ok(token) => token,
            Err(RequestTokenError::ServerResponse(answer)) => {
                match answer.error() {
                    CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => tracing::warn!(
                        "the OpenID provider does not accept this server: check HOURSMITH_OIDC_CLIENT_ID and \
                         HOURSMITH_OIDC_CLIENT_SECRET"
                    ),
                    why => tracing::info!(?why, "the OpenID provider did not accept a code"),
                }
                return Ok(Err(AnswerRefusal::DoesNotFit));
            }
            Err(RequestTokenError::Request(cause)) => return Err(self.unavailable(&cause)),
            // Neither the answer nor the fault is shown: it may hold a token.
            Err(_) => {
                tracing::warn!("the token_endpoint of the OpenID provider gave no token that can be read");
                return Ok(Err(AnswerRefusal::DoesNotFit));
            }
        };
        let Some(id_token) = token.id_token() else {
            return Err(
                self.unavailable(&"its token_endpoint gives no id_token: the client must have the scope openid")
            );
        };
        let nonce = Nonce::new(asked.nonce.clone());
        let mut claims = verified(&client, &metadata.all, id_token, &nonce, visitor.now());
        let unknown = ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey);
        if claims.as_ref().err() == Some(&unknown) {
            metadata = self.metadata(visitor, Some(metadata.read_at)).await?;
            client = self.client(&metadata);
            claims = verified(&client, &metadata.all, id_token, &nonce, visitor.now());
        }
        match claims {
            Ok(claims) => self.email(&client, claims, token.access_token()).await,
            Err(cause) => {
                let why = cause.source().map_or_else(|| cause.to_string(), ToString::to_string);
                tracing::warn!(why, "a token of the OpenID provider was not accepted");
                Ok(Err(AnswerRefusal::DoesNotFit))
            }
        }
    }

    /// The address of a token, or of its user where the token says nothing of it (OpenID Connect Core 1.0, section 5.4).
    async fn email(
        &self,
        client: &Client,
        claims: &CoreIdTokenClaims,
        access: &AccessToken,
    ) -> Result<Result<String, AnswerRefusal>, Error> {
        let mut email = claims.email().cloned();
        let mut is_verified = claims.email_verified();
        if (email.is_none() || is_verified.is_none()) && client.user_info_url().is_some() {
            match self.user(client, access, claims.subject().clone()).await? {
                Ok(user) => (email, is_verified) = (user.email().cloned(), user.email_verified()),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        match (email, is_verified) {
            (Some(email), Some(true)) => Ok(Ok(email.to_string())),
            (email, _) => {
                let lacks = if email.is_none() { "email" } else { "email_verified" };
                tracing::warn!(
                    lacks,
                    "the OpenID provider does not vouch for an address; a member needs both claims to sign in"
                );
                Ok(Err(AnswerRefusal::Unverified))
            }
        }
    }

    async fn user(
        &self,
        client: &Client,
        access: &AccessToken,
        of: SubjectIdentifier,
    ) -> Result<Result<CoreUserInfoClaims, AnswerRefusal>, Error> {
        let request = client.user_info(access.clone(), Some(of));
        let request = request.map_err(|_| self.unavailable(&"its metadata names no userinfo_endpoint"))?;
        match request.request_async(&self.http).await {
            Ok(user) => Ok(Ok(user)),
            Err(UserInfoError::ClaimsVerification(cause)) => {
                tracing::warn!(%cause, "the OpenID provider gave the claims of another user");
                Ok(Err(AnswerRefusal::DoesNotFit))
            }
            Err(UserInfoError::Request(cause)) => Err(self.unavailable(&cause)),
            Err(_) => {
                tracing::warn!("the userinfo_endpoint of the OpenID provider gave no claims that can be read");
                Ok(Err(AnswerRefusal::Unverified))
            }
        }
    }

    /// The provider's metadata; read again after an hour, and when a token has a key that is not in what was read at `known`.
    async fn metadata(&self, visitor: &Visitor, known: Option<i64>) -> Result<Metadata, Error> {
        // One reads, and the others wait for it.
        let mut own = self.known.lock().await;
        let now = visitor.now().millis();
        if let Some(read) = &own.read {
            let is_known = known == Some(read.read_at);
            let age = now - read.read_at;
            if age < FRESH && (!is_known || age < RENEW) {
                return Ok(read.clone());
            }
        }
        if own.failed_at.is_some_and(|at| (0..PAUSE).contains(&(now - at))) {
            return Err(Error::Unavailable);
        }
        match self.read().await {
            Ok(all) => {
                let read = Metadata { read_at: now, all: Arc::new(all) };
                *own = KnownMetadata { read: Some(read.clone()), failed_at: None };
                Ok(read)
            }
            Err(cause) => {
                // Those who wait are refused at once, however long this has taken.
                own.failed_at = Some(visitor.now().millis());
                Err(self.unavailable(&cause))
            }
        }
    }

    /// Reads metadata and keys, for the operator who sets the provider up.
    ///
    /// # Errors
    /// Why it cannot be used, as text for a person.
    pub async fn answers(&self) -> Result<(), String> {
        self.read().await.map(drop)
    }

    async fn read(&self) -> Result<CoreProviderMetadata, String> {
        let reading = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http);
        match tokio::time::timeout(TIME, reading).await {
            Ok(Ok(all)) => self.checked(all),
            // What the provider has answered may be long, and is not needed to find the fault.
            Ok(Err(openidconnect::DiscoveryError::Request(cause))) => Err(cause.to_string()),
            Ok(Err(openidconnect::DiscoveryError::Validation(cause))) => Err(cause),
            Ok(Err(cause)) => Err(cause.to_string()),
            Err(_) => Err(format!("no answer within {} s", TIME.as_secs())),
        }
    }

    /// Metadata by which people can be sent to the provider, and codes to it.
    fn checked(&self, all: CoreProviderMetadata) -> Result<CoreProviderMetadata, String> {
        if !self.http.may_be_asked(all.authorization_endpoint().url()) {
            return Err("its authorization_endpoint does not begin with https://".into());
        }
        let offered = all.id_token_signing_alg_values_supported();
        if !ALGORITHMS.iter().any(|own| offered.contains(own)) {
            return Err(
                "it signs tokens by no algorithm that is accepted: RS, PS or ES 256 and 384, RS or PS 512, EdDSA"
                    .into(),
            );
        }
        Ok(all)
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        let methods = metadata.all.token_endpoint_auth_methods_supported();
        let only_in_body = methods.is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        let how = if only_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let client = CoreClient::from_provider_metadata(metadata.all.as_ref().clone(), id, secret);
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(how)
    }

    /// The provider cannot be used: what the operator has to look at is logged.
    fn unavailable(&self, cause: &dyn std::fmt::Display) -> Error {
        tracing::warn!(
            issuer = self.issuer.as_str(),
            %cause,
            "nobody can sign in at the OpenID provider: check HOURSMITH_OIDC_ISSUER, and that this server reaches it"
        );
        Error::Unavailable
    }
}

fn origin_of(url: &str) -> Result<String, String> {
    let url = Url::parse(url).map_err(|e| format!("HOURSMITH_PUBLIC_URL: {e}"))?;
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_refused_with_what_to_do() {
        let why = |issuer: &str, public: Option<&str>| match Provider::new(issuer, "id", "secret", public) {
            Ok(_) => String::new(),
            Err(why) => why,
        };
        let here = Some("https://hours.example");
        for works in ["https://login.example", "https://login.example/realms/hours", "http://127.0.0.1:9000"] {
            assert_eq!(why(works, here), "", "{works}");
        }
        assert_eq!(why("https://login.example", Some("http://localhost:8080")), "");
        for (issuer, public, part) in [
            ("login.example", here, "must be a URL"),
            ("https://login.example/.well-known/openid-configuration", here, "without /.well-known"),
            ("https://me@login.example", here, "must be a URL"),
            ("https://login.example?x=1", here, "must be a URL"),
            ("http://login.example", here, "must begin with https://"),
            ("ftp://login.example", here, "must begin with https://"),
            ("https://login.example", None, "needs HOURSMITH_PUBLIC_URL"),
            ("https://login.example", Some("http://hours.example"), "begins with https://"),
        ] {
            assert!(why(issuer, public).contains(part), "{issuer}: {}", why(issuer, public));
        }
    }
}
