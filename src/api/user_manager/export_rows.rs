//! The rows of an export, the same in JSON and in CSV.

use serde::Serialize;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::csv::{Cell, Line, Record};
use crate::api::payments::view::{standing, status_word};
use crate::domain::controls::Freeze;
use crate::domain::extra::Extra;
use crate::domain::ids::{PaymentHash, UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;
use crate::services::Wallet;
use crate::services::payments::Payment;
use crate::services::users::overview::UserOverview;

/// Defines a row, whose fields are its columns.
macro_rules! record {
    (
        $(#[$attribute:meta])*
        $name:ident { $($(#[$of_field:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Serialize, ToSchema)]
        pub struct $name {
            $($(#[$of_field])* $field: $type,)*
        }

        impl Record for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field),)*];

            fn write(&self, line: &mut Line) {
                $(self.$field.write(line);)*
            }
        }
    };
}

record! {
    /// A user in an export.
    ExportedUser {
        /// Its id.
        #[schema(value_type = String)]
        id: UserId,
        /// Its name.
        name: String,
        /// Its user name.
        username: Option<String>,
        /// Its email address.
        email: Option<String>,
        /// What a system of the manager's own calls it.
        external_id: Option<String>,
        /// False while it is deactivated.
        activated: bool,
        /// Whether it may create users itself.
        may_create_users: bool,
        /// How many wallets it has.
        wallet_count: i64,
        /// What they hold together, in msat.
        #[schema(value_type = i64)]
        balance_msat: i128,
        /// The manager's own data about it, as JSON text.
        extra: Option<String>,
        /// When it was created, as ISO 8601.
        created_at: String,
        /// When it was last changed, as ISO 8601.
        updated_at: String,
    }
}

record! {
    /// A wallet in an export, without its keys.
    ExportedWallet {
        /// Its id.
        #[schema(value_type = String)]
        id: WalletId,
        /// Its user's id.
        #[schema(value_type = String)]
        user: UserId,
        /// Its name.
        name: String,
        /// What it holds, in msat.
        balance_msat: Msat,
        /// How far it is frozen: `spending` or `everything`.
        #[schema(value_type = Option<String>)]
        frozen: Option<&'static str>,
        /// The most that its own key may spend with one payment, in sat.
        payment_max_sat: Option<i64>,
        /// The most that its own key may spend on one day (UTC), in sat.
        day_max_sat: Option<i64>,
        /// When it was created, as ISO 8601.
        created_at: String,
    }
}

record! {
    /// One side of a payment in an export.
    ExportedPayment {
        /// What the payment is known by.
        #[schema(value_type = String)]
        payment_hash: PaymentHash,
        /// Whose side of it this is.
        #[schema(value_type = String)]
        wallet_id: WalletId,
        /// What came in, or below zero what went out, in msat.
        amount_msat: Msat,
        /// The same in sat.
        amount_sat: i64,
        /// What the payment is for.
        memo: String,
        /// `pending`, `success` or `failed`.
        status: &'static str,
        /// `open`, `paid`, `expired` or `cancelled`.
        state: &'static str,
        /// What the wallet's client calls it.
        external_id: Option<String>,
        /// The wallet's own data, as JSON text.
        extra: Option<String>,
        /// When it was created, as ISO 8601.
        created_at: String,
        /// When it was paid, as ISO 8601.
        paid_at: Option<String>,
        /// From when on it cannot be paid, as ISO 8601.
        expires_at: String,
        /// What it has cost beside, zero or below, in msat.
        fee_msat: Msat,
    }
}

fn text_of(extra: Option<&Extra>) -> Option<String> {
    extra.map(|extra| extra.as_str().to_owned())
}

impl From<UserOverview> for ExportedUser {
    fn from(UserOverview { user, holdings }: UserOverview) -> Self {
        Self {
            id: user.id,
            name: user.name,
            username: user.username,
            email: user.email,
            external_id: user.external_id,
            activated: user.is_active,
            may_create_users: user.may_create_users,
            wallet_count: holdings.wallets,
            balance_msat: holdings.balance_msat,
            extra: text_of(user.extra.as_ref()),
            created_at: user.created_at.to_iso(),
            updated_at: user.updated_at.to_iso(),
        }
    }
}

impl From<Wallet> for ExportedWallet {
    fn from(wallet: Wallet) -> Self {
        Self {
            id: wallet.id,
            user: wallet.user,
            name: wallet.name,
            balance_msat: wallet.balance,
            frozen: wallet.frozen_by_manager.max(wallet.frozen_by_operator).map(Freeze::as_str),
            payment_max_sat: wallet.limits.payment_max.map(Amount::to_sat),
            day_max_sat: wallet.limits.day_max.map(Amount::to_sat),
            created_at: wallet.created_at.to_iso(),
        }
    }
}

impl ExportedPayment {
    /// Shows a payment as it stands at a time.
    pub fn new(payment: Payment, now: UnixMs) -> Self {
        let (status, state) = standing(payment.state, payment.expires_at, now);
        Self {
            payment_hash: payment.payment_hash,
            wallet_id: payment.wallet,
            amount_msat: payment.amount,
            amount_sat: payment.amount.to_sat(),
            memo: payment.memo,
            status: status_word(status),
            state,
            external_id: payment.external_id.map(|id| id.as_str().to_owned()),
            extra: text_of(payment.extra.as_ref()),
            created_at: payment.created_at.to_iso(),
            paid_at: payment.paid_at.map(UnixMs::to_iso),
            expires_at: payment.expires_at.to_iso(),
            fee_msat: payment.fee,
        }
    }
}

/// Rows of one of the three kinds; for the document.
pub(super) struct ExportedRows;

impl PartialSchema for ExportedRows {
    fn schema() -> RefOr<Schema> {
        let names = [ExportedUser::name(), ExportedWallet::name(), ExportedPayment::name()];
        let row = names.into_iter().fold(AnyOfBuilder::new(), |row, name| row.item(Ref::from_schema_name(name)));
        ArrayBuilder::new().items(row).into()
    }
}

impl ToSchema for ExportedRows {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ExportedUser::name().into(), ExportedUser::schema()));
        schemas.push((ExportedWallet::name().into(), ExportedWallet::schema()));
        schemas.push((ExportedPayment::name().into(), ExportedPayment::schema()));
    }
}
