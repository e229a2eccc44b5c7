//! How much of what there is goes to each. Pure.

/// Shares a number out among those who want some of it: equal parts, and what some do not need goes
/// to the others. What cannot be shared out equally, less than one for each, is left.
pub fn parts(wanted: &[usize], max: usize) -> Vec<usize> {
    let mut parts = vec![0_usize; wanted.len()];
    let mut left = max;
    loop {
        let short = wanted.iter().zip(&parts).filter(|(wanted, part)| part < wanted).count();
        let each = left.checked_div(short).unwrap_or_default();
        if each == 0 {
            return parts;
        }
        for (part, wanted) in parts.iter_mut().zip(wanted) {
            let more = each.min(wanted.saturating_sub(*part));
            *part = part.saturating_add(more);
            left = left.saturating_sub(more);
        }
    }
}
