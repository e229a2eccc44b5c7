//! The words of the field: what is accepted, and what secrets show.

use satkeep::crypto::password::{Hasher, InvalidPassword, Password};
use satkeep::crypto::secret::{Mark, MasterKey, Purpose, Sealer};
use satkeep::domain::api_keys::{ApiKey, KeyKind};
use satkeep::domain::extra::Extra;
use satkeep::domain::ids::{InvoiceId, PaymentHash, TransferId, UserId, WalletId};
use satkeep::domain::invoice::PaymentRequest;
use satkeep::domain::login_throttle::{AT_ACCOUNT, FailedAttempts, Wait};
use satkeep::domain::node::Preimage;
use satkeep::domain::skim::SkimmedRequest;
use satkeep::domain::text::{Email, InvalidText, Memo, Name, WebhookUrl};
use satkeep::domain::time::{Moment, UnixMs};

#[test]
fn ids_are_hex_and_their_order_is_that_of_their_making() {
    let id = WalletId::random();
    let text = id.to_string();
    assert_eq!(text.len(), 32);
    assert_eq!(text.parse(), Ok(id));
    assert_ne!(WalletId::random(), id);
    for wrong in ["", "0", "g0000000000000000000000000000000", &"0".repeat(33), &"é".repeat(16)] {
        assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
    }
    assert!("0".repeat(64).parse::<PaymentHash>().is_ok());
    let ids: Vec<_> = (0..1_000).map(|_| InvoiceId::next()).collect();
    assert!(ids.is_sorted());
    assert!(TransferId::next() < TransferId::next());
}

#[test]
fn passwords_for_a_login_are_long_enough() {
    let set = |text: &str| Password::new_for_login(text.to_owned()).map(|_| ());
    let shown = |text: &str| Password::new(text.to_owned()).map(|_| ());
    assert_eq!(set("1234567"), Err(InvalidPassword::TooShort { min: 8 }));
    // Characters count, not bytes.
    assert_eq!(set("äöüäöüä"), Err(InvalidPassword::TooShort { min: 8 }));
    assert_eq!((set("12345678"), set("äöüäöüäö"), set(&"x".repeat(1024))), (Ok(()), Ok(()), Ok(())));
    for (text, expected) in [("", InvalidPassword::Empty), (&"x".repeat(1025), InvalidPassword::TooLong { max: 1024 })]
    {
        assert_eq!((set(text), shown(text)), (Err(expected), Err(expected)));
    }
    // One that was set before may be shorter.
    assert_eq!(shown("p"), Ok(()));
}

#[test]
fn texts_are_checked() {
    assert_eq!(Name::new(String::new()), Err(InvalidText::Empty));
    assert_eq!(Name::new("\n".to_owned()), Err(InvalidText::Empty));
    assert_eq!(Name::new("a\0".to_owned()), Err(InvalidText::Nul));
    assert_eq!(Name::new("x".repeat(256)), Err(InvalidText::TooLong { max: 255 }));
    assert!(Name::new("Zoë 🎮".to_owned()).is_ok());
    assert!(Memo::new("x".repeat(639)).is_ok() && Memo::new("x".repeat(640)).is_err());
    for email in ["a@b", "a@b.example", "a+b@c", "\"a@b\"@c"] {
        assert!(Email::new(email.to_owned()).is_ok(), "{email}");
    }
    for email in ["", "a", "@b", "a@", "a b@c", "a@b\n"] {
        assert!(Email::new(email.to_owned()).is_err(), "{email}");
    }
    for url in ["http://a.example", "https://a.example:8443/x?y=z", "http://127.0.0.1:1/", "http://[::1]/"] {
        assert!(WebhookUrl::new(url.to_owned()).is_ok(), "{url}");
    }
    for url in
        ["", "a.example", "ftp://a", "file:///etc/passwd", "http://u@a", "http://u:p@a", "javascript:1", "http://"]
    {
        assert!(WebhookUrl::new(url.to_owned()).is_err(), "{url}");
    }
}

#[test]
fn extra_is_given_back_as_it_came() {
    let odd = "{ \"b\" :1.00,\t\"a\": [1e5, \"\\u00e9\"] }";
    let extra = Extra::new(odd).unwrap();
    assert_eq!(serde_json::to_string(&extra).unwrap(), odd);
    assert_eq!(extra.tag(), None);
    assert_eq!(Extra::new(r#"{"tag": "x"}"#).unwrap().tag().as_deref(), Some("x"));
    for no_tag in [r#"{"tag": 1}"#, r#"{"tag": "\u0000"}"#, r#"{"tag": null}"#, "{}"] {
        assert_eq!(Extra::new(no_tag).unwrap().tag(), None, "{no_tag}");
    }
    for wrong in ["", "[]", "1", "null", "{", "{}x", "\"\""] {
        assert!(Extra::new(wrong).is_err(), "{wrong}");
    }
    let merged = Extra::new(r#"{"a": 1, "b": 2}"#).unwrap().merged_with(&Extra::new(r#"{"b": 3}"#).unwrap()).unwrap();
    assert_eq!(merged.as_str(), r#"{"a":1,"b":3}"#);
}

#[test]
fn a_sealed_value_opens_only_where_it_belongs() {
    let master = MasterKey::generate();
    let sealer = Sealer::new(&master);
    let sealed = sealer.seal(Purpose::AdminKey, b"owner", b"secret");
    assert_eq!(sealer.unseal(Purpose::AdminKey, b"owner", sealed.as_bytes()).unwrap().as_slice(), b"secret");
    // A known key opens it in another process, too.
    let same: MasterKey = master.reveal().parse().unwrap();
    assert!(Sealer::new(&same).unseal(Purpose::AdminKey, b"owner", sealed.as_bytes()).is_ok());
    assert!(sealer.unseal(Purpose::InvoiceKey, b"owner", sealed.as_bytes()).is_err());
    assert!(sealer.unseal(Purpose::AdminKey, b"other", sealed.as_bytes()).is_err());
    assert!(Sealer::new(&MasterKey::generate()).unseal(Purpose::AdminKey, b"owner", sealed.as_bytes()).is_err());
    for length in 0..sealed.as_bytes().len() {
        assert!(sealer.unseal(Purpose::AdminKey, b"owner", &sealed.as_bytes()[..length]).is_err());
        let mut damaged = sealed.as_bytes().to_vec();
        damaged[length] ^= 1;
        assert!(sealer.unseal(Purpose::AdminKey, b"owner", &damaged).is_err());
    }
    // The same secret never looks the same.
    assert_ne!(sealer.seal(Purpose::AdminKey, b"owner", b"secret"), sealed);
    assert_ne!(master.derive("a"), master.derive("b"));
}

#[test]
fn a_ring_opens_what_any_of_its_keys_has_sealed() {
    let (old, new) = (MasterKey::generate(), MasterKey::generate());
    let sealer = Sealer::new(&old);
    let shared = sealer.clone();
    let (before, digest) = (sealer.seal(Purpose::Preimage, b"owner", b"secret"), sealer.digest(&[b"a", b"b"]));
    assert_eq!(Mark::of_sealed(before.as_bytes()), Some(old.mark()));
    assert_eq!(Mark::of_sealed(&before.as_bytes()[..4]), None);
    // A key that is not there seals nothing.
    assert!(sealer.switch_to(new.mark()).is_err());
    sealer.add(&new);
    assert_eq!(shared.mark(), old.mark());
    sealer.switch_to(new.mark()).unwrap();
    assert_eq!(shared.mark(), new.mark());
    let after = shared.reseal(Purpose::Preimage, b"owner", before.as_bytes()).unwrap();
    assert_eq!(Mark::of_sealed(after.as_bytes()), Some(new.mark()));
    assert!(shared.reseal(Purpose::Preimage, b"other", before.as_bytes()).is_err());
    for sealed in [&before, &after] {
        assert_eq!(*sealer.unseal(Purpose::Preimage, b"owner", sealed.as_bytes()).unwrap(), b"secret");
    }
    assert!(Sealer::new(&old).unseal(Purpose::Preimage, b"owner", after.as_bytes()).is_err());
    // Digests are the same under whichever key, and parts of them do not run together.
    assert_eq!(sealer.digest(&[b"a", b"b"]), digest);
    assert_ne!(sealer.digest(&[b"ab"]), digest);
    assert_eq!(Sealer::new(&new).with_digest_key(old.digest_key()).digest(&[b"a", b"b"]), digest);
    assert_ne!(Sealer::new(&new).digest(&[b"a", b"b"]), digest);
    // A key that comes later is looked for when it is needed.
    let late = new.clone();
    let finding = Sealer::new(&old).with_find_keys(std::sync::Arc::new(move || vec![late.clone()]));
    assert!(finding.unseal(Purpose::Preimage, b"owner", after.as_bytes()).is_ok());
    finding.switch_to(new.mark()).unwrap();
    // One that is not found is not looked for with every value that is under it.
    let looks = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&looks);
    let vain = Sealer::new(&old).with_find_keys(std::sync::Arc::new(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Vec::new()
    }));
    for _ in 0..10_000 {
        assert!(vain.unseal(Purpose::Preimage, b"owner", after.as_bytes()).is_err());
    }
    assert!(looks.load(std::sync::atomic::Ordering::SeqCst) < 100);
    vain.add(&new);
    assert!(vain.unseal(Purpose::Preimage, b"owner", after.as_bytes()).is_ok());
}

#[test]
fn keys_and_preimages_survive_sealing() {
    let sealer = Sealer::new(&MasterKey::generate());
    let (key, wallet) = (ApiKey::generate(), WalletId::random());
    let sealed = key.seal(&sealer, wallet, KeyKind::Admin);
    let opened = ApiKey::unseal(&sealer, wallet, KeyKind::Admin, sealed.as_bytes()).unwrap();
    assert_eq!((opened.reveal(), opened.digest()), (key.reveal(), key.digest()));
    assert!(ApiKey::unseal(&sealer, wallet, KeyKind::Invoice, sealed.as_bytes()).is_err());
    assert!(ApiKey::unseal(&sealer, WalletId::random(), KeyKind::Admin, sealed.as_bytes()).is_err());
    let (preimage, invoice) = (Preimage::generate(), InvoiceId::next());
    let sealed = preimage.seal(&sealer, invoice);
    assert_eq!(Preimage::unseal(&sealer, invoice, &sealed).unwrap().reveal(), preimage.reveal());
    assert!(Preimage::unseal(&sealer, InvoiceId::next(), &sealed).is_err());
}

#[test]
fn secrets_do_not_show_themselves() {
    let key = ApiKey::generate();
    let master = MasterKey::generate();
    let preimage = Preimage::generate();
    let password = Password::new("correct horse".to_owned()).unwrap();
    let sealer = Sealer::new(&master);
    let shown = format!("{key:?} {master:?} {preimage:?} {password:?} {sealer:?}");
    for secret in [key.reveal(), &master.reveal(), &preimage.reveal(), "correct horse"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_password_is_kept_as_an_argon2id_hash() {
    let password = Password::new("correct horse".to_owned()).unwrap();
    let other = Password::new("battery staple".to_owned()).unwrap();
    let hasher = |memory: &str, passes: &str| Some(Hasher::new(memory.parse().ok()?, passes.parse().ok()?));
    let dearer = hasher("32768", "3").unwrap();
    for (memory, passes) in [("19455", "2"), ("19456", "1"), ("4294967295", "2"), ("19456", "4294967295"), ("", "2")] {
        assert!(hasher(memory, passes).is_none());
    }
    let hasher = hasher("19456", "2").unwrap();
    let (one, two) = (hasher.hash(&password).unwrap(), hasher.hash(&password).unwrap());
    assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one, two);
    // A hash keeps its own cost.
    for hasher in [&hasher, &dearer] {
        assert!(hasher.verify(&password, Some(&one)).unwrap());
        assert!(!hasher.verify(&other, Some(&one)).unwrap());
        assert!(!hasher.verify(&password, None).unwrap());
    }
    assert!(hasher.verify(&password, Some("damaged")).is_err());
}

#[test]
fn attempts_become_slower_and_are_reset() {
    let start = UnixMs::new(1_000_000_000);
    let mut attempts = FailedAttempts::default();
    for _ in 0..5 {
        attempts = attempts.attempt(AT_ACCOUNT, start).unwrap();
    }
    // After five, each waits twice as long as the one before, but for 15 minutes at most.
    let mut now = start;
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        assert_eq!(attempts.attempt(AT_ACCOUNT, now), Err(Wait(wait)));
        assert_eq!(attempts.attempt(AT_ACCOUNT, now.plus_seconds(wait - 1)), Err(Wait(1)));
        now = now.plus_seconds(wait);
        attempts = attempts.attempt(AT_ACCOUNT, now).unwrap();
    }
    let quiet = now.plus_seconds(3600);
    assert_eq!(attempts.attempt(AT_ACCOUNT, quiet), Ok(FailedAttempts { failures: 1, last_at: quiet }));
    // A clock that goes back opens nothing.
    assert!(attempts.attempt(AT_ACCOUNT, start).is_err());
}

#[test]
fn times_are_told_as_unix_seconds_and_iso() {
    let time = UnixMs::new(1_706_745_600_250);
    assert_eq!(time.seconds(), 1_706_745_600);
    assert_eq!(time.to_iso(), "2024-02-01T00:00:00.25Z");
    assert_eq!(time.plus_seconds(i64::MAX).to_iso(), "");
    assert_eq!(UnixMs::new(-1).seconds(), -1);
}

#[test]
fn hostile_invoices_are_refused_without_a_panic() {
    let long = "lnbc1".to_owned() + &"q".repeat(8_000);
    // Fields that end before they say that they do.
    let cut = "lnbc1".to_owned() + &"p".repeat(7) + "pppp" + &"q".repeat(110);
    for text in ["", "l", "1", "lnbc", "lnbc1", "lnbc1qqqqqq", "LNBC1qq", "lightning:", "ﬂnbc1", "lnbc1é", &long, &cut]
    {
        assert!(PaymentRequest::parse(text).is_err(), "{text}");
        assert!(SkimmedRequest::skim(text).is_err(), "{text}");
    }
}

/// The first example of BOLT 11.
const DONATION: &str = "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqf\
    qqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32d\
    lqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql";

#[test]
fn skimming_a_request_finds_the_hash_that_parsing_it_finds() {
    let hash = "0001020304050607080900010203040506070809000102030405060708090102";
    for text in [DONATION.to_owned(), DONATION.to_uppercase(), format!(" lightning:{DONATION}\n")] {
        let skimmed = SkimmedRequest::skim(&text).unwrap();
        assert_eq!(skimmed.payment_hash().to_string(), hash);
        assert_eq!(skimmed.text(), DONATION);
        assert_eq!(skimmed.parse().unwrap().payment_hash(), skimmed.payment_hash());
    }
    // What skimming lets through, parsing does not.
    assert!(SkimmedRequest::skim(&format!("{DONATION}é")).unwrap().parse().is_err());
    assert!(SkimmedRequest::skim(&DONATION.replace("lfyql", "lfyqq")).unwrap().parse().is_err());
    let mixed = DONATION.replace("qqqsy", "QQQSY");
    assert!(SkimmedRequest::skim(&mixed).is_err());
}

#[test]
fn times_are_read_as_clients_write_them() {
    let day = 1_780_963_200_000; // 2026-06-09T00:00:00Z
    let second = |text: &str, from: i64| (text.to_owned(), from, from + 1000);
    let cases = [
        second("1780963200", day),
        second(" +1780963200 ", day),
        second("1780963200.000", day),
        second("1780963200.", day),
        second("-1", -1000),
        second("1.7809632e9", day),
        second("17809632000E-1", day),
        second("0e99999999999999999999", 0),
        ("1780963.20025e+3".to_owned(), day + 250, day + 251),
        ("5e-324".to_owned(), 1, 1),
        ("1e-99999999999999999999".to_owned(), 1, 1),
        second("2026-06-09", day),
        second("2026-06-09T00:00", day),
        second("2026-06-09t00:00:00z", day),
        second("2026-06-09 00:00:00.000", day),
        second("2026-06-09T00:00:00+02:00", day - 7_200_000),
        second("2026-06-09T00:00:00 02:00", day - 7_200_000),
        second("2026-06-09 00:00 02:00", day - 7_200_000),
        second("2026-06-09T00:00:00 +0200", day - 7_200_000),
        second("2026-06-09T00:00:00-05", day + 18_000_000),
        second("2028-02-29", 1_835_395_200_000),
        ("1780963200.25".to_owned(), day + 250, day + 251),
        ("-0.25".to_owned(), -250, -249),
        ("2026-06-09T00:00:00.250Z".to_owned(), day + 250, day + 251),
        // Between two milliseconds there is none.
        ("1780963200.2505".to_owned(), day + 251, day + 251),
        ("-0.2505".to_owned(), -250, -250),
        ("2026-06-09T00:00:00.250500+00:00".to_owned(), day + 251, day + 251),
    ];
    for (text, from, until) in cases {
        let moment = Moment::parse(&text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((moment.from().get(), moment.until().get()), (from, until), "{text}");
    }
    for text in ["99999999999999999999", "1e99999999999999999999"] {
        assert_eq!(Moment::parse(text).unwrap().from(), UnixMs::new(i64::MAX), "{text}");
    }
    let wrong = [
        "",
        " ",
        "x",
        ".",
        "+",
        "-",
        "1e",
        "1e+",
        "e3",
        "1e3.5",
        ".5",
        "1e3e3",
        "1_000",
        "0x10",
        "1.5.5",
        "2026-06",
        "2026-6-9",
        "2026-02-29",
        "2026-06-31",
        "2026-06-09T",
        "2026-06-09X00:00",
        "2026-06-09T24:00",
        "2026-06-09T00",
        "2026-06-09T00:00:00+2",
        "2026-06-09T00:00:00+25:00",
        "2026-06-09Z",
        "é026-06-09",
        "2026-06-0é",
        "yesterday",
        "2026-06-09T00:00:00+0é",
        &"1".repeat(65),
    ];
    for text in wrong {
        assert_eq!(Moment::parse(text), None, "{text}");
    }
}
