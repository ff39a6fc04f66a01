//! A person, known by e-mail across workspaces.

use crate::value::{Timestamp, UserId};

crate::table! {
    "user_account" key { id: UserId }
    email: String,
    email_key: String,
    created_at: Timestamp,
}
