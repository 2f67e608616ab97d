//! Owns in which brackets and which clause a token stands, as far as it says whether a word is a keyword.
//! Must not know what the words mean.

use super::head::Form;
use super::lexer::Token;
use super::words::is_any;

/// What a bracket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// The columns of `CREATE TABLE`, or the fields of a row in them.
    Columns,
    /// What stands around and after the columns.
    Clauses,
    /// A JSON function.
    Json,
    /// A function whose first argument is a unit of time.
    Unit,
    Overlay,
    /// Anything else.
    Other,
}

/// The clause that a bracket is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    opener: Opener,
    pub(super) order_by: bool,
    pub(super) frame: bool,
    starts_item: bool,
}

impl State {
    fn new(opener: Opener) -> Self {
        Self { opener, order_by: false, frame: false, starts_item: true }
    }
}

/// The open brackets.
pub(super) struct Groups {
    form: Form,
    outer: Vec<State>,
    current: State,
}

impl Groups {
    pub(super) fn new(form: Form) -> Self {
        let opener = if form == Form::Table { Opener::Clauses } else { Opener::Other };
        Self { form, outer: Vec::new(), current: State { starts_item: false, ..State::new(opener) } }
    }

    pub(super) fn opener(&self) -> Opener {
        self.current.opener
    }

    pub(super) fn state(&self) -> State {
        self.current
    }

    /// Whether the next token is the first of a column.
    pub(super) fn starts_item(&self) -> bool {
        self.current.opener == Opener::Columns && self.current.starts_item
    }

    /// Goes on behind a token.
    pub(super) fn pass(&mut self, tokens: &[Token<'_>], at: usize, name_end: usize) {
        let Some(token) = tokens.get(at) else { return };
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        if token.is_symbol("(") {
            let opener = self.opened_by(before, at == name_end);
            self.outer.push(std::mem::replace(&mut self.current, State::new(opener)));
            return;
        }
        if token.is_symbol(")") {
            self.current = self.outer.pop().unwrap_or(State::new(Opener::Other));
        }
        self.current.starts_item = token.is_symbol(",") || token.is_symbol("<") && is_any(before, &["ROW"]);
        if token.is_symbol(",") && self.current.opener == Opener::Other && self.in_columns() {
            self.current.opener = Opener::Columns;
        }
        if token.is_word("AS") && matches!(self.current.opener, Opener::Columns | Opener::Clauses) {
            // An expression follows up to the end of the column, or a query up to the end of the statement.
            self.current.opener = Opener::Other;
        } else if token.is_word("BY") {
            self.current.order_by = is_any(before, &["ORDER"]);
        } else if is_any(Some(token), &["ROWS", "RANGE"]) {
            self.current.order_by = false;
            self.current.frame = true;
        } else if is_any(Some(token), ENDS_CLAUSE) {
            self.current.order_by = false;
            self.current.frame = false;
        }
    }

    /// Whether the brackets here are those of the columns: what is outside of them are the clauses.
    fn in_columns(&self) -> bool {
        self.form == Form::Table && self.outer.len() == 1 && self.outer[0].opener == Opener::Clauses
    }

    fn opened_by(&self, before: Option<&Token<'_>>, after_name: bool) -> Opener {
        let typed = self.current.opener == Opener::Columns;
        if self.form == Form::Table && self.outer.is_empty() && after_name || typed && is_any(before, &["ROW"]) {
            return Opener::Columns;
        }
        if self.current.opener == Opener::Clauses && !is_any(before, &["BY", "HASH", "RANGE"]) {
            // `LIKE base (INCLUDING ALL)`
            return Opener::Clauses;
        }
        if is_any(before, &["EXTRACT", "TIMESTAMPADD", "TIMESTAMPDIFF"]) {
            return Opener::Unit;
        }
        let json =
            before.is_some_and(|token| token.text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("JSON_")));
        match before {
            _ if json => Opener::Json,
            Some(token) if token.is_word("OVERLAY") => Opener::Overlay,
            Some(_) | None => Opener::Other,
        }
    }
}

/// The words after which neither an order nor a frame goes on.
const ENDS_CLAUSE: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "PARTITION",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "MINUS",
    "MEASURES",
    "DEFINE",
];
