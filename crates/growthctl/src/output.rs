//! A document as a command's result: on stdout or in a file, in one of the command's formats.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::failure::misuse;
use crate::printer::Printer;

/// The formats that a command can write.
pub(crate) trait Formats: ValueEnum + Clone + Send + Sync + 'static {
    /// The extensions of files by which a format goes, for instance `("md", Markdown)`; each format's usual one first.
    const EXTENSIONS: &'static [(&'static str, Self)];

    /// What is written where nothing says it.
    fn usual(on_terminal: bool) -> Self;
}

/// Where a document goes, and as what.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs<F: Formats> {
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write [default: by the file's extension]
    #[arg(long, value_enum)]
    format: Option<F>,
}

/// Where a document goes, checked, and as what.
#[derive(Debug)]
pub(crate) struct Output<F> {
    pub(crate) format: F,
    path: Option<PathBuf>,
}

impl<F: Formats> OutputArgs<F> {
    /// Resolves the format and checks the folder, so that a wrong path is told before the work, not after it.
    pub(crate) fn resolve(self) -> anyhow::Result<Output<F>> {
        let format = self.format()?;
        if let Some(path) = &self.output {
            check_folder(path)?;
        }
        Ok(Output { format, path: self.output })
    }

    fn format(&self) -> anyhow::Result<F> {
        if let Some(format) = &self.format {
            return Ok(format.clone());
        }
        let Some(path) = self.output.as_deref() else {
            return Ok(F::usual(std::io::stdout().is_terminal()));
        };
        let Some(extension) = path.extension() else { return Ok(F::usual(false)) };
        let extension = extension.to_string_lossy().to_lowercase();
        let found = F::EXTENSIONS.iter().find(|(known, _)| *known == extension);
        found.map(|(_, format)| format.clone()).ok_or_else(|| {
            let known: Vec<String> = F::EXTENSIONS.iter().map(|(known, _)| format!(".{known}")).collect();
            misuse(format!(
                "--output: no format goes by the extension .{extension}: use one of {}, or say --format",
                known.join(", ")
            ))
        })
    }
}

impl<F> Output<F> {
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
