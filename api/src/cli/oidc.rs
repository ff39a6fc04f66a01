//! The settings of an OpenID provider, for the server that uses it and for the check-up.

use clap::Args;
use service::openid::Provider;

use super::Failure;

#[derive(Args)]
#[group(id = "oidc_settings")]
pub(super) struct Setting {
    /// An OpenID provider at which members sign in to the settings pages: the URL of its issuer. Needs --public-url.
    #[arg(long, env = "HOURSMITH_OIDC_ISSUER", default_value = "")]
    oidc_issuer: String,
    /// What the OpenID provider calls this server.
    #[arg(long, env = "HOURSMITH_OIDC_CLIENT_ID", default_value = "")]
    oidc_client_id: String,
    /// The secret that the OpenID provider has given to this server; a public client has none.
    #[arg(long, env = "HOURSMITH_OIDC_CLIENT_SECRET", default_value = "", hide_env_values = true)]
    oidc_client_secret: String,
}

impl Setting {
    /// The URL of the issuer, empty where none is set.
    pub(super) fn issuer(&self) -> &str {
        &self.oidc_issuer
    }

    /// The provider, if one is set; it leads back to this server at its public URL.
    pub(super) fn provider(&self, public_url: Option<&str>) -> Result<Option<Provider>, Failure> {
        let Setting { oidc_issuer: issuer, oidc_client_id: id, oidc_client_secret: secret } = self;
        match (issuer.as_str(), id.as_str()) {
            ("", "") if secret.is_empty() => Ok(None),
            ("", _) => {
                Err("HOURSMITH_OIDC_CLIENT_ID and HOURSMITH_OIDC_CLIENT_SECRET need HOURSMITH_OIDC_ISSUER".into())
            }
            (_, "") => Err("HOURSMITH_OIDC_ISSUER needs HOURSMITH_OIDC_CLIENT_ID".into()),
            _ => Ok(Some(Provider::new(issuer, id, secret, public_url)?)),
        }
    }
}
