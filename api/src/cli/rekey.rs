//! `rekey`: the secrets of webhook endpoints are sealed anew with the first key, so that an old one can be forgotten.

use clap::Args;
use service::{App, Clock, Config, Operator, webhook};

use super::{Common, Failure, internal, print, secret_key};

#[derive(Args)]
pub(super) struct Rekey {
    #[command(flatten)]
    secret_key: secret_key::Setting,
}

impl Rekey {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        common.check_there()?;
        let keys = self.secret_key.find(&common.database_url)?;
        let keys = keys.ok_or("HOURSMITH_SECRET_KEY is needed: the new key, a comma, and the old one")?.keys;
        common.migrate_for_command().await?;
        let config = Config { secret_keys: keys, ..common.config() };
        let app = App::connect(config, Clock::system()).await.map_err(internal)?;
        let done = webhook::endpoint::reseal(&Operator::of(&app)).await.map_err(internal)?;
        let words = format!(
            "{} webhook endpoints were sealed anew with the first key, {} were so before\nStored replies that hold a secret \
             expire within a day; until then the old key is needed for them (`hoursmith doctor` with the new key alone \
             says when it is not)",
            done.resealed, done.unchanged
        );
        print::outcome(common.json, &done, words)?;
        match done.unopened {
            0 => Ok(()),
            some => Err(format!(
                "{some} webhook endpoints were sealed with a key that HOURSMITH_SECRET_KEY lacks; `hoursmith doctor` names it"
            )
            .into()),
        }
    }
}
