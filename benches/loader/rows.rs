//! The rows as they are written, and what it takes to compute those of a payment.

use std::time::Duration;

use bitcoin_hashes::{Hash, sha256};
use diesel::prelude::*;
use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret};
use satkeep::crypto::secret::Sealer;
use satkeep::domain::ids::{InvoiceId, TransferId, UserId};
use satkeep::domain::node::Preimage;
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, Secp256k1, SecretKey};
use uuid::Builder;

use crate::Fallible;
use crate::plan::{AMOUNT_MSAT, Planned};
use crate::schema::{accounts, invoices, transfers, users, wallet_keys, wallets};

const MEMO: &str = "Payment/Tip from service/game";
/// From the invoice to its payment.
const PAID_AFTER_MS: i64 = 2;
const EXPIRY_S: u64 = 3600;

macro_rules! row {
    ($(#[$doc:meta])* $name:ident of $table:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Insertable)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]

        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }
    };
}

row!(
    /// A user.
    UserRow of users { id: Vec<u8>, manager_id: Vec<u8>, root_id: Vec<u8>, name: String, created_at_ms: i64, updated_at_ms: i64 }
);
row!(
    /// A wallet.
    WalletRow of wallets {
        id: Vec<u8>,
        user_id: Vec<u8>,
        name: String,
        created_at_ms: i64,
        updated_at_ms: i64,
        tenant: Vec<u8>,
    }
);
row!(
    /// A key.
    KeyRow of wallet_keys { digest: Vec<u8>, wallet_id: Vec<u8>, kind: String, sealed: Vec<u8> }
);
row!(
    /// An account.
    AccountRow of accounts {
        id: Vec<u8>,
        kind: String,
        balance_msat: i64,
        entries: i64,
        keys_version: i64,
        tenant: Vec<u8>,
        root_id: Vec<u8>,
    }
);
row!(
    /// A paid invoice.
    InvoiceRow of invoices {
        id: Vec<u8>,
        wallet_id: Vec<u8>,
        payment_hash: Vec<u8>,
        preimage_sealed: Vec<u8>,
        bolt11: String,
        amount_msat: i64,
        memo: &'static str,
        state: &'static str,
        created_at_ms: i64,
        expires_at_ms: i64,
        paid_at_ms: i64,
        tenant: Vec<u8>,
    }
);
row!(
    /// A transfer.
    TransferRow of transfers {
        id: Vec<u8>,
        invoice_id: Vec<u8>,
        kind: &'static str,
        debit_account: Vec<u8>,
        credit_account: Vec<u8>,
        amount_msat: i64,
        debit_balance_msat: i64,
        credit_balance_msat: i64,
        debit_entry: i64,
        credit_entry: i64,
        created_at_ms: i64,
        tenant: Vec<u8>,
    }
);

/// The rows of some payments.
pub(crate) struct PaymentRows {
    /// The invoices.
    pub(crate) invoices: Vec<InvoiceRow>,
    /// Their payments.
    pub(crate) transfers: Vec<TransferRow>,
}

/// Computes something for each, in order, on all cores.
pub(crate) fn on_all_cores<T: Sync, R: Send>(
    all: &[T],
    compute: impl Fn(&T) -> Fallible<R> + Sync,
) -> Fallible<Vec<R>> {
    let cores = std::thread::available_parallelism()?.get();
    let (mut computed, compute) = (Vec::with_capacity(all.len()), &compute);
    std::thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(all.len().div_ceil(cores).max(1))
            .map(|part| scope.spawn(move || part.iter().map(compute).collect::<Fallible<Vec<R>>>()))
            .collect();
        for part in parts {
            computed.extend(part.join().or(Err("computing rows has panicked"))??);
        }
        Ok(computed)
    })
}

/// What the rows of payments are made with.
pub(crate) struct Issuer<'a> {
    sealer: &'a Sealer,
    /// Whose tenant everybody is in.
    manager: UserId,
    /// Signed once, for all invoices.
    signature: RecoverableSignature,
}

impl<'a> Issuer<'a> {
    /// Seals with this, for everybody in the tenant of the manager.
    pub(crate) fn new(sealer: &'a Sealer, manager: UserId) -> Fallible<Self> {
        let secret = SecretKey::from_slice(&[1; 32])?;
        let signature = Secp256k1::signing_only().sign_ecdsa_recoverable(&Message::from_digest([1; 32]), &secret);
        Ok(Self { sealer, manager, signature })
    }

    /// The rows of payments, in order.
    pub(crate) fn rows(&self, planned: &[Planned]) -> Fallible<PaymentRows> {
        let (invoices, transfers) = on_all_cores(planned, |planned| self.row(planned))?.into_iter().unzip();
        Ok(PaymentRows { invoices, transfers })
    }

    fn row(&self, planned: &Planned) -> Fallible<(InvoiceRow, TransferRow)> {
        let Planned { number, at_ms, debit, credit } = planned;
        let issued_at_ms = at_ms - PAID_AFTER_MS;
        let (id, preimage) = (InvoiceId::new(sorted_id(issued_at_ms, *number)?), Preimage::generate());
        let transfer = TransferId::new(sorted_id(*at_ms, *number)?);
        let hash = preimage.payment_hash();
        let invoice = InvoiceRow {
            id: id.as_bytes().to_vec(),
            wallet_id: credit.id.as_bytes().to_vec(),
            payment_hash: hash.as_bytes().to_vec(),
            preimage_sealed: preimage.seal(self.sealer, id).as_bytes().to_vec(),
            bolt11: self.text(hash.as_bytes(), issued_at_ms)?,
            amount_msat: AMOUNT_MSAT,
            memo: MEMO,
            state: "paid",
            created_at_ms: issued_at_ms,
            expires_at_ms: issued_at_ms + i64::try_from(EXPIRY_S)? * 1000,
            paid_at_ms: *at_ms,
            tenant: self.manager.as_bytes().to_vec(),
        };
        let transfer = TransferRow {
            id: transfer.as_bytes().to_vec(),
            invoice_id: id.as_bytes().to_vec(),
            kind: "payment",
            debit_account: debit.id.as_bytes().to_vec(),
            credit_account: credit.id.as_bytes().to_vec(),
            amount_msat: AMOUNT_MSAT,
            debit_balance_msat: debit.balance_msat,
            credit_balance_msat: credit.balance_msat,
            debit_entry: debit.entries,
            credit_entry: credit.entries,
            created_at_ms: *at_ms,
            tenant: self.manager.as_bytes().to_vec(),
        };
        Ok((invoice, transfer))
    }

    /// An invoice's text as the server's node writes it, but for the signature.
    fn text(&self, payment_hash: &[u8; 32], at_ms: i64) -> Fallible<String> {
        let raw = InvoiceBuilder::new(Currency::Bitcoin)
            .description(MEMO.to_owned())
            .amount_milli_satoshis(u64::try_from(AMOUNT_MSAT)?)
            .payment_hash(sha256::Hash::from_byte_array(*payment_hash))
            .payment_secret(PaymentSecret(*payment_hash))
            .duration_since_epoch(Duration::from_secs(u64::try_from(at_ms / 1000)?))
            .expiry_time(Duration::from_secs(EXPIRY_S))
            .min_final_cltv_expiry_delta(18)
            .build_raw()
            .map_err(|error| error.to_string())?;
        let signed = raw.sign(|_| Ok::<_, std::convert::Infallible>(self.signature))?;
        Ok(signed.to_string())
    }
}

/// A UUID of version 7 of this time; those of one time sort by number.
fn sorted_id(at_ms: i64, number: u64) -> Fallible<[u8; 16]> {
    let mut counter = [0; 10];
    counter.get_mut(2..).ok_or("a counter of ten bytes")?.copy_from_slice(&number.to_be_bytes());
    Ok(*Builder::from_unix_timestamp_millis(u64::try_from(at_ms)?, &counter).into_uuid().as_bytes())
}
