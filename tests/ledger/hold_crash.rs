//! Promise I5 for holds: the process dies at random moments while money is put on hold, captured,
//! voided and expires. Every acknowledged step is there, and no step is half there.
//!
//! `HOLD_KILLS=100 cargo test hold_crash` kills that often on each store.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::api::holds::{HOLDS, balances, id_of, wait_until};
use crate::harness::{Options, Server, Wallet, at_once, both_stores};

const PLAYERS: usize = 6;
const SATS: i64 = 20_000;
const STAKE: i64 = 10;
const SIGKILL: i32 = 9;

/// The sums of a hold, in sat, how often it was captured, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sums {
    captured: i64,
    released: i64,
    captures: usize,
    state: String,
}

impl Sums {
    fn placed() -> Self {
        Self { captured: 0, released: 0, captures: 0, state: "open".to_owned() }
    }

    fn of(hold: &Value) -> Self {
        let (captured, released, remaining, state) = crate::api::holds::sums(hold);
        assert!(captured + released + remaining == STAKE, "{hold}");
        let captures = hold["captures"].as_array().unwrap();
        let paid: i64 = captures.iter().map(|capture| capture["amount_sat"].as_i64().unwrap()).sum();
        assert_eq!(paid, captured, "{hold}");
        Self { captured, released, captures: captures.len(), state: state.to_owned() }
    }

    fn capture(&self, sats: i64, closes: bool) -> Self {
        let captured = self.captured + sats;
        let released = if closes { STAKE - captured } else { 0 };
        let state = if closes { "captured" } else { "open" };
        Self { captured, released, captures: self.captures + 1, state: state.to_owned() }
    }

    fn void(&self) -> Self {
        Self { released: STAKE - self.captured, state: "voided".to_owned(), ..self.clone() }
    }

    /// Whether a hold that was so can be like this now: as it was, or expired since.
    fn is_still(&self, now: &Self) -> bool {
        let expired = Self { released: STAKE - self.captured, state: "expired".to_owned(), ..self.clone() };
        now == self || (self.state == "open" && *now == expired)
    }
}

/// What is done to the holds of a game.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place,
    /// Pays a part of the first one.
    Part,
    /// Pays from the first one finally, and voids the others by their group.
    Settle,
    /// Voids the last one.
    Void,
    /// Voids them all by their group.
    VoidAll,
}

impl Step {
    /// What the step makes of the holds.
    fn after(self, stakes: usize, before: &[Sums]) -> Vec<Sums> {
        let closed = |sums: &Sums| if sums.state == "open" { sums.void() } else { sums.clone() };
        let mut after = before.to_vec();
        match self {
            Self::Place => after = vec![Sums::placed(); stakes],
            Self::Part => after[0] = before[0].capture(2, false),
            Self::Settle => {
                after = before.iter().map(closed).collect();
                after[0] = before[0].capture(3, true);
            }
            Self::Void => after[stakes - 1] = before[stakes - 1].void(),
            Self::VoidAll => after = before.iter().map(closed).collect(),
        }
        after
    }
}

/// A few holds that are placed together, and the steps made with them.
struct Game {
    group: String,
    stakes: usize,
    ids: Vec<String>,
    /// As far as it was acknowledged.
    known: Vec<Sums>,
    /// The step that was not answered.
    doubt: Option<Step>,
}

/// The plans of games: in each the last step is a different one, and some are left to expire.
const PLANS: [&[Step]; 6] = [
    &[Step::Place, Step::Part, Step::Settle],
    &[Step::Place],
    &[Step::Place, Step::Void, Step::Part, Step::Part, Step::VoidAll],
    &[Step::Place, Step::Part],
    &[Step::Place, Step::Settle],
    &[Step::Place, Step::Part, Step::Part, Step::Void],
];

struct Load {
    players: Vec<Wallet>,
    shop: Wallet,
    /// Steps acknowledged so far.
    steps: AtomicUsize,
}

impl Load {
    fn prepare(server: &Server) -> Self {
        let players = (0..PLAYERS).map(|_| server.wallet("player", SATS)).collect();
        Self { players, shop: server.wallet("shop", 0), steps: AtomicUsize::new(0) }
    }

    fn request(&self, game: &Game, player: &Wallet, step: Step, expires_in: i64) -> (String, Value) {
        let order = json!({"wallet": player.id, "amount": STAKE, "group": game.group, "expires_in": expires_in});
        let settle = format!("{HOLDS}/settle");
        let hold = |index: usize, action: &str| format!("{HOLDS}/{}/{action}", game.ids[index]);
        match step {
            Step::Place => (HOLDS.to_owned(), json!(vec![order; game.stakes])),
            Step::Part => (hold(0, "capture"), json!({"to_wallet": self.shop.id, "amount": 2, "final": false})),
            Step::Settle => {
                let capture = json!({"hold": game.ids[0], "to": [{"wallet": self.shop.id, "amount": 3}]});
                (settle, json!({"captures": [capture], "group": game.group}))
            }
            Step::Void => (hold(game.stakes - 1, "void"), json!({})),
            Step::VoidAll => (settle, json!({"group": game.group})),
        }
    }

    /// Makes a step; false if there is no answer, so that the server is gone.
    fn step(&self, server: &Server, game: &mut Game, player: &Wallet, step: Step, expires_in: i64) -> bool {
        let (path, body) = self.request(game, player, step, expires_in);
        let headers = [("X-Api-Key", server.manager.admin.as_str())];
        let Ok(answer) = server.try_send("POST", &path, &headers, &body.to_string()) else {
            game.doubt = Some(step);
            return false;
        };
        if answer.status == 409 {
            // Its time was over before the step.
            answer.refused(409, "hold_expired", "");
            return true;
        }
        assert!(matches!(answer.status, 200 | 201), "{step:?}: {}", answer.text);
        let after = step.after(game.stakes, &game.known);
        let answered = answer.json();
        let changed: Vec<_> = answered.as_array().map_or_else(|| vec![&answered], |holds| holds.iter().collect());
        if matches!(step, Step::Place) {
            game.ids = changed.iter().map(|hold| id_of(hold).to_owned()).collect();
            game.known.clone_from(&after);
        }
        for hold in changed {
            let index = game.ids.iter().position(|id| id == id_of(hold)).unwrap();
            assert_eq!(Sums::of(hold), after[index], "{step:?}");
            game.known[index] = after[index].clone();
        }
        self.steps.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// Plays until the server is gone.
    fn play(&self, server: &Server, round: usize, player: usize) -> Vec<Game> {
        let mut games = Vec::new();
        for number in player.. {
            let group = format!("{round}-{player}-{number}");
            let stakes = 1 + number % 3;
            let mut game = Game { group, stakes, ids: Vec::new(), known: Vec::new(), doubt: None };
            // With one stake alone, the first one is the last one, and voided it is closed.
            let plan = PLANS[number % PLANS.len()].iter().filter(|step| stakes > 1 || !matches!(step, Step::Void));
            let expires_in = if number % 2 == 0 { 3_600 } else { 1 };
            let goes_on =
                plan.copied().all(|step| self.step(server, &mut game, &self.players[player], step, expires_in));
            games.push(game);
            if !goes_on {
                return games;
            }
        }
        unreachable!("the server is gone some time")
    }
}

/// The moment of the kill: after so many steps, and then after so many microseconds. Every other
/// one comes when the first holds expire.
struct Moment {
    steps: usize,
    pause: Duration,
}

impl Moment {
    fn random(round: usize) -> Self {
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let random = u64::try_from(nanos % 1_000_003).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let pause = if round.is_multiple_of(2) { random % 5_000 } else { 900_000 + random % 1_200_000 };
        Self { steps: usize::try_from(random % 89).unwrap(), pause: Duration::from_micros(pause) }
    }
}

/// Checks a game against what was acknowledged; answers what its holds have paid, and still hold.
fn check(server: &Server, game: &Game) -> (i64, i64) {
    let path = format!("{HOLDS}?group={}", game.group);
    let mut found = server.get(&path, &server.manager.invoice).expect(200).as_array().unwrap().clone();
    found.reverse();
    let now: Vec<_> = found.iter().map(Sums::of).collect();
    let is = |then: &[Sums]| then.len() == now.len() && then.iter().zip(&now).all(|(then, now)| then.is_still(now));
    let done = game.doubt.map(|step| step.after(game.stakes, &game.known));
    let ids: Vec<_> = found.iter().map(id_of).collect();
    assert!(game.ids.is_empty() || game.ids == ids, "{ids:?}, and acknowledged were {:?}", game.ids);
    let is_whole = is(&game.known) || done.is_some_and(|done| is(&done));
    assert!(is_whole, "{} is {now:?}, acknowledged was {:?}, in doubt is {:?}", game.group, game.known, game.doubt);
    let held = found.iter().map(|hold| hold["remaining"].as_i64().unwrap() / 1000).sum();
    (now.iter().map(|sums| sums.captured).sum(), held)
}

fn is_to_be_closed(server: &Server) -> bool {
    let expired = server.get(&format!("{HOLDS}?state=expired"), &server.manager.invoice).expect(200);
    expired.as_array().unwrap().iter().any(|hold| hold["remaining"] != 0)
}

/// How often the server is killed, in all rounds.
fn kills() -> usize {
    std::env::var("HOLD_KILLS").ok().map_or(4, |kills| kills.parse().unwrap())
}

fn kill_and_check(server: &mut Server, round: usize) {
    let (load, moment) = (Load::prepare(server), Moment::random(round));
    let games = at_once(PLAYERS + 1, |index| {
        if let Some(player) = index.checked_sub(1) {
            return load.play(server, round, player);
        }
        while load.steps.load(Ordering::SeqCst) < moment.steps {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(moment.pause);
        server.signal("-KILL");
        Vec::new()
    });
    assert_eq!(server.wait().signal(), Some(SIGKILL), "the server died by itself");
    *server = server.replica();
    // What lasts for a second is over soon, and then closed.
    std::thread::sleep(Duration::from_secs(1));
    wait_until(|| !is_to_be_closed(server));
    let mut earned = 0;
    for (player, games) in load.players.iter().zip(&games[1..]) {
        let sums: Vec<_> = games.iter().map(|game| check(server, game)).collect();
        let (paid, held) = sums.iter().fold((0, 0), |(paid, held), sums| (paid + sums.0, held + sums.1));
        assert_eq!(balances(server, player), [SATS - paid - held, held, SATS - paid]);
        earned += paid;
    }
    assert_eq!(server.balance(&load.shop), earned);
    server.audit();
}

/// Enough for as many rounds as anybody asks for.
fn options() -> Options {
    Options { bootstrap_sats: 1_000_000_000, ..Options::default() }
}

both_stores! {
    fn a_killed_server_has_lost_no_step_that_it_acknowledged(server, options()) {
        for round in 0..kills() {
            kill_and_check(server, round);
        }
        println!("{:?}: {} kills", server.store, kills());
    }
}
