//! Who may read the files that satkeep makes, whatever the umask and the directories say.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Options, Server, StoreKind, TestDatabase, both_stores, satkeep};

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The files in a directory, and their modes.
fn modes_in(directory: &Path) -> BTreeMap<String, u32> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| (entry.file_name().into_string().unwrap(), mode_of(&entry.path()))).collect()
}

/// Runs satkeep under an umask that leaves everything to everybody.
fn run_openly(database: &TestDatabase, url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_satkeep")]).args(arguments);
    for (name, value) in satkeep(database).get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.env("SATKEEP_DATABASE_URL", url).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

both_stores! {
    fn files_are_for_their_owner_alone(server) {
        server.wallet("player", 5);
        server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
        let modes = modes_in(server.database.directory.path());
        let mut expected = vec![".lock", ".rotation.lock", "master.key", "master.key.old"];
        if server.store == StoreKind::Sqlite {
            expected.extend(["test.sqlite", "test.sqlite-shm", "test.sqlite-wal"]);
        }
        assert_eq!(modes.keys().collect::<Vec<_>>(), expected);
        assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    }
}

#[test]
fn neither_an_open_directory_nor_the_umask_opens_a_file() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some(database) = TestDatabase::create(store) else { continue };
        let (data, elsewhere) = (database.directory.path(), tempfile::tempdir().unwrap());
        let url = match store {
            StoreKind::Sqlite => format!("sqlite://{}/elsewhere.sqlite", elsewhere.path().display()),
            StoreKind::Postgres => database.url.clone(),
        };
        set_mode(data, 0o755);
        set_mode(elsewhere.path(), 0o750);
        let warned = said(&run_openly(&database, &url, &["manager", "create", "--name", "one"]));
        let mut all = modes_in(data);
        all.extend(modes_in(elsewhere.path()));
        assert!(all.len() >= 2 && all.values().all(|mode| *mode == 0o600), "{all:?}");
        // The directories stay as they are, but not unseen.
        let warning_of =
            |directory: &Path| format!("the directory {} is open", directory.canonicalize().unwrap().display());
        assert!(warned.contains(&warning_of(data)), "{warned}");
        assert_eq!(warned.contains(&warning_of(elsewhere.path())), store == StoreKind::Sqlite, "{warned}");
        assert_eq!((mode_of(data), mode_of(elsewhere.path())), (0o755, 0o750));
        set_mode(data, 0o700);
        set_mode(elsewhere.path(), 0o700);
        let warned = said(&run_openly(&database, &url, &["migrate"]));
        assert!(!warned.contains("open to others"), "{warned}");
        if store == StoreKind::Sqlite {
            let backup = elsewhere.path().join("backup.sqlite");
            run_openly(&database, &url, &["backup", backup.to_str().unwrap()]);
            assert_eq!(mode_of(&backup), 0o600);
        }
    }
}

#[test]
fn a_file_that_was_open_is_closed_and_told_of_once() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let data = server.database.directory.path();
    let open = ["test.sqlite", "test.sqlite-wal", "test.sqlite-shm", "master.key"];
    for name in open {
        set_mode(&data.join(name), 0o664);
    }
    let audit = || {
        let output = satkeep(&server.database).arg("audit").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        said(&output)
    };
    let told = audit();
    for name in open {
        assert_eq!(mode_of(&data.join(name)), 0o600, "{name}");
        assert_eq!(told.matches(&format!("/{name} was open to others")).count(), 1, "{told}");
    }
    assert!(!audit().contains("open to others"));
    server.wallet("player", 5);
    server.audit();
}

#[test]
fn a_link_is_followed_to_the_file_that_counts() {
    let Some(database) = TestDatabase::create(StoreKind::Sqlite) else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let (real, link) = (elsewhere.path().join("real.sqlite"), database.directory.path().join("link.sqlite"));
    let between = database.directory.path().join("between");
    symlink(&real, &between).unwrap();
    symlink("between", &link).unwrap();
    let url = format!("sqlite://{}", link.display());
    run_openly(&database, &url, &["migrate"]);
    assert_eq!(mode_of(&real), 0o600);
    set_mode(&real, 0o644);
    set_mode(elsewhere.path(), 0o711);
    let told = said(&run_openly(&database, &url, &["audit"]));
    assert!(told.contains("real.sqlite was open") && told.contains("is open to others (mode 711)"), "{told}");
    assert_eq!(mode_of(&real), 0o600);
}

#[test]
fn a_path_is_a_path_to_sqlite_too() {
    let Some(database) = TestDatabase::create(StoreKind::Sqlite) else { return };
    let directory = database.directory.path();
    let run = |arguments: &[&str]| {
        let mut command = satkeep(&database);
        command.current_dir(directory).env_remove("SATKEEP_DATABASE_URL").env("SATKEEP_DATA_DIR", "file:data");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    run(&["migrate"]);
    assert_eq!(mode_of(&directory.join("file:data/satkeep.sqlite")), 0o600);
    run(&["backup", "file:copy?mode=memory"]);
    assert!(std::fs::metadata(directory.join("file:copy?mode=memory")).unwrap().len() > 4096);
}

/// What the compose file tells to do before the first start.
#[test]
fn the_recipe_for_secrets_makes_them_private() {
    let text = |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (compose, readme) = (text("docker-compose.yml"), text("README.md"));
    let lines = compose.lines().filter_map(|line| line.strip_prefix("#   "));
    let recipe: Vec<_> = lines.map(|line| line.split("  #").next().unwrap().trim_end()).collect();
    assert!(recipe.len() >= 3 && recipe.iter().all(|line| readme.contains(line)), "{recipe:?}");
    let own: Vec<_> = recipe.iter().filter(|line| !line.starts_with("sudo ")).copied().collect();
    assert_eq!(own.len(), recipe.len() - 1);
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    // Where there is one already as well.
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("master_key"), "").unwrap();
    set_mode(&secrets, 0o777);
    set_mode(&secrets.join("master_key"), 0o666);
    let script = format!("set -e; umask 0; {}", own.join("\n"));
    assert!(Command::new("sh").args(["-c", &script]).current_dir(directory.path()).status().unwrap().success());
    assert_eq!(mode_of(&secrets), 0o700);
    let modes = modes_in(&secrets);
    assert_eq!(modes.keys().collect::<Vec<_>>(), ["master_key", "postgres_password"]);
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    assert_eq!(std::fs::read_to_string(secrets.join("master_key")).unwrap().trim().len(), 64);
}
