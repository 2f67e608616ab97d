//! Owns how Flink SQL text is read: tokens, statements, names, and what counts as the same query.
//! Must not know manifests, table files or what a change leads to.

mod builtin;
mod canonical;
mod grammar;
mod groups;
mod hint_lists;
mod hints;
mod keywords;
pub mod lexer;
mod lookalike;
mod meaning;
mod path;
mod problem;
mod query;
mod references;
mod reserved;
pub mod statements;
mod target;
mod unknown;

pub(crate) use builtin::{builtin_functions, is_builtin_function};
pub(crate) use canonical::{Said, canonical_body};
pub use hints::has_dynamic_options;
pub(crate) use lexer::line_comments;
pub use lexer::{LexError, Token, TokenKind, tokens};
pub use lookalike::lookalike;
pub(crate) use lookalike::{anywhere as lookalike_anywhere, told as lookalike_told};
pub use meaning::{same_meaning, same_meaning_as_deployed_by_python};
pub use path::TablePath;
pub(crate) use problem::NOT_CLOSED;
pub use problem::Problem;
pub use query::query_problems;
pub(crate) use references::function_references;
pub use references::table_references;
pub use reserved::is_reserved;
pub use statements::{Statement, StatementError, StatementKind, split};
pub(crate) use target::leading_target;
pub use target::{insert_target, target_path, target_problems};
pub use unknown::{KnownTables, unknown_tables, unknown_target};
