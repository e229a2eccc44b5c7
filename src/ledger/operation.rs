//! What callers see of the ledger: an operation, and what it comes to. Batches hold commands of
//! all kinds and answer outcomes of all kinds; whoever has asked for one operation gets the
//! output of that one. From outcomes to outputs there is one way, which is in here.

use super::command::{Adjust, Close, Command, CreateInvoice, IssueForLink, Pay, PayByCard, PayLink, Transfer};
use super::outcome::{Adjusted, Closed, Issued, Once, Outcome, Paid, Rejection, Settled, Transferred};

/// Something that can be asked of the ledger.
pub trait Operation: Into<Command> {
    /// What it comes to where it is accepted.
    type Output;

    /// The output in an outcome; `None` where it is that of another operation.
    fn output(outcome: Outcome) -> Option<Self::Output>;
}

/// What a batch has decided about an operation, in the operation's own terms. `None` where it was
/// decided about something else, which [`decide`](super::decide::decide) does not do: it answers
/// each command with an outcome of the same name.
pub(super) fn decision_of<O: Operation>(decision: Result<Outcome, Rejection>) -> Option<Result<O::Output, Rejection>> {
    let output = match decision {
        Ok(outcome) => O::output(outcome).map(Ok),
        Err(rejection) => Some(Err(rejection)),
    };
    if output.is_none() {
        tracing::error!("the ledger decided about something else than was asked");
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
    Transfer -> Once<Transferred>;
    Adjust -> Adjusted;
    Close -> Closed;
}
