//! Members: the node, its lists, queries and loaders; the viewer.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result};
use service::Error;
use service::member::{Me, Member, MemberFilter, MemberSort};
use service::project::{ProjectFilter, ProjectSort};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::Id;

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::{Loaders, by_id_loader};
use crate::nouns::project::{ProjectConnection, ProjectNode};
use crate::nouns::task::{TaskConnection, TaskNode};
use crate::nouns::time_entry::{TimeEntryConnection, TimeEntryNode};
use crate::nouns::{cx, parse_id};

/// A member: a person in a workspace. A Member sees their own record only.
pub struct MemberNode(pub(crate) Member);

/// A member: a person in a workspace. A Member sees their own record only.
#[Object(name = "Member")]
impl MemberNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Member {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> MemberLists {
        MemberLists(self.0.user_id)
    }

    /// Identifier of the membership (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id
    }
}

lists! {
    /// What a person works on.
    MemberLists(Id) {
        /// Projects that the member was put on. Owners, Admins and Managers reach all others too.
        projects: ProjectFilter, ProjectSort => ProjectConnection(ProjectNode) if ListProjects, (below OfPerson);
        /// Tasks that are assigned to the member.
        tasks: TaskFilter, TaskSort => TaskConnection(TaskNode) if ListTasks, (below OfPerson);
        /// Time entries of the member.
        time_entries: TimeEntryFilter, TimeEntrySort => TimeEntryConnection(TimeEntryNode) if ListTimeEntries, (below OfPerson);
    }
}

connection!(MemberConnection, MemberEdge, MemberNode);

/// A membership by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberById(pub(crate) Id);

by_id_loader!(MemberById => Member, service::member::by_ids);

/// The membership of a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberByUser(pub(crate) Id);

impl Loader<MemberByUser> for Loaders {
    type Value = Member;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MemberByUser]) -> Result<HashMap<MemberByUser, Member>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let members = service::member::of_users(&self.0, &ids).await?;
        Ok(members.into_iter().map(|member| (MemberByUser(member.user_id), member)).collect())
    }
}

lists! {
    /// The list of this noun.
    MemberRootLists() {
        /// A page of members. `search` looks in name and email.
        members: MemberFilter, MemberSort => MemberConnection(MemberNode), (flat service::member::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct MemberQueries;

/// The queries of this noun.
#[Object]
impl MemberQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> MemberRootLists {
        MemberRootLists()
    }

    /// The caller: the member that the token acts as, and what the token may do.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Me> {
        let cx = cx(ctx)?;
        service::member::me(cx).await.or_fail(cx)
    }

    /// A member by the identifier of the membership; null with the error `not_found` if the caller sees none.
    async fn member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the membership.")] id: ID,
    ) -> Result<Option<MemberNode>> {
        let cx = cx(ctx)?;
        service::member::get(cx, parse_id(&id)).await.map(MemberNode).map(Some).or_fail(cx)
    }
}
