//! The files that pages load. They are inside the program, and their names change with what is in them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::HOME;

/// A file that pages load.
pub(super) struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

/// All of them.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(
        "dashboard",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../assets/dashboard.css"),
    ),
    script: Asset::new(
        "dashboard",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../assets/dashboard.js"),
    ),
    icon: Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
});

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text);
        let digest = BASE64_URL_SAFE_NO_PAD.encode(&digest[..9]);
        Self { name: format!("{stem}-{digest}.{ending}"), kind, text }
    }

    /// How large it is.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Where it is.
    pub(super) fn path(&self) -> String {
        format!("{HOME}/assets/{}", self.name)
    }
}

pub(super) fn assets() -> &'static Assets {
    &ASSETS
}

/// The media type and the bytes of a file.
pub(super) fn find(name: &str) -> Option<(&'static str, &'static [u8])> {
    let Assets { style, script, icon } = assets();
    let asset = [style, script, icon].into_iter().find(|asset| asset.name == name)?;
    Some((asset.kind, asset.text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_what_is_in_the_file() {
        let named = |text| Asset::new("dashboard", "css", "text/css", text).name;
        assert_eq!(named("a"), named("a"));
        assert_ne!(named("a"), named("b"));
    }

    #[test]
    fn a_file_is_found_by_its_whole_name_only() {
        let name = assets().style.path().rsplit('/').next().unwrap().to_owned();
        assert_eq!(find(&name).unwrap().0, "text/css; charset=utf-8");
        assert!(find("dashboard.css").is_none() && find("").is_none());
    }
}
