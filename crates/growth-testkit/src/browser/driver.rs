//! The process that drives a browser, and everything below it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// What the driver says before the port, and after it.
const STARTED: (&str, &str) = ("was started successfully on port ", ".");
/// How long the driver may take to start, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the undertaker does when its input ends: it ends a group of processes, and removes a folder, in which what still
/// ends may write for a moment more.
const UNDERTAKER: &str = r#"cat > /dev/null; kill -s KILL -- "-$1"
left=100; until rm -rf -- "$2" || [ $left = 0 ]; do left=$((left - 1)); sleep 0.05; done"#;

/// A running chromedriver, in a group of processes of its own with the browser.
///
/// What ends them is a second process, which waits for the end of a pipe that this process holds: so nothing is left
/// behind where this process is killed, either.
#[derive(Debug)]
pub(super) struct Driver {
    process: Child,
    undertaker: Child,
    url: String,
}

impl Driver {
    /// Starts it on a free loopback port.
    pub(super) async fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the browser");
        let mut command = Command::new(program);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // The driver makes the profile where temporary files are, and the browser writes more than that.
        command.env("HOME", folder.path()).env("TMPDIR", folder.path()).env_remove("XDG_CONFIG_HOME");
        let process = command.process_group(0).spawn();
        let mut process =
            process.unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let stdout = process.stdout.take().expect("its output is piped");
        let mut undertaker = Command::new("sh");
        undertaker.args(["-c", UNDERTAKER, "sh", &process.id().to_string()]).arg(folder.keep());
        undertaker.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let undertaker = undertaker.process_group(0).spawn().expect("a shell");
        let mut driver = Self { process, undertaker, url: String::new() };
        let (tell, told) = oneshot::channel();
        thread::spawn(move || {
            let mut tell = Some(tell);
            let mut said = Vec::new();
            // It is read to its end, since a driver that nobody reads would stand still.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let port = line.split_once(STARTED.0).and_then(|(_, rest)| rest.strip_suffix(STARTED.1));
                match port.and_then(|port| port.parse::<u16>().ok()) {
                    Some(port) => drop(tell.take().map(|tell| tell.send(Ok(port)))),
                    None => said.push(line),
                }
            }
            drop(tell.map(|tell| tell.send(Err(said.join("\n")))));
        });
        let port = tokio::time::timeout(PATIENCE, told).await.expect("chromedriver starts in time");
        let port = port.expect("its output is read to the end");
        let port = port.unwrap_or_else(|said| panic!("chromedriver did not start: {said}"));
        driver.url = format!("http://127.0.0.1:{port}");
        driver
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.undertaker.stdin.take());
        let _ = self.undertaker.wait();
        let _ = self.process.wait();
    }
}
