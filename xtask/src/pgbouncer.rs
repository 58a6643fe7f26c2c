//! `PgBouncer` before the throw-away PostgreSQL: found or installed, started on a free port, gone afterwards.
//!
//! By transaction it lends out connections as Supabase's pooler on port 6543 does, and has fewer of them than a test has
//! clients; by session as that one does on port 5432. Like the server it refuses to run as root, and is stopped by a second process that waits for the end of a
//! pipe.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::postgres::{Account, Cluster};
use crate::process::{self, without_postgres_variables};
use crate::{debian, ports, scratch};

const PROGRAM: &str = "pgbouncer";
/// Where it is although a user's `PATH` does not lead there.
const ELSEWHERE: &str = "/usr/sbin/pgbouncer";
/// The package of Debian and Ubuntu that holds it.
const PACKAGE: &str = "pgbouncer";
/// Another process may take a free port before it does.
const ATTEMPTS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// For how long a client is lent a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Until the end of its transaction; nothing that it says of its session is heard.
    Transaction,
    /// Until it goes; some of what it says at the start is taken, and not passed on.
    Session,
}

impl Mode {
    fn settings(self) -> &'static str {
        match self {
            // Nothing is ignored, so that a test sees what a strict pooler would refuse.
            Self::Transaction => "pool_mode = transaction\ndefault_pool_size = 2\n",
            Self::Session => {
                "pool_mode = session\ndefault_pool_size = 20\nignore_startup_parameters = extra_float_digits, options\n"
            }
        }
    }
}

/// A running pooler; dropping it stops it and removes its files.
pub(crate) struct Pooler {
    mode: Mode,
    port: u16,
    undertaker: Child,
}

impl Pooler {
    /// Starts a pooler before every database of a cluster.
    pub(crate) fn start(cluster: &Cluster, mode: Mode) -> Result<Self> {
        let program = find_or_install()?;
        let mut outcome = launch(&program, cluster, mode);
        for _ in 1..ATTEMPTS {
            if outcome.is_err() {
                outcome = launch(&program, cluster, mode);
            }
        }
        outcome
    }

    /// Returns the address of a database behind this pooler.
    pub(crate) fn url(&self, database: &str) -> String {
        let said = if self.mode == Mode::Transaction { "?pooler=transaction" } else { "" };
        format!("postgres://postgres@127.0.0.1:{}/{database}{said}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let _ = self.undertaker.wait();
    }
}

/// Starts the process that starts the pooler and outlives this one to stop it.
fn launch(program: &Path, cluster: &Cluster, mode: Mode) -> Result<Pooler> {
    let port = ports::free()?;
    let account = Account::for_servers()?;
    let folder = scratch::folder(PROGRAM)?;
    let (settings, users, log) = (folder.join("pgbouncer.ini"), folder.join("users"), folder.join("log"));
    fs::write(&users, "\"postgres\" \"\"\n")?;
    fs::write(&settings, settings_for(mode, cluster.port(), port, &users))?;
    let mut shell = Command::new("sh");
    let script = r#"folder=$1; shift; "$@" </dev/null & cat; kill -KILL $!; rm -rf -- "$folder""#;
    shell.args(["-c", script, "undertaker"]).arg(&folder).arg(program).arg(&settings);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&log)?);
    if let Some(account) = account {
        for path in [&folder, &settings, &users] {
            chown(path, Some(account.user), Some(account.group))?;
        }
        account.take_on(&mut shell);
    }
    without_postgres_variables(&mut shell);
    // A process group of its own, since Ctrl-C goes to the whole group of the terminal.
    shell.process_group(0).current_dir("/");
    let pooler = Pooler { mode, port, undertaker: shell.spawn().context("cannot run sh")? };
    if !answers(port) {
        bail!("PgBouncer does not start; its log says\n{}", fs::read_to_string(log).unwrap_or_default());
    }
    Ok(pooler)
}

fn settings_for(mode: Mode, server: u16, port: u16, users: &Path) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = trust\nauth_file = {}\nmax_client_conn = 500\nserver_idle_timeout = 1\n{}",
        users.display(),
        mode.settings()
    )
}

fn answers(port: u16) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => thread::sleep(LOOK_AGAIN),
            Err(_) => return false,
        }
    }
    false
}

fn find_or_install() -> Result<PathBuf> {
    if let Some(program) = env::var_os("GROWTHCTL_PGBOUNCER").map(PathBuf::from) {
        ensure!(program.is_file(), "GROWTHCTL_PGBOUNCER is {}, which is no file", program.display());
        return Ok(program);
    }
    let find =
        || process::on_path(PROGRAM).or_else(|| Some(PathBuf::from(ELSEWHERE)).filter(|file| file.is_file()));
    if let Some(program) = find() {
        return Ok(program);
    }
    debian::install(PACKAGE, "PgBouncer")?;
    find().with_context(|| format!("the package {PACKAGE} is installed, yet {PROGRAM} is not found"))
}
