//! Admission: token, then plan, then budget, before anything else of a request is looked at.

use std::sync::Arc;

use crate::access::auth::authenticate;
use crate::contract::caller::Caller;
use crate::contract::error::{Error, Feature};
use crate::door::{Cx, Door, RequestFacts};
use crate::limit::Budget;

/// A request that was let in, with what its token may still spend.
pub struct Admission {
    /// The way to the door, or why not.
    pub pass: Result<Admitted, Error>,
    /// What is left of the token's budget after the door; told to every good token, whatever became of the request.
    /// A request that got in may spend more: then ask `Cx::budget`.
    pub budget: Budget,
}

/// A caller whose token, plan and budget were checked.
#[derive(Clone)]
pub struct Admitted {
    door: Arc<Door>,
    caller: Caller,
    budget: Budget,
}

impl Admitted {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// To the door, with what the request brings along.
    pub fn enter(self, facts: RequestFacts) -> Cx {
        Cx::new(self.door, self.caller, facts, self.budget)
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
        let caller = match authenticate(&self.core, &self.token_use, authorization).await {
            Err(refusal @ Error::Unauthenticated(_)) => {
                self.limits.charge_bad_credentials(address)?;
                return Err(refusal);
            }
            outcome => outcome?,
        };
        // Without any access at all, that is the answer, whatever else is missing.
        let lacking = [Feature::ApiAccess, feature].into_iter().find(|feature| !feature.is_in(caller.plan));
        if let Some(feature) = lacking {
            let budget = self.limits.peek(&caller).await;
            return Ok(Admission { pass: Err(Error::PlanLacks(feature)), budget });
        }
        let (charged, budget) = self.limits.charge_request(&caller).await;
        Ok(Admission { pass: charged.map(|()| Admitted { door: self.clone(), caller, budget }), budget })
    }
}
