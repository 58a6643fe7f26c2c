//! A throw-away PostgreSQL: found or installed, started on a free port, gone afterwards.
//!
//! A server refuses to run as root, so root starts it as another user. It listens on 127.0.0.1 only, trusts
//! everybody there, and keeps all its files in one temporary folder.
//!
//! What stops it is a second process, the *undertaker*, which waits for the end of a pipe that this process
//! holds. The pipe ends when [`Cluster`] is dropped, and as well when this process is interrupted or killed: so
//! no way of ending leaves a server or its files behind.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, iter};

use anyhow::{Context, Result, bail, ensure};

use crate::process::{self, without_postgres_variables};
use crate::{debian, ports, scratch};

/// What a cluster must have.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];
/// The package of Debian and Ubuntu that holds them.
const PACKAGE: &str = "postgresql";
/// Another process may take a free port before the server does.
const ATTEMPTS: usize = 5;

/// What a cluster promises about its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing survives a crash: as fast as possible, for tests.
    None,
    /// PostgreSQL's own defaults: for figures that mean something.
    Full,
}

impl Durability {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::None => &[
                "fsync = off",
                "synchronous_commit = off",
                "full_page_writes = off",
                "max_wal_size = '256MB'",
            ],
            Self::Full => &[],
        }
    }
}

/// A running server; dropping it stops the server and removes its files.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
    port: u16,
    undertaker: Child,
}

impl Cluster {
    /// Starts a server with one database, `postgres`, and one user, the superuser `postgres`.
    pub(crate) fn start(durability: Durability) -> Result<Self> {
        let programs = find_or_install()?;
        let account = Account::for_servers()?;
        let folder = match durability {
            Durability::None => scratch::folder_in_memory("postgres")?,
            Durability::Full => scratch::folder("postgres")?,
        };
        // From here on the undertaker removes the folder, whatever happens.
        let undertaker = undertaker(&programs, &folder, account)?;
        let mut cluster = Self { programs, folder, account, port: 0, undertaker };
        let folder = &cluster.folder;
        if let Some(Account { user, group }) = account {
            chown(folder, Some(user), Some(group))?;
        }
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        cluster.create(durability)?;
        cluster.port = cluster.launch()?;
        Ok(cluster)
    }

    /// Ends the server without letting it write anything more, as a crash would, and starts it again on its port.
    pub(crate) fn crash_and_restart(&self) -> Result<()> {
        self.pg_ctl(&["restart", "--mode=immediate"], self.port)
    }

    /// Returns the port on which the server listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address of a database on this server.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a call of psql on a database of this server, or nothing where psql is not installed.
    pub(crate) fn psql(&self, database: &str) -> Option<Command> {
        let own = self.programs.join("psql");
        let mut psql = Command::new(if own.is_file() { own } else { process::on_path("psql")? });
        without_postgres_variables(&mut psql);
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"]).arg(self.url(database));
        Some(psql)
    }

    fn create(&self, durability: Durability) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"]);
        if durability == Durability::None {
            initdb.arg("--no-sync");
        }
        process::stdout(&mut initdb).context("cannot create a PostgreSQL cluster")?;
        let settings =
            ["listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "max_connections = 200"];
        let mut file =
            fs::OpenOptions::new().append(true).open(data(&self.folder).join("postgresql.conf"))?;
        for setting in settings.iter().chain(durability.settings()) {
            writeln!(file, "{setting}")?;
        }
        Ok(())
    }

    fn launch(&self) -> Result<u16> {
        let mut outcome = Ok(0);
        for _ in 0..ATTEMPTS {
            let port = ports::free()?;
            outcome = self.pg_ctl(&["start"], port).map(|()| port);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn pg_ctl(&self, action: &[&str], port: u16) -> Result<()> {
        let log = self.folder.join("log");
        let mut pg_ctl = self.command("pg_ctl");
        pg_ctl
            .args(action)
            .args(["--wait", "--silent", "--options", &format!("-p {port}"), "--log"])
            .arg(&log);
        // A captured stream would be handed on to the server, which keeps it open.
        pg_ctl.stdout(Stdio::null()).stderr(Stdio::null());
        if pg_ctl.status().context("cannot run pg_ctl")?.success() {
            return Ok(());
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        bail!("PostgreSQL does not start; its log says\n{log}")
    }

    fn command(&self, program: &str) -> Command {
        server_command(&self.programs, program, &self.folder, self.account)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let _ = self.undertaker.wait();
    }
}

/// The user that runs servers where this process is root.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    /// The user's number.
    pub(crate) user: u32,
    /// The number of the user's group.
    pub(crate) group: u32,
}

impl Account {
    /// Finds the user, or nothing where this process is not root and can run servers itself.
    pub(crate) fn for_servers() -> Result<Option<Self>> {
        if !debian::is_root() {
            return Ok(None);
        }
        let id = |kind: &str, name: &str| -> Option<u32> {
            process::stdout(Command::new("id").args([kind, name])).ok()?.trim().parse().ok()
        };
        let account = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self { user: id("-u", name)?, group: id("-g", name)? }));
        ensure!(
            account.is_some(),
            "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
        );
        Ok(account)
    }

    /// Lets a command run as this user.
    pub(crate) fn take_on(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }
}

/// Starts the process that outlives this one to stop the server and remove the folder.
fn undertaker(programs: &Path, folder: &Path, account: Option<Account>) -> Result<Child> {
    let mut stop = server_command(programs, "pg_ctl", folder, account);
    stop.args(["stop", "--wait", "--silent", "--mode=immediate"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"folder=$1; shift; cat; "$@"; rm -rf -- "$folder""#, "undertaker"]).arg(folder);
    shell.arg(stop.get_program()).args(stop.get_args());
    as_account(without_postgres_variables(&mut shell), account);
    // A process group of its own, since Ctrl-C goes to the whole group of the terminal.
    shell.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().context("cannot run sh")
}

fn server_command(programs: &Path, program: &str, folder: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(programs.join(program));
    command.arg("--pgdata").arg(data(folder)).current_dir(folder).stdin(Stdio::null());
    as_account(without_postgres_variables(&mut command), account);
    command
}

fn as_account(command: &mut Command, account: Option<Account>) {
    if let Some(account) = account {
        account.take_on(command);
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn find_or_install() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("GROWTHCTL_PG_BIN").map(PathBuf::from) {
        ensure!(
            holds_all(&folder),
            "GROWTHCTL_PG_BIN is {}, which does not hold {}",
            folder.display(),
            PROGRAMS.join(", ")
        );
        return Ok(folder);
    }
    if let Some(folder) = find() {
        return Ok(folder);
    }
    debian::install(PACKAGE, "PostgreSQL")?;
    find().with_context(|| {
        format!("the package {PACKAGE} is installed, yet {} is not found", PROGRAMS.join(", "))
    })
}

/// Finds the folder of the server's programs.
///
/// On `PATH` they may be scripts that change the user or the version by themselves, so that a folder with the
/// programs proper goes before one with scripts.
fn find() -> Option<PathBuf> {
    let on_path = process::on_path("pg_ctl")
        .and_then(|file| file.canonicalize().ok())
        .and_then(|file| file.parent().map(Path::to_owned));
    let folders: Vec<PathBuf> =
        on_path.into_iter().chain(installed()).filter(|folder| holds_all(folder)).collect();
    let proper = |folder: &&PathBuf| PROGRAMS.iter().all(|program| !is_script(&folder.join(program)));
    folders.iter().find(proper).or(folders.first()).cloned()
}

/// Lists where packages put the programs, the newest version of each first.
fn installed() -> impl Iterator<Item = PathBuf> {
    let parents = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ];
    parents
        .into_iter()
        .flat_map(|(parent, prefix)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            let mut versions: Vec<(u32, PathBuf)> = entries
                .filter_map(|entry| {
                    let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
                    Some((version, entry.path().join("bin")))
                })
                .collect();
            versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
            versions.into_iter().map(|(_, folder)| folder)
        })
        .chain(iter::once(PathBuf::from("/usr/local/pgsql/bin")))
}

fn holds_all(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}

fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start)).is_ok()
        && start == *b"#!"
}
