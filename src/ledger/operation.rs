//! The callers' view of the ledger: an operation and its output. A batch holds commands of all
//! kinds and returns outcomes of all kinds; a caller gets the output of the one operation it asked
//! for. This module is the only place that converts outcomes to outputs.

use super::command::{
    Adjust, CancelHeld, Close, Command, CreateInvoice, EndSend, ExpireHolds, IssueForLink, Pay, PayByCard,
    PayByWithdrawLink, PayLink, PlaceHolds, Receive, SettleHeld, SettleHolds, Transfer,
};
use super::outcome::{
    Adjusted, Cancelled, Closed, Expired, HoldsChanged, Issued, Once, Outcome, Paid, Received, Rejection, SendEnded,
    Settled, Transferred,
};

/// An operation of the ledger.
pub trait Operation: Into<Command> {
    /// The result of the operation when it is accepted.
    type Output;

    /// The output in an outcome; `None` if the outcome belongs to another kind of operation.
    fn output(outcome: Outcome) -> Option<Self::Output>;
}

/// Converts a batch's decision to the operation's own terms. `None` if the decision is about
/// another kind of operation. [`decide`](super::decide::decide) never does that: it answers each
/// command with the outcome of the same name.
pub(super) fn decision_of<O: Operation>(decision: Result<Outcome, Rejection>) -> Option<Result<O::Output, Rejection>> {
    let output = match decision {
        Ok(outcome) => O::output(outcome).map(Ok),
        Err(rejection) => Some(Err(rejection)),
    };
    if output.is_none() {
        tracing::error!("the ledger decided on another operation than the one requested");
    }
    output
}

macro_rules! operations {
    ($($operation:ident -> $output:ty;)*) => {$(
        impl From<$operation> for Command {
            fn from(operation: $operation) -> Self {
                Self::$operation(operation)
            }
        }

        impl Operation for $operation {
            type Output = $output;

            fn output(outcome: Outcome) -> Option<Self::Output> {
                if let Outcome::$operation(output) = outcome { Some(output) } else { None }
            }
        }
    )*};
}

operations! {
    CreateInvoice -> Once<Issued>;
    Pay -> Once<Paid>;
    IssueForLink -> Issued;
    PayLink -> Once<Settled>;
    PayByCard -> Paid;
    EndSend -> SendEnded;
    Receive -> Received;
    PayByWithdrawLink -> Paid;
    Transfer -> Once<Transferred>;
    Adjust -> Adjusted;
    PlaceHolds -> Once<HoldsChanged>;
    SettleHolds -> Once<HoldsChanged>;
    ExpireHolds -> Expired;
    SettleHeld -> Paid;
    CancelHeld -> Cancelled;
    Close -> Closed;
}
