//! Members and tokens: records without relations.

use service::member::Member;
use service::token::Token;

use crate::connection::connection;

connection!(MemberConnection, MemberEdge, Member);
connection!(TokenConnection, TokenEdge, Token);
