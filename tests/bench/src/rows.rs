//! What the databases of the laboratory hold: ids that are computed instead of looked up, and the sizes of its data.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The workspace that most requests go to, of ordinary size.
pub const HOME: u16 = 1;
/// The workspace with most of the entries: for deep pages, searches and reports.
pub const LARGE: u16 = 0;
/// Tokens over all workspaces.
pub const TOKENS: u32 = 200;
/// Clients of each workspace.
pub const CLIENTS: u64 = 20;
/// Projects of each client.
pub const PROJECTS: u64 = 5;
/// Projects of the large workspace that have entries.
pub const BUSY_PROJECTS: u64 = 5;

/// How many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Workspaces, the large one among them.
    pub workspaces: u16,
    /// Entries of an ordinary workspace.
    pub each: u64,
    /// Entries of the large one.
    pub large: u64,
}

impl Size {
    /// A million entries in 20 workspaces.
    pub const MILLION: Size = Size { workspaces: 20, each: 25_000, large: 525_000 };
    /// 200,000 entries in 5 workspaces, for SQLite.
    pub const EMBEDDED: Size = Size { workspaces: 5, each: 25_000, large: 100_000 };
    /// Ten thousand entries: what the others have grown from, and what a quick check runs on.
    pub const SMALL: Size = Size { workspaces: 2, each: 5_000, large: 5_000 };

    /// Entries of a workspace.
    pub fn entries(self, workspace: u16) -> u64 {
        if workspace == LARGE { self.large } else { self.each }
    }

    /// How many entries of the large workspace are left after the deep page's beginning: whole pages of 200 lie before.
    pub fn deep(self) -> u64 {
        self.large - (self.large - self.large / 21) / 200 * 200
    }

    /// Members, each with one token, of each workspace.
    pub fn members(self) -> u32 {
        TOKENS / u32::from(self.workspaces)
    }
}

/// What an id belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A workspace.
    Organization = 1,
    /// A person.
    User = 2,
    /// A person in a workspace.
    Member = 3,
    /// A token.
    Token = 4,
    /// A project.
    Project = 6,
    /// A time entry.
    Entry = 7,
}

/// The id of the row with this number: later numbers have later ids, as with UUID v7.
pub fn id(kind: Kind, workspace: u16, number: u64) -> Uuid {
    let high = (0x0190_u64 << 48) | ((kind as u64) << 32) | (u64::from(workspace) << 16) | 0x7000;
    let low = 0x8000_0000_0000_0000 | number;
    Uuid::from_u64_pair(high, low)
}

/// The id of a workspace.
pub fn organization(workspace: u16) -> Uuid {
    id(Kind::Organization, workspace, 0)
}

/// The prefix of a token, by which it is found.
pub fn prefix(workspace: u16, member: u32) -> String {
    format!("bench{workspace:03}{member:04}")
}

/// A token of a member. It opens nothing but the private databases of the laboratory.
pub fn token(workspace: u16, member: u32) -> String {
    format!("hsk_live_{}_{}", prefix(workspace, member), "bench".repeat(7).split_at(32).0)
}

/// What is stored of a token.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// A note, of which every thousandth holds the word `zebra`.
pub fn note(number: i64) -> String {
    const DONE: [&str; 7] = ["Reviewed", "Drafted", "Tested", "Planned", "Discussed", "Rewrote", "Measured"];
    const WHAT: [&str; 11] = [
        "checkout",
        "invoice",
        "landing page",
        "database",
        "search",
        "report",
        "login",
        "calendar",
        "export",
        "import",
        "dashboard",
    ];
    let pick = |from: &[&'static str]| from[usize::try_from(number).unwrap_or(0) % from.len()];
    let mut text = format!("{} the {} of ticket {number}", pick(&DONE), pick(&WHAT));
    if number % 1000 == 0 {
        let _ = write!(text, " with a zebra");
    }
    text
}
