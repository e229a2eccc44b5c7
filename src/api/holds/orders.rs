//! Reading what to put on hold, to capture and to void.

use std::convert::Infallible;

use serde::Deserialize;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::body::{Numeral, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::fields;
use crate::api::framework::params::Checks;
use crate::domain::extra::Extra;
use crate::domain::hold::{HoldGroup, LIFETIME_DEFAULT_S, LIFETIME_MAX_S, LIFETIME_MIN_S};
use crate::domain::ids::{HoldId, WalletId};
use crate::domain::money::Amount;
use crate::domain::number::whole_number;
use crate::domain::text::Memo;
use crate::services::holds::{CaptureOrder, HoldOrder, SettlementOrder};
use crate::services::rates::Rates;

/// Holds of one request, and movements of one settlement, at most.
pub(super) const LEGS_MAX: usize = 1000;

/// Money to put on hold.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "amount": 50,
    "expires_in": 3600,
    "group": "duel-4711",
    "memo": "stake"
}))]
pub struct NewHold {
    /// The wallet whose money is held: one of the manager's users', or the calling one.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    wallet: Option<String>,
    /// How much, in `unit`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::amount, required)]
    amount: Option<Numeral>,
    /// The unit of `amount`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = fields::unit, required = false)]
    unit: Option<String>,
    /// For how long, in seconds; one hour where nothing is said, 30 days at most.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 2_592_000)]
    expires_in: Option<i64>,
    /// The group to settle it with; at most 256 characters.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 256)]
    group: Option<String>,
    /// What for; at most 639 bytes. The captures have it as well.
    #[serde(default, deserialize_with = "lenient")]
    memo: Option<String>,
    /// Data of the client's own, given back as it came: a JSON object of at most 8 KiB.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
}

/// One hold, or several; for the document, while `Body` reads the body itself.
#[derive(Debug)]
pub struct NewHolds;

impl PartialSchema for NewHolds {
    fn schema() -> RefOr<Schema> {
        let one = || Ref::from_schema_name(NewHold::name());
        let many = ArrayBuilder::new().items(one()).min_items(Some(1)).max_items(Some(LEGS_MAX));
        let many = many.description(Some("Up to 1000, all or none."));
        OneOfBuilder::new().item(one()).item(many).description(Some("One hold, or several.")).into()
    }
}

impl ToSchema for NewHolds {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewHold::name().into(), NewHold::schema()));
    }
}

/// Somebody to be paid out of a hold.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c", "amount": 45}))]
pub struct Payee {
    /// The wallet: one of the manager's users', or the calling one.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    wallet: Option<String>,
    /// How much, in sat; what remains where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    amount: Option<Numeral>,
}

/// What to pay out of a hold.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"to_wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c", "amount": 45}))]
pub struct CaptureTerms {
    /// The wallet that is paid: one of the manager's users', or the calling one.
    #[serde(default, deserialize_with = "lenient")]
    to_wallet: Option<String>,
    /// How much `to_wallet` gets, in sat; what remains where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    amount: Option<Numeral>,
    /// Several to be paid, in order, in place of `to_wallet` and `amount`.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    to: Option<Vec<Payee>>,
    /// Whether what remains is given back and the hold is closed; true where nothing is said.
    #[serde(default, rename = "final", deserialize_with = "lenient")]
    is_final: Option<bool>,
}

/// What to pay out of one of several holds.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "hold": "0199b0a4c3d87f0e8a51c2e4d6f80000",
    "to": [{"wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c", "amount": 45}]
}))]
pub struct HoldCapture {
    /// The hold.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    hold: Option<String>,
    /// Who is paid, in order.
    #[serde(default)]
    #[schema(required, value_type = Vec<Payee>, min_items = 1, max_items = 1000)]
    to: Option<Vec<Payee>>,
    /// Whether what remains is given back and the hold is closed; true where nothing is said.
    #[serde(default, rename = "final", deserialize_with = "lenient")]
    is_final: Option<bool>,
}

/// What to do with several holds.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "captures": [{
        "hold": "0199b0a4c3d87f0e8a51c2e4d6f80000",
        "to": [{"wallet": "1e4b9c7f608d5e2fab3c4d5e6f7a8b9c", "amount": 45}]
    }],
    "void": [],
    "group": "duel-4711"
}))]
pub struct Settlement {
    /// What to pay out, in order.
    #[serde(default)]
    captures: Option<Vec<HoldCapture>>,
    /// The holds to void.
    #[serde(default)]
    void: Option<Vec<String>>,
    /// A group of the manager's: all its open holds that are not named are voided.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 256)]
    group: Option<String>,
}

/// Reads what to put on hold.
pub(super) fn read_hold(checks: &mut Checks, order: NewHold, rates: &Rates, sat_max: i64) -> Option<HoldOrder> {
    let wallet = checks.require("wallet", order.wallet, wallet_id);
    let unit = checks.check("unit", rates.unit(order.unit.as_deref()));
    let amount = unit.and_then(|unit| checks.amount(order.amount.as_ref(), unit, sat_max));
    let lifetime_s = checks.check("expires_in", lifetime(order.expires_in));
    let group = checks.check_opt("group", order.group, HoldGroup::new);
    let memo = checks.check("memo", Memo::new(order.memo.unwrap_or_default()));
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (wallet, amount, lifetime_s) = (wallet?, amount?, lifetime_s?);
    Some(HoldOrder { wallet, amount, lifetime_s, group: group?, memo: memo?, extra: extra? })
}

fn lifetime(seconds: Option<i64>) -> Result<i64, String> {
    let seconds = seconds.unwrap_or(LIFETIME_DEFAULT_S);
    if (LIFETIME_MIN_S..=LIFETIME_MAX_S).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("must be a whole number of seconds from {LIFETIME_MIN_S} to {LIFETIME_MAX_S}"))
    }
}

/// A text that is no id names a wallet that is not there, which is for later to say.
#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the signature that the checks ask for")]
fn wallet_id(text: String) -> Result<WalletId, Infallible> {
    Ok(text.parse().unwrap_or(WalletId::new([0; 16])))
}

/// As [`wallet_id`].
pub(super) fn hold_id(text: &str) -> HoldId {
    text.parse().unwrap_or(HoldId::new([0xff; 16]))
}

impl CaptureTerms {
    /// Whether it has a list of those who are paid.
    pub(super) const fn names_several(&self) -> bool {
        self.to.is_some()
    }
}

/// Reads what to pay out of the hold that a path names.
pub(super) fn read_capture(hold: HoldId, terms: CaptureTerms, sat_max: i64) -> Result<CaptureOrder, ApiError> {
    let mut checks = Checks::default();
    let is_final = terms.is_final.unwrap_or(true);
    let to = match (terms.to_wallet, terms.to) {
        (Some(_), Some(_)) => {
            checks.add("to", "must be left out where `to_wallet` says who is paid");
            None
        }
        (None, Some(to)) if terms.amount.is_none() => payees(&mut checks, "to", to, sat_max),
        (None, Some(_)) => {
            checks.add("amount", "must be said in `to`, for each who is paid");
            None
        }
        (wallet, None) => payees(&mut checks, "", vec![Payee { wallet, amount: terms.amount }], sat_max),
    };
    let to = to.filter(|_| checks.is_fine()).ok_or_else(|| checks.into_error())?;
    Ok(CaptureOrder { hold, to, is_final })
}

/// Reads what to do with several holds.
pub(super) fn read_settlement(settlement: Settlement, sat_max: i64) -> Result<SettlementOrder, ApiError> {
    let mut checks = Checks::default();
    let (captures, voids) = (settlement.captures.unwrap_or_default(), settlement.void.unwrap_or_default());
    let legs = captures.iter().map(|capture| capture.to.as_ref().map_or(1, |to| to.len().max(1)));
    let legs = legs.fold(voids.len(), usize::saturating_add);
    if legs > LEGS_MAX {
        let detail = format!("A settlement must have at most {LEGS_MAX} payees and voided holds");
        return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
    }
    if legs == 0 && settlement.group.is_none() {
        let detail = "Say what to settle: `captures`, `void`, or a `group`";
        return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
    }
    let mut orders = Vec::with_capacity(captures.len());
    for (index, capture) in captures.into_iter().enumerate() {
        let hold =
            checks.require(&format!("captures.{index}.hold"), capture.hold, |text| Ok::<_, Infallible>(hold_id(&text)));
        let to = payees(&mut checks, &format!("captures.{index}.to"), capture.to.unwrap_or_default(), sat_max);
        let is_final = capture.is_final.unwrap_or(true);
        orders.extend(hold.zip(to).map(|(hold, to)| CaptureOrder { hold, to, is_final }));
    }
    let group = checks.check_opt("group", settlement.group, HoldGroup::new);
    let group = group.filter(|_| checks.is_fine()).ok_or_else(|| checks.into_error())?;
    Ok(SettlementOrder { captures: orders, voids: voids.iter().map(|id| hold_id(id)).collect(), group })
}

type Payouts = Vec<(WalletId, Option<Amount>)>;

/// Reads who is paid, in the field of this name, or at the top of the body.
fn payees(checks: &mut Checks, field: &str, payees: Vec<Payee>, sat_max: i64) -> Option<Payouts> {
    if payees.is_empty() || payees.len() > LEGS_MAX {
        checks.add(field, format_args!("must name 1 to {LEGS_MAX} wallets to pay"));
        return None;
    }
    let is_list = !field.is_empty();
    let read = |(index, payee): (usize, Payee)| {
        let name = |of: &str, alone: &str| if is_list { format!("{field}.{index}.{of}") } else { alone.to_owned() };
        let wallet = checks.require(&name("wallet", "to_wallet"), payee.wallet, wallet_id);
        let amount = match payee.amount {
            None => Some(None),
            Some(amount) => {
                let sat = checks.check(&name("amount", "amount"), whole_number(amount.as_str()))?;
                checks.check(&name("amount", "amount"), Amount::from_sat_within(sat, sat_max)).map(Some)
            }
        };
        Some((wallet?, amount?))
    };
    let read: Vec<_> = payees.into_iter().enumerate().map(read).collect();
    read.into_iter().collect()
}
