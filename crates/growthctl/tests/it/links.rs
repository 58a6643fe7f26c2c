//! What the documentation links to is there, and no picture is kept that nothing shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pictures of pages that the documentation does not show, for whoever changes them.
const FOR_COMPARISON: [&str; 5] = ["empty", "error", "loading", "sign-in", "metrics-768-dark"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The files of a folder with an ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|of| of == ending)).collect()
}

/// Where the links of a page lead, without those to other sites and within the page.
fn links(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let links = links.map(|link| link.split('#').next().unwrap_or_default());
    links
        .filter(|link| !link.is_empty() && !link.contains("://") && !link.contains(char::is_whitespace))
        .collect()
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file() {
    let docs = root().join("docs");
    let mut pages = files(&docs, "md");
    pages.push(root().join("README.md"));
    let mut linked = BTreeSet::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in links(&text) {
            let target = page.parent().unwrap().join(link);
            let target = target.canonicalize();
            linked.insert(target.unwrap_or_else(|error| panic!("{}: {link}: {error}", page.display())));
        }
    }
    assert!(linked.contains(&docs.join("DASHBOARD.md")), "{linked:?}");
    for picture in [files(&docs, "png"), files(&docs.join("dashboard"), "png")].concat() {
        let name = picture.file_stem().unwrap().to_str().unwrap();
        assert!(
            linked.contains(&picture) || FOR_COMPARISON.contains(&name),
            "{} is shown nowhere",
            picture.display()
        );
    }
}

#[test]
fn links_are_found_in_text_and_pictures() {
    let text = "[a](A.md), ![b](b/c.png) and [c](A.md#part), [d](#part), [e](https://example.com/x.md)";
    assert_eq!(links(text), ["A.md", "b/c.png", "A.md"]);
}
