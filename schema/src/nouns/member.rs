//! Members: the node, its lists, queries and loaders; the viewer.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result};
use service::member::{Me, Member, MemberFilter, MemberSort};
use service::project::{ProjectFilter, ProjectSort};
use service::task::{TaskFilter, TaskSort};
use service::time_entry::{TimeEntryFilter, TimeEntrySort};
use service::value::{Id, MemberId, UserId};
use service::{Action, Error};

use crate::engine::connection::lists;
use crate::engine::error::OrFail;
use crate::engine::loader::{Linked, Loaders, by_id_loader, one};
use crate::engine::object::{Output, nodes};
use crate::nouns::project::ProjectNode;
use crate::nouns::task::TaskNode;
use crate::nouns::time_entry::TimeEntryNode;
use crate::nouns::{cx, parse_id, shared};

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
        MemberLists(self.0.user_id.any())
    }

    /// Identifier of the membership (UUID v7), the same as over REST.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }
}

/// The caller, as their token is let in.
pub struct ViewerNode(Me);

/// The caller, as their token is let in.
#[Object(name = "Viewer")]
impl ViewerNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Me {
        &self.0
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ViewerLists {
        ViewerLists()
    }

    /// An id of its own, which is neither that of the member nor that of the person: for caches.
    async fn id(&self) -> ID {
        ID(format!("viewer-{}", self.0.member_id))
    }

    /// The caller's membership.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Linked<MemberNode>>> {
        one(ctx, Action::GetMember, Some(MemberById(self.0.member_id))).await
    }
}

nodes! {
    MemberNode => 0: Member;
    ViewerNode => 0: Me;
}

lists! {
    /// What the caller reaches.
    ViewerLists() {
        /// The projects that the caller reaches: for a Member those that they are on.
        projects[search]: ProjectFilter, ProjectSort => ProjectNode[], (flat service::project::list);
    }
}

lists! {
    /// What a person works on.
    MemberLists(Id) {
        /// Projects that the member was put on. Owners, Admins and Managers reach all others too.
        projects[search]: ProjectFilter, ProjectSort => ProjectNode[ListProjects], (below OfPerson);
        /// Tasks that are assigned to the member.
        tasks[search]: TaskFilter, TaskSort => TaskNode[ListTasks], (below OfPerson);
        /// Time entries of the member.
        time_entries[search]: TimeEntryFilter, TimeEntrySort => TimeEntryNode[ListTimeEntries], (below OfPerson);
    }
}

/// A membership by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberById(pub(crate) MemberId);

by_id_loader!(MemberById => MemberNode, service::member::by_ids);

/// The membership of a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberByUser(pub(crate) UserId);

impl Loader<MemberByUser> for Loaders {
    type Value = Arc<MemberNode>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[MemberByUser]) -> Result<HashMap<MemberByUser, Arc<MemberNode>>, Arc<Error>> {
        let ids: Vec<UserId> = keys.iter().map(|key| key.0).collect();
        let members = service::member::of_users(&self.0, &ids).await?;
        Ok(members.into_iter().map(|member| (MemberByUser(member.user_id), Arc::new(MemberNode(member)))).collect())
    }
}

lists! {
    /// The list of this noun.
    MemberRootLists() {
        /// A page of members. `search` looks in name and email.
        members[search]: MemberFilter, MemberSort => MemberNode[], (flat service::member::list);
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
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Output<ViewerNode>> {
        let cx = cx(ctx)?;
        service::member::me(cx).await.map(ViewerNode).map(Output).or_fail(cx)
    }

    /// A member by the identifier of the membership; null with the error `not_found` if the caller sees none.
    async fn member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the membership.")] id: ID,
    ) -> Result<Option<Linked<MemberNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "member", &id, async { service::member::get(cx, parse_id(&id)).await.map(MemberNode) }).await
    }
}
