//! What settlement writes, column by column, in the same order for both databases.

use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::crypto::secret::Sealed;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::{EventId, UserId};
use crate::domain::time::UnixMs;
use crate::ledger::state::{AccountRow, AtNode, ClaimRow, InvoiceRow, PaymentEvent, TransferRow};
use crate::store::db::columns::written_columns;
use crate::store::idempotency::joined_rows;

written_columns!(
    /// New invoices: open, or paid at once.
    |row: InvoiceRow| OneInvoice, ManyInvoices, invoice_names, invoice_marks {
        id: &'a [u8] as Binary = row.invoice.id.as_bytes(),
        wallet_id: &'a [u8] as Binary = row.invoice.payee.as_bytes(),
        payment_hash: &'a [u8] as Binary = row.invoice.payment_hash.as_bytes(),
        preimage_sealed: Option<&'a [u8]> as Nullable<Binary> = row.invoice.preimage.as_ref().map(Sealed::as_bytes),
        bolt11: Option<&'a str> as Nullable<Text> = row.invoice.bolt11.as_deref(),
        amount_msat: i64 as BigInt = row.invoice.amount.msat(),
        memo: &'a str as Text = &row.invoice.memo,
        state: &'a str as Text = row.state.as_str(),
        webhook: Option<&'a str> as Nullable<Text> = row.invoice.webhook.as_deref(),
        extra: Option<&'a str> as Nullable<Text> = row.invoice.extra.as_ref().map(Extra::as_str),
        tag: Option<String> as Nullable<Text> = row.invoice.extra.as_ref().and_then(Extra::tag),
        created_at_ms: i64 as BigInt = row.invoice.created_at.get(),
        expires_at_ms: i64 as BigInt = row.invoice.expires_at.get(),
        paid_at_ms: Option<i64> as Nullable<BigInt> = row.paid_at.map(UnixMs::get),
        external_id: Option<&'a str> as Nullable<Text> = row.invoice.external_id.as_ref().map(ExternalId::as_str),
        tenant: Option<&'a [u8]> as Nullable<Binary> = row.tenant.as_ref().map(bytes),
        at_node: Option<&'a str> as Nullable<Text> = row.invoice.is_at_node.then_some(AtNode::Open.as_str()),
    }
);

const fn bytes(id: &UserId) -> &[u8] {
    id.as_bytes().as_slice()
}

written_columns!(
    /// New transfers, without the time.
    |row: TransferRow| OneTransfer, ManyTransfers, transfer_names, transfer_marks {
        id: &'a [u8] as Binary = row.id.as_bytes(),
        invoice_id: &'a [u8] as Binary = row.invoice.as_bytes(),
        kind: &'a str as Text = row.kind.as_str(),
        debit_account: &'a [u8] as Binary = row.debit_account.as_bytes(),
        credit_account: &'a [u8] as Binary = row.credit_account.as_bytes(),
        amount_msat: i64 as BigInt = row.amount.msat(),
        debit_balance_msat: i64 as BigInt = row.debit_balance.get(),
        credit_balance_msat: i64 as BigInt = row.credit_balance.get(),
        debit_entry: i64 as BigInt = row.debit_entry,
        credit_entry: i64 as BigInt = row.credit_entry,
        extra: Option<&'a str> as Nullable<Text> = row.extra.as_ref().map(Extra::as_str),
        tag: Option<String> as Nullable<Text> = row.extra.as_ref().and_then(Extra::tag),
        webhook: Option<&'a str> as Nullable<Text> = row.webhook.as_deref(),
        external_id: Option<&'a str> as Nullable<Text> = row.external_id.as_ref().map(ExternalId::as_str),
        tenant: Option<&'a [u8]> as Nullable<Binary> = row.tenant.as_ref().map(bytes),
        payee_tenant: Option<&'a [u8]> as Nullable<Binary> = row.payee_tenant.as_ref().map(bytes),
    }
);

written_columns!(
    /// The new state of accounts. The last two columns identify the account and the entry count it
    /// was read with, so that a changed account is not overwritten.
    |row: AccountRow| OneAccount, ManyAccounts, account_names, account_marks {
        balance_msat: i64 as BigInt = row.balance.get(),
        held_msat: i64 as BigInt = row.held.get(),
        entries: i64 as BigInt = row.entries,
        spent_day: i64 as BigInt = row.spent.day,
        spent_msat: i64 as BigInt = row.spent.total.get(),
        id: &'a [u8] as Binary = row.id.as_bytes(),
        entries_before: i64 as BigInt = row.entries_before,
    }
);

written_columns!(
    /// What is done under idempotency keys, without the time.
    |row: ClaimRow| OneClaim, ManyClaims, claim_names, claim_marks {
        account_id: &'a [u8] as Binary = row.account.as_bytes(),
        key_digest: &'a [u8] as Binary = row.key.as_bytes(),
        request_digest: &'a [u8] as Binary = row.claimed.request.as_bytes(),
        payment_ids: Vec<u8> as Binary = joined_rows(&row.claimed.payments),
    }
);

written_columns!(
    /// Payments that somebody is to be notified of, without the time and the consumer, which the
    /// statements add.
    |row: PaymentEvent| OneEvent, ManyEvents, event_names, event_marks {
        id: [u8; EventId::LEN] as Binary = new_id(row),
        kind: &'a str as Text = row.kind.as_str(),
        account_id: &'a [u8] as Binary = row.account.as_bytes(),
        row_id: &'a [u8] as Binary = row.row.as_bytes(),
    }
);

/// Generated at the time of writing, so that ids are in settlement order.
fn new_id(_: &PaymentEvent) -> [u8; EventId::LEN] {
    *EventId::next().as_bytes()
}

pub(crate) use {
    account_marks, account_names, claim_marks, claim_names, event_marks, event_names, invoice_marks, invoice_names,
    transfer_marks, transfer_names,
};
