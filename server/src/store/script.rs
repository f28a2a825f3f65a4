use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

use super::Fault;

/// More go in several parts, so that few different texts are kept prepared.
const STATEMENTS_MAX: usize = 16;

/// Statements that go to the database together. It works on a thread of its own: the way there and back costs more than most of them.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    arguments: SqliteArguments,
    statements: usize,
}

impl Script {
    /// To be followed by a value for each of its question marks.
    pub fn then(&mut self, statement: &'static str) -> &mut Script {
        self.sql.push_str(statement);
        self.sql.push(';');
        self.statements += 1;
        self
    }

    pub fn bind<'v>(&mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> &mut Script {
        self.arguments.add(value).expect("numbers, bytes and text have a form in SQLite");
        self
    }

    pub fn is_long(&self) -> bool {
        self.statements >= STATEMENTS_MAX
    }

    /// Does what was said so far, and begins anew.
    pub async fn run(&mut self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let Script { sql, arguments, statements } = std::mem::take(self);
        if statements > 0 {
            // Made of this program's own words alone; all else is bound.
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
        }
        Ok(())
    }
}
