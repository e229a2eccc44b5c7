//! Patterns (ECMA 262, as JSON Schema has them) of texts that stand for numbers and times.

/// A fraction of nothing.
const NO_FRACTION: &str = "(\\.0+)?";

/// A date of the calendar, but that every February has 29 days.
const DATE: &str = "((0[1-9]|1[0-2])-(0[1-9]|[12][0-9])|(0[13-9]|1[0-2])-30|(0[13578]|1[02])-31)";
const CLOCK: &str = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?";
const ZONE: &str = "([Zz]|[-+ ]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?";
const FRACTION: &str = "(\\.[0-9]{1,9})?";

/// Whole numbers from `min` to `max`, as decimals: with a sign, zeros in front, a fraction of
/// nothing, or as one digit and a power of ten.
pub fn integers(min: i64, max: i64) -> String {
    let mut forms = Vec::new();
    if min <= 0 && max >= 0 {
        forms.push(format!("[+-]?0+{NO_FRACTION}"));
    }
    if max > 0 {
        forms.push(format!("\\+?0*{}", magnitudes(max.unsigned_abs())));
    }
    if min < 0 {
        forms.push(format!("-0*{}", magnitudes(min.unsigned_abs())));
    }
    format!("^\\s*({})\\s*$", forms.join("|"))
}

/// Numbers from 1 to `max`.
fn magnitudes(max: u64) -> String {
    let digits = max.to_string().len();
    // With this power of ten, each first digit stays below the largest number.
    let power = digits.saturating_sub(2);
    let powers = if digits < 2 { String::new() } else { format!("|[1-9]{NO_FRACTION}[eE]\\+?({})", up_to(power)) };
    format!("(({}){NO_FRACTION}{powers})", from_one_up_to(max))
}

/// The decimals of 0 to `max`, without zeros in front.
fn up_to(max: usize) -> String {
    match u64::try_from(max) {
        Ok(max) if max > 0 => format!("0|{}", from_one_up_to(max)),
        Ok(_) | Err(_) => "0".to_owned(),
    }
}

/// The decimals of 1 to `max`, without zeros in front: those with fewer digits, and those that
/// are like `max` up to some digit and below it there.
fn from_one_up_to(max: u64) -> String {
    let digits: Vec<char> = max.to_string().chars().collect();
    let mut forms = Vec::new();
    match digits.len().checked_sub(2) {
        None => {}
        Some(0) => forms.push("[1-9]".to_owned()),
        Some(more) => forms.push(format!("[1-9][0-9]{{0,{more}}}")),
    }
    let mut same = String::new();
    for (place, digit) in digits.iter().enumerate() {
        let least = if place == 0 { '1' } else { '0' };
        let below = digit.to_digit(10).and_then(|digit| char::from_digit(digit.checked_sub(1)?, 10));
        if let Some(below) = below.filter(|below| *below >= least) {
            let choice = if below == least { below.to_string() } else { format!("[{least}-{below}]") };
            forms.push(format!("{same}{choice}{}", any_digits(digits.len().saturating_sub(place).saturating_sub(1))));
        }
        same.push(*digit);
    }
    forms.push(same);
    forms.join("|")
}

fn any_digits(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        _ => format!("[0-9]{{{count}}}"),
    }
}

/// A time: Unix seconds, or an ISO 8601 date or date-time.
pub fn moment() -> String {
    let number = "[0-9]{1,12}(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?";
    format!("^(-?{number}|[0-9]{{4}}-{DATE}([Tt ]{CLOCK}{ZONE})?)$")
}

/// A time from 1970 to 9999, as text.
pub fn moment_since_1970() -> String {
    let (year, fraction) = ("(19[7-9][0-9]|[2-9][0-9]{3})", FRACTION);
    format!("^([0-9]{{1,11}}{fraction}|{year}-{DATE}([Tt ]{CLOCK}{ZONE})?)$")
}
