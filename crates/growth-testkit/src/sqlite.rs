//! SQLite: one file is migrated for the whole process, and copied for every test.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The bytes of a migrated database.
static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();

/// Makes a folder with a migrated database and returns it with the database's address.
pub(crate) async fn create() -> (TempDir, String) {
    let template = TEMPLATE
        .get_or_init(|| async {
            let folder = folder();
            let file = file(folder.path());
            crate::migrated(&url(&file)).await;
            std::fs::read(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
        })
        .await;
    let folder = folder();
    let file = file(folder.path());
    std::fs::write(&file, template)
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    let url = url(&file);
    (folder, url)
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("growth-test-").tempdir().expect("a temporary folder")
}

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("growthctl.db")
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}
