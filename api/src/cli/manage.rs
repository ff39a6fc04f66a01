//! `workspace`, `member`, `token`: administration of workspaces by the operator, also beside a running server.

use clap::{Args, Subcommand};
use service::member::NewMember;
use service::organization::{NewOrganization, OrganizationChanges};
use service::token::NewToken;
use service::value::{Currency, Instant, Name, OrganizationId, Plan, Role, Text, TokenScope, Wire};
use service::{Operator, member, organization, token};

use super::values::email;
use super::{Common, Failure, internal, print};

/// Parses a value of the contract from the command line, by the same rules as on the other surfaces.
pub(super) fn value<T: Wire>(text: &str) -> Result<T, String> {
    if text.trim().is_empty() || T::is_blank(text) {
        return Err("must not be empty".into());
    }
    T::parse_text(text).map_err(|problems| problems.to_string())
}

#[derive(Subcommand)]
pub(super) enum Workspace {
    /// Create a workspace with its Owner.
    Create {
        /// Its name.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// free, studio or agency.
        #[arg(long, value_parser = value::<Plan>)]
        plan: Plan,
        /// The Owner's e-mail address.
        #[arg(long, value_parser = email)]
        owner_email: Text<254>,
        /// The Owner's name.
        #[arg(long, value_parser = value::<Name>)]
        owner_name: Name,
        /// The default currency of clients.
        #[arg(long, value_parser = value::<Currency>, default_value = "USD")]
        currency: Currency,
    },
    /// Change the plan of a workspace.
    SetPlan {
        /// Its id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// free, studio or agency.
        #[arg(long, value_parser = value::<Plan>)]
        plan: Plan,
    },
    /// Change fields of a workspace; an empty text clears a field.
    Set(Box<Set>),
    /// List every workspace.
    List,
}

/// The fields that `workspace set` changes.
#[derive(Args)]
pub(super) struct Set {
    /// The workspace's id.
    #[arg(long, value_parser = value::<OrganizationId>)]
    workspace: OrganizationId,
    /// Its name.
    #[arg(long, value_parser = value::<Name>)]
    name: Option<Name>,
    /// The name on invoices.
    #[arg(long)]
    legal_name: Option<String>,
    /// The tax or VAT identification number on invoices.
    #[arg(long)]
    tax_id: Option<String>,
    /// What invoice numbers begin with.
    #[arg(long, value_parser = value::<Text<50>>)]
    invoice_prefix: Option<Text<50>>,
    /// The e-mail address on invoices.
    #[arg(long)]
    business_email: Option<String>,
    /// The website on invoices.
    #[arg(long)]
    business_website: Option<String>,
    /// The default currency of clients.
    #[arg(long, value_parser = value::<Currency>)]
    currency: Option<Currency>,
}

#[derive(Subcommand)]
pub(super) enum Member {
    /// List the members of a workspace.
    List {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
    },
    /// Add a person to a workspace.
    Add {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// Their e-mail address.
        #[arg(long, value_parser = email)]
        email: Text<254>,
        /// Their name.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// OWNER, ADMIN, MANAGER or MEMBER.
        #[arg(long, value_parser = value::<Role>)]
        role: Role,
    },
    /// Change the role of a member.
    SetRole {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// Their e-mail address.
        #[arg(long)]
        email: String,
        /// OWNER, ADMIN, MANAGER or MEMBER.
        #[arg(long, value_parser = value::<Role>)]
        role: Role,
    },
    /// Remove a member and revoke their tokens permanently.
    Remove {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// Their e-mail address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
pub(super) enum Token {
    /// Create a token; it is shown only once.
    Create {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
        /// The e-mail address of the member whose role the token has.
        #[arg(long)]
        member: String,
        /// The name of the token.
        #[arg(long, value_parser = value::<Name>)]
        name: Name,
        /// read or write.
        #[arg(long, value_parser = value::<TokenScope>)]
        scope: TokenScope,
        /// The instant at which it expires, with an offset; by default it does not expire.
        #[arg(long, value_parser = value::<Instant>)]
        expires_at: Option<Instant>,
    },
    /// List every token of a workspace.
    List {
        /// The workspace's id.
        #[arg(long, value_parser = value::<OrganizationId>)]
        workspace: OrganizationId,
    },
    /// Revoke a token permanently.
    Revoke {
        /// Its prefix: the twelve characters after `hsk_live_` or `hsk_test_`.
        #[arg(long)]
        prefix: String,
    },
}

impl Workspace {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        // The first workspace may be made before the first start.
        let app =
            if matches!(self, Workspace::Create { .. }) { common.open_or_make().await } else { common.open().await };
        let operator = Operator::of(&app?);
        let words = |o: &organization::Organization| format!("{}  {}  {}", o.id, o.plan, o.name);
        let changed = match self {
            Workspace::Create { name, plan, owner_email, owner_name, currency } => {
                let owner = NewMember { email: owner_email, name: owner_name, role: Role::Owner };
                organization::create(&operator, NewOrganization { name, plan, currency, owner }).await
            }
            Workspace::SetPlan { workspace, plan } => organization::set_plan(&operator, workspace, plan).await,
            Workspace::Set(set) => {
                let set = *set;
                let changes = OrganizationChanges {
                    name: set.name,
                    legal_name: set.legal_name,
                    tax_id: set.tax_id,
                    invoice_prefix: set.invoice_prefix,
                    business_email: set.business_email,
                    business_website: set.business_website,
                    currency: set.currency,
                };
                organization::set(&operator, set.workspace, changes).await
            }
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
        let words = |m: &member::Member| format!("{}  {}  {}  {}", m.id, m.role, m.email, m.name);
        let member = match self {
            Member::List { workspace } => {
                let all = member::all_of(&operator, workspace).await.map_err(internal)?;
                let lines = all.iter().map(words).collect::<Vec<_>>().join("\n");
                return print::outcome(common.json, &all, lines);
            }
            Member::Add { workspace, email, name, role } => {
                member::add(&operator, workspace, NewMember { email, name, role }).await
            }
            Member::SetRole { workspace, email, role } => member::set_role(&operator, workspace, &email, role).await,
            Member::Remove { workspace, email } => member::remove(&operator, workspace, &email).await,
        };
        let member = member.map_err(internal)?;
        print::outcome(common.json, &member, words(&member))
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
