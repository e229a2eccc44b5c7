//! What is sealed, wherever it stands: read and replaced when the master key is rotated.

use bitcoin_hashes::hex::DisplayHex;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

use crate::crypto::secret::{Mark, Purpose, Sealed};
use crate::domain::api_keys::KeyKind;
use crate::domain::idempotency::{IdempotencyKey, answer_owner};
use crate::domain::ids::AccountId;
use crate::store::db::connection::{Db, in_snapshot};
use crate::store::db::error::StoreError;
use crate::store::db::schema::settings;
use crate::store::db::settings::{DIGEST_KEY, KEYS_BEFORE, MASTER_KEY_CHECK};

/// Rows that are looked at in one go.
const PAGE_ROWS: i64 = 2000;

/// Where sealed values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptedColumn {
    /// Wallets' keys.
    WalletKeys,
    /// Invoices' preimages.
    Preimages,
    /// Preimages of payments to other nodes.
    SentPreimages,
    /// Answers under idempotency keys.
    Answers,
    /// What signs webhooks.
    WebhookSecrets,
    /// The headers of pay links' webhooks.
    PayLinkHeaders,
    /// The keys of cards.
    CardKeys,
    /// What stands in the URLs of withdraw links.
    WithdrawLinkSecrets,
    /// The headers of withdraw links' webhooks.
    WithdrawLinkHeaders,
}

/// The names of a column: two columns by which a row is found, the kind of its value, and
/// the value.
struct Names {
    table: &'static str,
    id: &'static str,
    more: &'static str,
    kind: &'static str,
    sealed: &'static str,
    /// The primary key.
    order: &'static str,
}

impl EncryptedColumn {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::WalletKeys,
        Self::Preimages,
        Self::SentPreimages,
        Self::Answers,
        Self::WebhookSecrets,
        Self::PayLinkHeaders,
        Self::CardKeys,
        Self::WithdrawLinkSecrets,
        Self::WithdrawLinkHeaders,
    ];

    /// What stands there, in words for the operator.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WalletKeys => "wallet keys",
            Self::Preimages => "preimages",
            Self::SentPreimages => "preimages of payments to other nodes",
            Self::Answers => "answers",
            Self::WebhookSecrets => "webhook secrets",
            Self::PayLinkHeaders => "headers of pay links",
            Self::CardKeys => "keys of cards",
            Self::WithdrawLinkSecrets => "URLs of withdraw links",
            Self::WithdrawLinkHeaders => "headers of withdraw links",
        }
    }

    /// What it is that a value belongs to.
    pub const fn subject(self) -> &'static str {
        match self {
            Self::WalletKeys => "wallets",
            Self::Preimages => "invoices",
            Self::SentPreimages => "payments to other nodes",
            Self::Answers => "accounts",
            Self::WebhookSecrets => "endpoints and wallets",
            Self::PayLinkHeaders => "pay links",
            Self::CardKeys => "cards",
            Self::WithdrawLinkSecrets | Self::WithdrawLinkHeaders => "withdraw links",
        }
    }

    /// The id of what the value of a row belongs to.
    pub fn subject_of(self, row: &RowId) -> String {
        match self {
            Self::WalletKeys => row.more.to_lower_hex_string(),
            Self::Preimages
            | Self::SentPreimages
            | Self::Answers
            | Self::WebhookSecrets
            | Self::PayLinkHeaders
            | Self::CardKeys
            | Self::WithdrawLinkSecrets
            | Self::WithdrawLinkHeaders => row.id.to_lower_hex_string(),
        }
    }

    const fn names(self) -> Names {
        match self {
            Self::WalletKeys => Names {
                table: "wallet_keys",
                id: "digest",
                more: "wallet_id",
                kind: "kind",
                sealed: "sealed",
                order: "digest",
            },
            Self::Preimages => Names {
                table: "invoices",
                id: "id",
                more: "payment_hash",
                kind: "''",
                sealed: "preimage_sealed",
                order: "id",
            },
            Self::SentPreimages => Names {
                table: "holds",
                id: "id",
                more: "payment_hash",
                kind: "''",
                sealed: "preimage_sealed",
                order: "id",
            },
            Self::Answers => Names {
                table: "idempotency",
                id: "account_id",
                more: "key_digest",
                kind: "''",
                sealed: "answer_sealed",
                order: "account_id, key_digest",
            },
            Self::WebhookSecrets => Names {
                table: "webhook_secrets",
                id: "owner_id",
                more: "owner_id",
                kind: "kind",
                sealed: "sealed",
                order: "owner_id",
            },
            Self::PayLinkHeaders => Names {
                table: "pay_links",
                id: "id",
                more: "wallet_id",
                kind: "''",
                sealed: "webhook_headers_sealed",
                order: "id",
            },
            Self::CardKeys => {
                Names { table: "cards", id: "id", more: "wallet_id", kind: "''", sealed: "keys_sealed", order: "id" }
            }
            Self::WithdrawLinkSecrets => Names {
                table: "withdraw_links",
                id: "id",
                more: "wallet_id",
                kind: "''",
                sealed: "secret_sealed",
                order: "id",
            },
            Self::WithdrawLinkHeaders => Names {
                table: "withdraw_links",
                id: "id",
                more: "wallet_id",
                kind: "''",
                sealed: "webhook_headers_sealed",
                order: "id",
            },
        }
    }
}

/// Which row of a column; the default comes before all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowId {
    id: Vec<u8>,
    more: Vec<u8>,
}

/// A value under another master key.
#[derive(Clone, Debug)]
pub struct Stale {
    /// Its row.
    pub row: RowId,
    /// What it is for.
    pub purpose: Purpose,
    /// What it is bound to.
    pub owner: Vec<u8>,
    /// The value.
    pub sealed: Vec<u8>,
}

/// Some rows of a column, in the order of its primary key.
#[derive(Debug)]
pub struct Page {
    /// The last row that was looked at; `None` behind the end.
    pub last: Option<RowId>,
    /// The values that are under another master key.
    pub stale: Vec<Stale>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    more: Vec<u8>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Binary>)]
    stale: Option<Vec<u8>>,
}

/// The next rows of a column, and those of their values that are not under the master key of
/// this mark. However few these are, a call looks at a bounded number of rows.
pub fn page(connection: &mut Db, column: EncryptedColumn, mark: Mark, after: &RowId) -> Result<Page, StoreError> {
    let Names { table, id, more, kind, sealed, order } = column.names();
    // Both databases read `$1` as the first parameter.
    let query = diesel::sql_query(format!(
        "SELECT {id} AS id, {more} AS more, {kind} AS kind,
            CASE WHEN substr({sealed}, 2, 4) <> $1 THEN {sealed} END AS stale
         FROM {table} WHERE ({id}, {more}) > ($2, $3) ORDER BY {order} LIMIT $4"
    ))
    .bind::<Binary, _>(mark.as_bytes().to_vec())
    .bind::<Binary, _>(after.id.clone())
    .bind::<Binary, _>(after.more.clone())
    .bind::<BigInt, _>(PAGE_ROWS);
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => query.load(c)?,
        Db::Postgres(c) => query.load(c)?,
    };
    let mut page = Page { last: None, stale: Vec::new() };
    for Row { id, more, kind, stale } in rows {
        let row = RowId { id, more };
        if let Some(sealed) = stale {
            let (purpose, owner) = binding(column, &row, &kind)?;
            page.stale.push(Stale { row: row.clone(), purpose, owner, sealed });
        }
        page.last = Some(row);
    }
    Ok(page)
}

/// What the value of a row is for, and bound to.
fn binding(column: EncryptedColumn, row: &RowId, kind: &str) -> Result<(Purpose, Vec<u8>), StoreError> {
    Ok(match column {
        EncryptedColumn::WalletKeys => {
            let kind = KeyKind::from_stored(kind);
            let kind = kind.ok_or_else(|| StoreError::Broken("a key of an unknown kind".to_owned()))?;
            (kind.purpose(), row.more.clone())
        }
        EncryptedColumn::Preimages | EncryptedColumn::SentPreimages => (Purpose::Preimage, row.id.clone()),
        EncryptedColumn::Answers => {
            let key = IdempotencyKey::from_slice(&row.more);
            let key = key.ok_or_else(|| StoreError::Broken("an idempotency key's row is damaged".to_owned()))?;
            (Purpose::Answer, answer_owner(AccountId::from_slice(&row.id)?, key))
        }
        EncryptedColumn::WebhookSecrets => {
            (crate::store::webhooks::claims::stored_owner(kind)?.purpose(), row.id.clone())
        }
        EncryptedColumn::PayLinkHeaders => (Purpose::PayLinkHeaders, row.id.clone()),
        EncryptedColumn::CardKeys => (Purpose::CardKeys, row.id.clone()),
        EncryptedColumn::WithdrawLinkSecrets => (Purpose::WithdrawLinkSecret, row.id.clone()),
        EncryptedColumn::WithdrawLinkHeaders => (Purpose::WithdrawLinkHeaders, row.id.clone()),
    })
}

/// Puts fresh values where the stale ones still stand; answers how many it replaced.
///
/// On PostgreSQL this is one statement, so that its locks are held for no longer than a round
/// trip; and a row that somebody has locked is left to the next time: this never waits while it
/// holds a lock, so it is in nobody's circle.
pub fn replace(connection: &mut Db, column: EncryptedColumn, fresh: &[(Stale, Sealed)]) -> Result<u64, StoreError> {
    let Names { table, id, more, sealed, .. } = column.names();
    match connection {
        Db::Sqlite(connection) => {
            let text = format!("UPDATE {table} SET {sealed} = $1 WHERE {id} = $2 AND {more} = $3 AND {sealed} = $4");
            let mut replaced: u64 = 0;
            for (stale, fresh) in fresh {
                let query = diesel::sql_query(text.as_str())
                    .bind::<Binary, _>(fresh.as_bytes())
                    .bind::<Binary, _>(&stale.row.id)
                    .bind::<Binary, _>(&stale.row.more)
                    .bind::<Binary, _>(&stale.sealed);
                replaced = replaced.saturating_add(rows(query.execute(connection)?));
            }
            Ok(replaced)
        }
        Db::Postgres(connection) => {
            let query = diesel::sql_query(format!(
                "WITH free AS (
                    SELECT t.{id} AS id, t.{more} AS more, n.stale, n.fresh
                    FROM unnest($1, $2, $3, $4) AS n (id, more, stale, fresh)
                    JOIN {table} AS t ON t.{id} = n.id AND t.{more} = n.more AND t.{sealed} = n.stale
                    FOR NO KEY UPDATE OF t SKIP LOCKED
                )
                UPDATE {table} AS t SET {sealed} = free.fresh FROM free
                WHERE t.{id} = free.id AND t.{more} = free.more AND t.{sealed} = free.stale"
            ))
            .bind::<Array<Binary>, _>(fresh.iter().map(|(stale, _)| stale.row.id.as_slice()).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(fresh.iter().map(|(stale, _)| stale.row.more.as_slice()).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(fresh.iter().map(|(stale, _)| stale.sealed.as_slice()).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(fresh.iter().map(|(_, fresh)| fresh.as_bytes()).collect::<Vec<_>>());
            Ok(rows(query.execute(connection)?))
        }
    }
}

fn rows(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// How many values of a kind are under which master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Which values.
    pub kind: &'static str,
    /// The mark of the master key.
    pub mark: Mark,
    /// How many.
    pub values: i64,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Binary)]
    mark: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Counts all sealed values. Looks at every row.
pub fn count(connection: &mut Db) -> Result<Vec<Count>, StoreError> {
    in_snapshot(connection, |connection| {
        let mut counts = Vec::new();
        let own = [(MASTER_KEY_CHECK, "master key check"), (DIGEST_KEY, "digest key"), (KEYS_BEFORE, "keys before")];
        for (name, kind) in own {
            let values: Vec<Vec<u8>> =
                settings::table.filter(settings::name.eq(name)).select(settings::value).load(connection)?;
            for value in values {
                let mark = Mark::of_sealed(&value).ok_or_else(damaged)?;
                counts.push(Count { kind, mark, values: 1 });
            }
        }
        for column in EncryptedColumn::ALL {
            let Names { table, sealed, .. } = column.names();
            let query = diesel::sql_query(format!(
                "SELECT substr({sealed}, 2, 4) AS mark, count(*) AS number
                 FROM {table} WHERE {sealed} IS NOT NULL GROUP BY 1 ORDER BY 1"
            ));
            let rows: Vec<CountRow> = match connection {
                Db::Sqlite(c) => query.load(c)?,
                Db::Postgres(c) => query.load(c)?,
            };
            for row in rows {
                let mark = row.mark.try_into().map(Mark::new).or(Err(damaged()))?;
                counts.push(Count { kind: column.as_str(), mark, values: row.number });
            }
        }
        Ok(counts)
    })
}

fn damaged() -> StoreError {
    StoreError::Broken("a sealed value is too short".to_owned())
}
