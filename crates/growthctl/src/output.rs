//! A document as a command's result: on stdout or in a file, as Markdown or JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::failure::misuse;
use crate::printer::Printer;

/// Where a document goes, and as what.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write [default: by the file's extension, else markdown]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, and for GitHub issues
    Markdown,
    /// For programs
    Json,
}

/// Where a document goes, checked, and as what.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    path: Option<PathBuf>,
}

impl OutputArgs {
    /// Resolves the format and checks the folder, so that a wrong path is told before the work, not after it.
    pub(crate) fn resolve(self) -> anyhow::Result<Output> {
        let format = self.format()?;
        if let Some(path) = &self.output {
            check_folder(path)?;
        }
        Ok(Output { format, path: self.output })
    }

    fn format(&self) -> anyhow::Result<Format> {
        let extension =
            self.output.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
        match (self.format, extension) {
            (Some(format), _) => Ok(format),
            (None, None | Some("md" | "markdown")) => Ok(Format::Markdown),
            (None, Some("json")) => Ok(Format::Json),
            (None, Some(other)) => Err(misuse(format!(
                "--output: no format goes by the extension .{other}: use .md or .json, or say --format"
            ))),
        }
    }
}

impl Output {
    /// Writes the document, which is a `what` such as "report", and says where it is.
    pub(crate) fn write(&self, text: &str, what: &str, printer: &Printer) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(printer.result(text)?) };
        write(path, text).with_context(|| format!("cannot write the {what} to {}", path.display()))?;
        printer.done(&format!("{what} written to {}", path.display()))?;
        Ok(())
    }
}

fn check_folder(output: &Path) -> anyhow::Result<()> {
    let folder = folder_of(output);
    if output.is_dir() {
        return Err(misuse(format!("--output: {} is a folder, name a file in it", output.display())));
    }
    if folder.is_dir() {
        return Ok(());
    }
    Err(misuse(format!("--output: there is no folder {}, make it first", folder.display())))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Writes beside the file and renames, so that nobody ever sees half a document.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut made = tempfile::Builder::new();
    made.prefix(".growthctl-");
    // A temporary file is for its owner alone. This one shall be as if made the usual way: the process's mask
    // takes away what it must.
    #[cfg(unix)]
    made.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = made.tempfile_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
