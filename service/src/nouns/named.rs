//! Records by their exact name, for callers who know names and no ids.

use entity::value::{Id, ProjectId, fold};
use entity::{client, project, task};
use sea_orm::{ColumnTrait, QueryFilter};

use crate::access::action::Action;
use crate::contract::error::Error;
use crate::door::Cx;
use crate::list::page::ListArgs;

/// What a look-up of a name costs in points, like a search: the door's one and two more.
const POINTS: u32 = 3;

/// A look-up: the newest live records that the caller sees and that have the name, case folded, as id and name.
macro_rules! named {
    ($(#[doc = $doc:literal])+ $name:ident, $entity:ident, $action:ident) => {
        $(#[doc = $doc])+
        ///
        /// # Errors
        /// `Forbidden` where the caller's role cannot list them, `RateLimited`.
        #[crate::boxed]
        pub async fn $name(cx: &Cx, name: &str, limit: u32) -> Result<Vec<(Id, String)>, Error> {
            cx.charge_points(POINTS).await?;
            let args = ListArgs::from_query(vec![("limit".to_owned(), limit.to_string())]);
            let key = fold(name.trim());
            let narrow = |query: sea_orm::Select<$entity::Entity>| query.filter($entity::Column::NameKey.eq(key.as_str()));
            let page = cx.list_below::<$entity::Entity>(Action::$action, &args, "named", narrow).await?;
            Ok(page.items.into_iter().map(|row| (row.id.any(), row.name)).collect())
        }
    };
}

named!(
    /// Clients with a name, at most `limit`.
    clients, client, ListClients
);
named!(
    /// Projects with a name, at most `limit`.
    projects, project, ListProjects
);

/// Tasks with a name, at most `limit`; of one project where it is known.
///
/// # Errors
/// `RateLimited`.
#[crate::boxed]
pub async fn tasks(cx: &Cx, name: &str, project: Option<ProjectId>, limit: u32) -> Result<Vec<(Id, String)>, Error> {
    cx.charge_points(POINTS).await?;
    let args = ListArgs::from_query(vec![("limit".to_owned(), limit.to_string())]);
    let key = fold(name.trim());
    let narrow = |query: sea_orm::Select<task::Entity>| {
        let query = query.filter(task::Column::NameKey.eq(key.as_str()));
        match project {
            Some(project) => query.filter(task::Column::ProjectId.eq(project)),
            None => query,
        }
    };
    let page = cx.list_below::<task::Entity>(Action::ListTasks, &args, "named", narrow).await?;
    Ok(page.items.into_iter().map(|row| (row.id.any(), row.name)).collect())
}
