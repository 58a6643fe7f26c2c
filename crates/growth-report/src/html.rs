//! The report as one page that needs nothing else: no script, no request, no font.
//!
//! The page is the report's Markdown with charts as SVG. Its policy allows its
//! own style sheet, by its digest, and nothing more.

pub(crate) mod words;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use growth_metrics::GrowthSnapshot;
use sha2::{Digest, Sha256};

use crate::chart::escaped;
use crate::document::Block;
use crate::sections;

const STYLE: &str = include_str!("html/style.css");

/// Writes a snapshot as a page that ends with a newline.
///
/// It is light or dark as its reader's system is, fits a phone, and can be printed.
pub fn html(snapshot: &GrowthSnapshot) -> String {
    let title = escaped(&sections::title(snapshot));
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let (body, headings) = body(&sections::blocks(snapshot));
    let places = headings.iter().map(|(id, heading)| format!("<li><a href=\"#{id}\">{heading}</a></li>\n"));
    let places = places.collect::<Vec<_>>().concat();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"growthctl\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<nav aria-label=\"Sections\">\n<ul>\n{places}</ul>\n</nav>\n\
         <main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// The blocks, in a section for each heading of the second level, and those headings with their ids.
fn body(blocks: &[Block]) -> (String, Vec<(String, String)>) {
    let mut text = String::from("<header>\n");
    let mut end = "</header>\n";
    let mut headings = Vec::new();
    let mut charts = 0;
    let mut under = String::new();
    for block in blocks {
        match block {
            Block::Text(markdown) => {
                if let Some(heading) = markdown.strip_prefix("## ") {
                    let id = id(heading);
                    text.push_str(end);
                    let heading = escaped(heading);
                    let _ =
                        write!(text, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n");
                    end = "</section>\n";
                    under.clone_from(&heading);
                    headings.push((id, heading));
                    continue;
                }
                if let Some(heading) = markdown.strip_prefix("### ") {
                    heading.clone_into(&mut under);
                }
                words::push(&mut text, markdown, None, &under);
            }
            Block::Looks(look, markdown) => words::push(&mut text, markdown, Some(look), &under),
            Block::Chart(chart) => {
                charts += 1;
                text.push_str(&chart.to_figure(charts));
            }
        }
    }
    text.push_str(end);
    (text, headings)
}

fn id(heading: &str) -> String {
    heading.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).collect::<Vec<_>>().join("-")
}
