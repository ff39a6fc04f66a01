//! The ground that everything stands on: time and ids, the database's pools, secrets at rest.

pub(crate) mod clock;
pub(crate) mod database;
pub(crate) mod vault;
