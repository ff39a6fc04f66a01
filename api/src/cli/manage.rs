//! `workspace`, `member`, `token`: what the operator does to workspaces, beside a running server if there is one.

use clap::Subcommand;
use service::member::NewMember;
use service::organization::NewOrganization;
use service::token::NewToken;
use service::value::{Currency, Id, Instant, Name, Plan, Role, Text, TokenScope, Wire};
use service::{Operator, member, organization, token};

use super::{Common, Failure, internal, print};

/// Reads a value of ours from the command line, by the same rules as everywhere.
pub(super) fn value<T: Wire>(text: &str) -> Result<T, String> {
    if text.trim().is_empty() || T::is_blank(text) {
        return Err("must not be empty".into());
    }
    T::parse_text(text).map_err(|problems| problems.to_string())
}

#[derive(Subcommand)]
pub(super) enum Workspace {
    /// A new workspace with its Owner.
    Create {
        /// Its name.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// free, studio or agency.
        #[arg(long, value_parser = value::<Plan>)]
        plan: Plan,
        /// The Owner's e-mail address.
        #[arg(long, value_parser = value::<Text<254>>)]
        owner_email: Text<254>,
        /// The Owner's name.
        #[arg(long, value_parser = value::<Name>)]
        owner_name: Name,
        /// The currency of clients that name none.
        #[arg(long, value_parser = value::<Currency>, default_value = "USD")]
        currency: Currency,
    },
    /// Put a workspace on another plan.
    SetPlan {
        /// Its id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// free, studio or agency.
        #[arg(long, value_parser = value::<Plan>)]
        plan: Plan,
    },
    /// Every workspace.
    List,
}

#[derive(Subcommand)]
pub(super) enum Member {
    /// Add a person to a workspace.
    Add {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// Their e-mail address.
        #[arg(long, value_parser = value::<Text<254>>)]
        email: Text<254>,
        /// Their name.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// OWNER, ADMIN, MANAGER or MEMBER.
        #[arg(long, value_parser = value::<Role>)]
        role: Role,
    },
    /// Give a member another role.
    SetRole {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// Their e-mail address.
        #[arg(long)]
        email: String,
        /// OWNER, ADMIN, MANAGER or MEMBER.
        #[arg(long, value_parser = value::<Role>)]
        role: Role,
    },
    /// Remove a member and revoke their tokens for good.
    Remove {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// Their e-mail address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
pub(super) enum Token {
    /// A new token; shown this once.
    Create {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
        /// The e-mail address of the member that it acts as.
        #[arg(long)]
        member: String,
        /// What it is called.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// read or write.
        #[arg(long, value_parser = value::<TokenScope>)]
        scope: TokenScope,
        /// When it ends by itself, with an offset.
        #[arg(long, value_parser = value::<Instant>)]
        expires_at: Option<Instant>,
    },
    /// Every token of a workspace.
    List {
        /// The workspace's id.
        #[arg(long, value_parser = value::<Id>)]
        workspace: Id,
    },
    /// End a token for good.
    Revoke {
        /// Its prefix: the twelve characters after `hsk_live_` or `hsk_test_`.
        #[arg(long)]
        prefix: String,
    },
}

impl Workspace {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        let words = |o: &organization::Organization| format!("{}  {}  {}", o.id, o.plan, o.name);
        let changed = match self {
            Workspace::Create { name, plan, owner_email, owner_name, currency } => {
                let owner = NewMember { email: owner_email, name: owner_name, role: Role::Owner };
                organization::create(&operator, NewOrganization { name, plan, currency, owner }).await
            }
            Workspace::SetPlan { workspace, plan } => organization::set_plan(&operator, workspace, plan).await,
            Workspace::List => {
                let all = organization::list(&operator).await.map_err(internal)?;
                let lines = all.iter().map(words).collect::<Vec<_>>().join("\n");
                return print::outcome(common.json, &all, lines);
            }
        };
        let changed = changed.map_err(internal)?;
        print::outcome(common.json, &changed, words(&changed))
    }
}

impl Member {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        let member = match self {
            Member::Add { workspace, email, name, role } => {
                member::add(&operator, workspace, NewMember { email, name, role }).await
            }
            Member::SetRole { workspace, email, role } => member::set_role(&operator, workspace, &email, role).await,
            Member::Remove { workspace, email } => member::remove(&operator, workspace, &email).await,
        };
        let member = member.map_err(internal)?;
        let words = format!("{}  {}  {}  {}", member.id, member.role, member.email, member.name);
        print::outcome(common.json, &member, words)
    }
}

impl Token {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let operator = Operator::of(&common.open().await?);
        let words = |t: &token::Token| {
            let ended = t.revoked_at.map(|at| format!("  revoked {at}")).unwrap_or_default();
            format!("{}  {}  {}{ended}", t.prefix, t.scopes.join("+"), t.name)
        };
        match self {
            Token::Create { workspace, member, name, scope, expires_at } => {
                let input = NewToken { member, name, scope, expires_at };
                let minted = token::create(&operator, workspace, input).await.map_err(internal)?;
                print::outcome(common.json, &minted, minted.token.clone())
            }
            Token::List { workspace } => {
                let all = token::all_of(&operator, workspace).await.map_err(internal)?;
                let lines = all.iter().map(words).collect::<Vec<_>>().join("\n");
                print::outcome(common.json, &all, lines)
            }
            Token::Revoke { prefix } => {
                let revoked = token::revoke_by_prefix(&operator, &prefix).await.map_err(internal)?;
                print::outcome(common.json, &revoked, words(&revoked))
            }
        }
    }
}
