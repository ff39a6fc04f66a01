//! Admission: token, then plan, then budget, before anything else of a request is looked at.

use std::sync::Arc;
use std::time::Duration;

use entity::value::TokenScope;
use sea_orm::{ConnectionTrait, Statement};
use tokio::time::Instant;

use crate::access::action::{Access, Action};
use crate::access::auth::KnownCaller;
use crate::access::policy;
use crate::contract::caller::Caller;
use crate::contract::error::{Error, Feature};
use crate::core::database::Class;
use crate::core::observed;
use crate::door::{Cx, Door, RequestFacts};
use crate::limit::Budget;

/// How long a body may take until its caller is confirmed once more.
const SLOW_BODY: Duration = Duration::from_secs(1);

/// A request that was let in, with what its token may still spend.
pub struct Admission {
    /// The way to the door, or why not.
    pub pass: Result<Admitted, Error>,
    /// What is left of the token's budget after the door; reported to every valid token, whatever the outcome of the request.
    /// A request that got in may spend more: then ask `Cx::budget`.
    pub budget: Budget,
    /// Whom the rate limit has refused.
    refused: Option<(Arc<Door>, Standing)>,
}

impl Admission {
    /// Itself; if the rate limit refuses it, with a wait that is enough for the whole `price` of the request in points, and not
    /// only for the one of the door. The price may read the body if its argument is true.
    pub async fn priced(mut self, price: impl AsyncFnOnce(bool) -> u32) -> Admission {
        if self.refused.is_none() {
            return self;
        }
        let points = price(self.budget.burst > 0).await;
        if let (Some((door, standing)), Err(Error::RateLimited { retry_after })) = (&self.refused, &mut self.pass) {
            *retry_after = door.limits.wait(&standing.known.caller, points).await.max(*retry_after);
        }
        self
    }
}

/// A caller whose token, plan and budget were checked.
#[derive(Clone)]
pub struct Admitted {
    door: Arc<Door>,
    standing: Standing,
    budget: Budget,
}

/// What is known of the caller of a request, and whether it was confirmed since the request came.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) known: Arc<KnownCaller>,
    pub(super) confirmed: bool,
    /// When the operation must have its answer.
    pub(super) until: Instant,
}

impl Admitted {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.standing.known.caller
    }

    /// Makes sure that the caller is still as they were known, for what is answered without the database.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more.
    pub async fn confirm(self) -> Result<Admitted, Error> {
        let mut begun = self.begun();
        begun.door.confirm(&mut begun.standing).await?;
        Ok(begun)
    }

    /// Begins the time of the operation: what came before was the reading of the body, which has a time-out of its own. A
    /// caller who was confirmed before a slow body is confirmed once more.
    fn begun(mut self) -> Admitted {
        let until = self.door.core.database().deadline();
        if until.saturating_duration_since(self.standing.until) > SLOW_BODY {
            self.standing.confirmed = false;
        }
        self.standing.until = until;
        self
    }

    /// Makes sure of the caller as `confirm` does, and that the plan of the workspace still gives access at all.
    ///
    /// # Errors
    /// `Unauthenticated` if the token does not let in any more, `PlanLacks` if the plan does not.
    pub async fn confirm_access(self) -> Result<Admitted, Error> {
        let confirmed = self.confirm().await?;
        match confirmed.caller().has(Feature::ApiAccess) {
            true => Ok(confirmed),
            false => Err(Error::PlanLacks(Feature::ApiAccess)),
        }
    }

    /// To the door, with what the request brings along.
    pub fn enter(self, facts: RequestFacts) -> Cx {
        let Admitted { door, standing, budget } = self.begun();
        Cx::new(door, standing, facts, budget)
    }
}

impl Door {
    /// Lets a request in to an operation that the plan must have a feature for: token, then plan, then budget.
    ///
    /// # Errors
    /// `Unauthenticated`, or `RateLimited` in its place for an address that guesses.
    pub(crate) async fn admit_to(
        self: &Arc<Self>,
        feature: Feature,
        authorization: Option<&str>,
        address: std::net::IpAddr,
    ) -> Result<Admission, Error> {
        let mut standing = self.find(authorization, address).await?;
        self.confirm(&mut standing).await.map_err(|error| self.charge_refused(error, address))?;
        self.let_in(feature, standing).await
    }

    /// Lets a request in to an action. The caller is confirmed by the first statement of the action, except where the
    /// request is refused: then it is confirmed here, since a refusal is by what is so now.
    ///
    /// # Errors
    /// As `admit_to`.
    pub(crate) async fn admit_action(
        self: &Arc<Self>,
        action: Action,
        authorization: Option<&str>,
        address: std::net::IpAddr,
    ) -> Result<Admission, Error> {
        if !action.confirms_caller() {
            return self.admit_to(action.feature(), authorization, address).await;
        }
        let mut standing = self.find(authorization, address).await?;
        let caller = &standing.known.caller;
        // What is refused is refused by what is so now.
        let has_scope = action.access() == Access::Read || caller.scope == TokenScope::Write;
        if !caller.has(action.feature()) || !policy::allows(caller.role, action) || !has_scope {
            self.confirm(&mut standing).await.map_err(|error| self.charge_refused(error, address))?;
        }
        self.let_in(action.feature(), standing).await
    }

    /// Lets in a request that confirms its caller by itself, before anything of its answer is sent.
    ///
    /// # Errors
    /// As `admit_to`.
    pub(crate) async fn admit_unconfirmed(
        self: &Arc<Self>,
        authorization: Option<&str>,
        address: std::net::IpAddr,
    ) -> Result<Admission, Error> {
        let mut standing = self.find(authorization, address).await?;
        if !standing.known.caller.has(Feature::ApiAccess) {
            self.confirm(&mut standing).await.map_err(|error| self.charge_refused(error, address))?;
        }
        self.let_in(Feature::ApiAccess, standing).await
    }

    /// The caller that an `Authorization` header stands for, as they are now.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub(crate) async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, Error> {
        let until = self.core.database().deadline();
        let (known, confirmed) = self.callers.find(&self.core, authorization, until).await?;
        let mut standing = Standing { known, confirmed, until };
        self.confirm(&mut standing).await?;
        Ok(standing.known.caller.clone())
    }

    async fn find(&self, authorization: Option<&str>, address: std::net::IpAddr) -> Result<Standing, Error> {
        let until = self.core.database().deadline();
        let found = self.callers.find(&self.core, authorization, until).await;
        let (known, confirmed) = found.map_err(|error| self.charge_refused(error, address))?;
        Ok(Standing { known, confirmed, until })
    }

    /// Bad credentials are counted against their address, which is refused otherwise once there are many.
    pub(super) fn charge_refused(&self, error: Error, address: std::net::IpAddr) -> Error {
        match error {
            Error::Unauthenticated(_) => self.limits.charge_bad_credentials(address).err().unwrap_or(error),
            error => error,
        }
    }

    /// Makes sure that the caller is known as they are now, by the epoch alone if it has not grown.
    #[crate::boxed]
    pub(super) async fn confirm(&self, standing: &mut Standing) -> Result<(), Error> {
        if standing.confirmed {
            return Ok(());
        }
        if self.epoch(standing).await? != Some(standing.known.epoch) {
            standing.known = self.callers.renew(&self.core, &standing.known, standing.until).await?;
        }
        standing.confirmed = true;
        Ok(())
    }

    async fn epoch(&self, standing: &Standing) -> Result<Option<i64>, Error> {
        let reader = self.core.database().reader_for(Class::Authentication, Some(standing.until));
        let workspace = standing.known.caller.organization_id;
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), EPOCH, [workspace.into()]);
        let found = reader.query_one_raw(statement).await.map_err(|cause| Error::from(cause).of_look_up())?;
        Ok(found.map(|row| row.try_get("", "epoch")).transpose()?)
    }

    pub(super) async fn let_in(self: &Arc<Self>, feature: Feature, mut standing: Standing) -> Result<Admission, Error> {
        let caller = &standing.known.caller;
        let workspace = caller.organization_id;
        observed::note(|noted| noted.workspace = Some(workspace));
        // Without any access at all, that is the answer, whatever else is missing.
        let lacking = [Feature::ApiAccess, feature].into_iter().find(|feature| !caller.has(*feature));
        if let Some(feature) = lacking {
            let budget = self.limits.peek(caller).await;
            return Ok(Admission { pass: Err(Error::PlanLacks(feature)), budget, refused: None });
        }
        let (charged, budget) = self.limits.charge_request(caller).await;
        if let Err(refused) = charged {
            // A token that is no longer valid is refused as such, not asked to retry later.
            self.confirm(&mut standing).await?;
            return Ok(Admission { pass: Err(refused), budget, refused: Some((self.clone(), standing)) });
        }
        Ok(Admission { pass: Ok(Admitted { door: self.clone(), standing, budget }), budget, refused: None })
    }
}

const EPOCH: &str = "SELECT epoch FROM access_epoch WHERE organization_id = $1";
