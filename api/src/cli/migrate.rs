//! `migrate`: brings a database to this release, or shows which steps it has.

use super::{Common, Failure, print, sqlite};

/// Applies the pending steps unless only their state is asked for, and prints every step.
pub(super) async fn run(common: &Common, status: bool) -> Result<(), Failure> {
    common.check_url()?;
    if !status {
        let served = sqlite::is_locked(&common.database_url)?;
        common.check_direct().await?;
        migration::up_as(common.migration_url(), migration::Migrator::Upgrade, served).await?;
    }
    let (known, unknown) = migration::status(common.migration_url()).await?;
    let known = known.into_iter().map(|step| {
        let compatible = step.compatibility == migration::Compatibility::Compatible;
        (step.name, step.applied, compatible, true)
    });
    let unknown = unknown.into_iter().map(|step| (step.name, true, step.compatible, false));
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    for (name, applied, compatible, known) in known.chain(unknown) {
        let state = if applied { "applied" } else { "pending" };
        let breaking = if compatible { "" } else { "  (breaking)" };
        let later = if known { "" } else { "  (of a later release)" };
        lines.push(format!("{state}  {name}{breaking}{later}"));
        json.push(serde_json::json!({ "name": name, "applied": applied, "compatible": compatible, "known": known }));
    }
    print::outcome(common.json, &json, lines.join("\n"))
}
