//! Dividing a limited amount fairly. Pure.

/// Divides an amount among those who want some of it, in equal parts. What some do not need goes to
/// the others. A remainder smaller than one for each is not given out.
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
