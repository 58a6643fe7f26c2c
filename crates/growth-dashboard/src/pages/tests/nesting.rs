//! Whether markup is well formed: what begins also ends, in the right order.

/// What has no end.
const VOID: [&str; 8] = ["meta", "link", "br", "hr", "img", "input", "col", "wbr"];

/// Makes sure that every element of a page ends where it should, and that no id is there twice.
pub(super) fn check(page: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").ok_or("no doctype")?;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let end = tag.find('>').ok_or("a tag without an end")?;
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(opened) if opened == name => continue,
                opened => {
                    return Err(format!("</{name}> after {opened:?}, before {:?}", rest.lines().next()));
                }
            }
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("no name of an element: {tag}"));
        }
        if !tag.matches('"').count().is_multiple_of(2) {
            return Err(format!("a quote is open: {tag}"));
        }
        if let Some(id) = tag.split(" id=\"").nth(1).and_then(|id| id.split('"').next()) {
            if ids.contains(&id) {
                return Err(format!("the id {id} is there twice"));
            }
            ids.push(id);
        }
        if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("not ended: {open:?}")) }
}

#[test]
fn what_does_not_nest_is_found() {
    let page = |body: &str| format!("<!doctype html><html>{body}</html>");
    assert_eq!(check(&page("<p id=\"a\">x<br></p><rect/>")), Ok(()));
    for wrong in
        ["<p><b></p></b>", "<p>", "</p>", "<p id=\"a\"></p><p id=\"a\"></p>", "a < b", "<p id=\"a></p>"]
    {
        assert!(check(&page(wrong)).is_err(), "{wrong}");
    }
}
