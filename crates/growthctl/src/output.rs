//! A document as a command's result: on stdout or in a file, in one of the forms that the command has.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::failure::misuse;
use crate::printer::Printer;

/// The forms of a command's document.
pub(crate) trait Form: ValueEnum + Send + Sync + 'static {
    /// The extensions of files in this form, without the dot and the usual one first.
    fn extensions(&self) -> &'static [&'static str];
}

/// Where a document goes, and as what.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs<F: Form> {
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

impl<F: Form> OutputArgs<F> {
    /// Resolves the format and checks the folder, so that a wrong path is told before the work, not after it.
    ///
    /// Where neither the format nor a file's extension says what to write, it is `otherwise`.
    pub(crate) fn resolve(self, otherwise: F) -> anyhow::Result<Output<F>> {
        let by_extension = match &self.output {
            Some(path) if self.format.is_none() => by_extension(path)?,
            _ => None,
        };
        if let Some(path) = &self.output {
            check_folder(path)?;
        }
        let format = self.format.or(by_extension).unwrap_or(otherwise);
        Ok(Output { format, path: self.output })
    }

    /// Whether neither a format nor a file is named.
    pub(crate) fn says_nothing(&self) -> bool {
        self.output.is_none() && self.format.is_none()
    }
}

/// The form that a file's extension stands for; `None` where it has no extension.
fn by_extension<F: Form>(path: &Path) -> anyhow::Result<Option<F>> {
    let Some(extension) = path.extension() else { return Ok(None) };
    let said = extension.to_string_lossy().to_lowercase();
    let forms = F::value_variants();
    if let Some(form) = forms.iter().find(|form| form.extensions().contains(&said.as_str())) {
        return Ok(Some(form.clone()));
    }
    let known: Vec<String> =
        forms.iter().filter_map(|form| form.extensions().first()).map(|usual| format!(".{usual}")).collect();
    let known = match known.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => known.concat(),
    };
    Err(misuse(format!("--output: no format goes by the extension .{said}: use {known}, or say --format")))
}

impl<F> Output<F> {
    /// Whether the document goes to a file.
    pub(crate) fn is_file(&self) -> bool {
        self.path.is_some()
    }

    /// Writes the document, which is a `what` such as "report", and says where it is.
    pub(crate) fn write(&self, text: &str, what: &str, printer: &Printer) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return printer.result(text).with_context(|| format!("cannot write the {what} to stdout"));
        };
        let made = write(path, text).map_err(|error| not_written(error, path, what))?;
        if made == Made::File {
            printer.done(&format!("{what} written to {}", path.display()))?;
        }
        Ok(())
    }
}

/// What a document was written to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    File,
    /// A pipe, a terminal or another device, which whoever reads it sees.
    Stream,
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

/// Says what a person can do about it.
fn not_written(error: std::io::Error, path: &Path, what: &str) -> anyhow::Error {
    let (file, folder) = (path.display(), folder_of(path).display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            misuse(format!("--output: no permission to write {file}: choose a folder that is yours"))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let advice = format!("make room in {folder}, or choose another folder");
            anyhow::anyhow!("cannot write the {what} to {file}, the disk is full: {advice}")
        }
        // There is the folder, which takes no file, as those of the kernel.
        ErrorKind::NotFound => {
            misuse(format!("--output: no file can be made in {folder}, choose another folder"))
        }
        _ => anyhow::Error::from(error).context(format!("cannot write the {what} to {file}")),
    }
}

/// Writes beside the file and renames, so that nobody ever sees half a document.
///
/// A link stays one, and what is no file, such as a pipe or a terminal, is written to as it is.
fn write(path: &Path, text: &str) -> std::io::Result<Made> {
    let real = path.canonicalize();
    let path = real.as_deref().unwrap_or(path);
    if path.exists() && !path.is_file() {
        OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())?;
        return Ok(Made::Stream);
    }
    let mut made = tempfile::Builder::new();
    made.prefix(".growthctl-");
    // A temporary file is for its owner alone. This one shall be as if made the usual way: the process's mask
    // takes away what it must.
    #[cfg(unix)]
    made.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = made.tempfile_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(Made::File)
}
