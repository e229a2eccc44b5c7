//! What kind of history it is: what may be wrong with its nodes, and how often what happens.

use super::random::Random;

/// What may be wrong with the nodes of a history beyond what happens to every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    LosesDatabase,
    IsReplaced,
    Overspends,
    SucceedsAfterFailure,
    PaysForOthers,
    Lies,
}

/// How often what happens in a history: some are quick, in others everything is late, or the processes end all
/// the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Temper {
    /// Of a dozen orders this many are late.
    pub(super) late: usize,
    /// Of a dozen this many are refused.
    pub(super) refused: usize,
    /// Of a dozen tasks this many stand still before their next step.
    pub(super) still: usize,
    /// Of a dozen ends this many are a success.
    pub(super) settled: usize,
    /// Of 48 things this many are time that passes, and ends of processes.
    pub(super) time: usize,
    pub(super) crashes: usize,
    /// Pauses, in seconds.
    pub(super) pauses_s: &'static [i64],
}

impl Temper {
    pub(super) fn any(dice: &mut Random) -> Self {
        Self {
            late: dice.of(&[0, 2, 7]),
            refused: dice.of(&[0, 1, 5]),
            still: dice.of(&[0, 3, 9]),
            settled: dice.of(&[2, 6, 9]),
            time: dice.of(&[2, 5, 9]),
            crashes: dice.of(&[0, 1, 4]),
            pauses_s: dice.of(&[&[1, 2, 5, 60], &[60, 100, 185], &[10, 190, 650], &[5, 100, 650, 4_000]]),
        }
    }
}
