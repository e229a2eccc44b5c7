//! What a live stream shows.

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::payments::view::PaymentView;
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::ledger::movement::Movement;
use crate::live::feed::Update;

/// A movement with its payment, as the wallet sees it.
#[derive(Debug)]
pub(super) struct UpdateView {
    pub(super) movement: Movement,
    pub(super) payment: PaymentView,
}

/// Shows movements, all or none.
pub(super) fn show(sealer: &Sealer, updates: Vec<Update>) -> Result<Vec<UpdateView>, ApiError> {
    let now = clock::now();
    let view = |Update { movement, payment }| {
        PaymentView::new(sealer, payment, now).map(|payment| UpdateView { movement, payment })
    };
    updates.into_iter().map(view).collect::<Result<_, _>>().map_err(|error| {
        tracing::error!(%error, "payments of a live stream could not be shown");
        ErrorCode::Internal.into()
    })
}
