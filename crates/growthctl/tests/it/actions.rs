//! A workflow's steps, run as GitHub runs them: each `run` by bash with the environment that the file gives it.
//!
//! What is outside of this machine has a stand-in. `gh` is `stand_ins/gh`, which keeps issues, labels and a release in a
//! folder; the actions that move files move them between folders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What steps can do with, of a workflow's file.
#[derive(Debug, Deserialize)]
pub(crate) struct Workflow {
    pub(crate) on: Value,
    pub(crate) permissions: Value,
    pub(crate) defaults: Option<Value>,
    pub(crate) jobs: BTreeMap<String, Job>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) permissions: Option<Value>,
    #[serde(rename = "timeout-minutes")]
    pub(crate) timeout_minutes: Option<u32>,
    pub(crate) steps: Vec<Step>,
}

/// A step. One with a key that is not among these, such as a condition, would be run wrongly here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) name: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) uses: Option<String>,
    #[serde(default)]
    pub(crate) with: BTreeMap<String, Value>,
    pub(crate) run: Option<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
}

impl Workflow {
    /// Reads a file of `.github/workflows`.
    pub(crate) fn read(name: &str) -> Self {
        serde_saphyr::from_str(&source(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// The text of a file of `.github/workflows`.
pub(crate) fn source(name: &str) -> String {
    fs::read_to_string(root().join(".github/workflows").join(name)).unwrap()
}

/// GitHub: what a repository has, and what its jobs are told.
pub(crate) struct GitHub {
    folder: TempDir,
    repository: String,
    /// What expressions can name, such as `secrets.DATABASE_URL` and `inputs.days`.
    pub(crate) contexts: BTreeMap<String, String>,
    /// What the environment of every step has, besides what the file gives it.
    pub(crate) environment: BTreeMap<String, String>,
}

/// How a job ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// The step that failed, which is the last one that ran.
    pub(crate) failed: Option<String>,
    /// Everything that the steps said.
    pub(crate) log: String,
    /// The job's summary.
    pub(crate) summary: String,
}

impl GitHub {
    /// A private repository without issues, and `acme/growthctl` without a release.
    pub(crate) fn new(repository: &str) -> Self {
        let github = Self {
            folder: tempfile::tempdir().unwrap(),
            repository: repository.to_owned(),
            contexts: BTreeMap::new(),
            environment: BTreeMap::new(),
        };
        for folder in ["there", "bin", "artifacts"] {
            fs::create_dir(github.path(folder)).unwrap();
        }
        github.put("repository.json", &json!({"visibility": "private"}));
        github.put("labels.json", &json!([{"name": "bug"}]));
        github.put("issues.json", &json!([]));
        github.program("gh", include_str!("stand_ins/gh"));
        github
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of what the stand-in for GitHub has.
    pub(crate) fn there(&self) -> PathBuf {
        self.path("there")
    }

    pub(crate) fn put(&self, name: &str, value: &Value) {
        fs::write(self.there().join(name), value.to_string()).unwrap();
    }

    /// The issues, the oldest first.
    pub(crate) fn issues(&self) -> Vec<Value> {
        serde_json::from_slice(&fs::read(self.there().join("issues.json")).unwrap()).unwrap()
    }

    /// The calls of `gh` until now.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.there().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// A file of an artifact.
    pub(crate) fn artifact(&self, name: &str, file: &str) -> String {
        let path = self.path("artifacts").join(name).join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Puts a script on the `PATH` of all steps, before everything else.
    pub(crate) fn program(&self, name: &str, script: &str) {
        executable(&self.path("bin").join(name), script);
    }

    /// Sets what an expression can name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.contexts.insert(name.to_owned(), value.to_owned());
    }

    /// Runs a job on a machine of its own, until a step fails.
    pub(crate) fn run(&self, workflow: &Workflow, job: &str) -> Run {
        assert_eq!(
            workflow.defaults,
            Some(json!({"run": {"shell": "bash"}})),
            "another shell's options are others"
        );
        let runner = tempfile::tempdir().unwrap();
        for folder in ["temp", "workspace"] {
            fs::create_dir(runner.path().join(folder)).unwrap();
        }
        let mut machine = Machine {
            github: self,
            contexts: self.contexts.clone(),
            path: format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap()),
            runner,
            log: String::new(),
        };
        let steps = &workflow.jobs[job].steps;
        let failed = steps.iter().find(|step| !machine.step(step)).map(|step| step.name.clone().unwrap());
        let summary = fs::read_to_string(machine.file("summary")).unwrap_or_default();
        Run { failed, log: machine.log, summary }
    }
}

/// The machine of one job.
struct Machine<'a> {
    github: &'a GitHub,
    contexts: BTreeMap<String, String>,
    path: String,
    runner: TempDir,
    log: String,
}

impl Machine<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.runner.path().join(name)
    }

    /// Runs a step and returns whether the job goes on.
    fn step(&mut self, step: &Step) -> bool {
        match (&step.run, &step.uses) {
            (Some(script), None) => self.script(step, script),
            (None, Some(action)) => {
                self.action(step, action);
                true
            }
            _ => panic!("a step either runs or uses something: {step:?}"),
        }
    }

    fn script(&mut self, step: &Step, script: &str) -> bool {
        fs::write(self.file("step.sh"), script).unwrap();
        for file in ["output", "path"] {
            fs::write(self.file(file), "").unwrap();
        }
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(self.file("step.sh"));
        bash.env_clear().current_dir(self.file("workspace"));
        bash.envs([("PATH", &*self.path), ("CI", "true"), ("GITHUB_REPOSITORY", &*self.github.repository)]);
        bash.env("HOME", self.file("temp")).env("RUNNER_TEMP", self.file("temp"));
        bash.env("GITHUB_OUTPUT", self.file("output")).env("GITHUB_PATH", self.file("path"));
        bash.env("GITHUB_STEP_SUMMARY", self.file("summary")).env("GITHUB_STAND_IN", self.github.there());
        bash.envs(&self.github.environment);
        bash.envs(step.env.iter().map(|(name, value)| (name, self.evaluate(value))));
        let output = bash.stdin(Stdio::null()).output().unwrap();
        for text in [output.stdout, output.stderr] {
            self.log += &String::from_utf8(text).unwrap();
        }
        let text = fs::read_to_string(self.file("output")).unwrap();
        for (name, value) in text.lines().map(|line| line.split_once('=').unwrap()) {
            let id = step.id.as_ref().unwrap_or_else(|| panic!("{name} is told and {step:?} has no id"));
            self.contexts.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        for folder in fs::read_to_string(self.file("path")).unwrap().lines() {
            self.path = format!("{folder}:{}", self.path);
        }
        output.status.success()
    }

    fn action(&mut self, step: &Step, action: &str) {
        let with = |name: &str| self.evaluate(step.with[name].as_str().unwrap());
        let workspace = self.file("workspace");
        match action.split_once('@').unwrap().0 {
            "actions/checkout" if step.with.contains_key("sparse-checkout") => {
                let file = with("sparse-checkout");
                let there = self.github.there().join(&file);
                if there.exists() {
                    fs::copy(there, workspace.join(file)).unwrap();
                }
            }
            "actions/checkout" => {
                for file in ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
                    fs::copy(root().join(file), workspace.join(file)).unwrap();
                }
            }
            "actions/upload-artifact" => {
                let folder = self.github.path("artifacts").join(with("name"));
                copy_files(&workspace.join(with("path")), &folder);
                if let Some(id) = &step.id {
                    let url = "https://github.com/acme/product/actions/runs/7/artifacts/9".to_owned();
                    self.contexts.insert(format!("steps.{id}.outputs.artifact-url"), url);
                }
            }
            "actions/download-artifact" => {
                copy_files(&self.github.path("artifacts").join(with("name")), &workspace.join(with("path")));
            }
            other => panic!("there is no stand-in for {other}"),
        }
    }

    /// Puts the values of expressions in their places.
    fn evaluate(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut value = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap();
            value += &self.value(expression.trim());
            value += rest;
        }
        value
    }

    /// The value of an expression: a name, a name and what stands in for it, or whether there is something by a name.
    fn value(&self, expression: &str) -> String {
        let known = |name: &str| {
            let optional = ["inputs.", "vars.", "secrets."].iter().any(|kind| name.starts_with(kind));
            let value = self.contexts.get(name).cloned();
            value.or(optional.then(String::new)).unwrap_or_else(|| panic!("nothing is known of {name}"))
        };
        if let Some(name) = expression.strip_suffix(" != ''") {
            return (!known(name).is_empty()).to_string();
        }
        let Some((name, default)) = expression.split_once(" || ") else { return known(expression) };
        let value = known(name);
        if !value.is_empty() {
            return value;
        }
        default
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''))
            .map_or_else(|| known(default), str::to_owned)
    }
}

/// Writes a script that can be run.
pub(crate) fn executable(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut files = 0;
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        files += 1;
    }
    assert!(files > 0, "no file in {}", from.display());
}
