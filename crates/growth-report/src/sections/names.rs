//! Names from outside (products, plans, users, codes), made safe to stand anywhere in a line.

/// The longest name that is shown whole, in characters.
const LONGEST: usize = 60;

/// Writes a name on one line, with Markdown's characters escaped, and cut where it is very long.
///
/// Control and text-direction characters are left out. A leading `@` is parted
/// from its word by an invisible joiner, so that a report in an issue notifies
/// nobody.
pub(crate) fn name(text: &str) -> String {
    escaped(&unescaped(text))
}

/// Writes a name on one line and cut where it is very long, for where nothing has to be escaped.
pub fn unescaped(text: &str) -> String {
    let text = shortened(plain(text));
    if text.is_empty() { "(no name)".to_owned() } else { text }
}

/// Writes words on one line, whole, with Markdown's characters escaped, to stand where a paragraph begins too.
///
/// Commands of growthctl and names of fields between backticks stay code.
pub(crate) fn sentence(text: &str) -> String {
    let text = with_commands(&plain(text));
    let begins_a_block = text.starts_with(['#', '+', '-', '=', ':']);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits) {
        _ if begins_a_block => format!("\\{text}"),
        Some(b'.' | b')') if digits > 0 => format!("{}\\{}", &text[..digits], &text[digits..]),
        _ => text,
    }
}

/// Escapes what is not a command between backticks.
fn with_commands(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let is_command = |part: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" _-.:=".contains(&byte);
        let is_field =
            part.contains('_') && part.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte));
        let is_command = part.starts_with("growthctl ") && part.trim() == *part && part.bytes().all(fits);
        is_command || is_field
    };
    if parts.len().is_multiple_of(2) || !parts.iter().skip(1).step_by(2).all(is_command) {
        return escaped(text);
    }
    let part = |(index, part): (usize, &&str)| {
        if index.is_multiple_of(2) { escaped(part) } else { format!("`{part}`") }
    };
    parts.iter().enumerate().map(part).collect()
}

fn plain(text: &str) -> String {
    let visible = text.chars().filter(|c| !directs_text(*c));
    let spaced: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn directs_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{feff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

fn escaped(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        let means_something = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '$' => true,
            '_' => !(is_word(before) && is_word(after)),
            '&' => is_word(after) || after == Some('#'),
            _ => false,
        };
        if means_something {
            escaped.push('\\');
        }
        escaped.push(c);
        if links(c, before, after, &escaped) {
            escaped.push('\u{2060}');
        }
        before = Some(c);
    }
    escaped
}

/// Whether GitHub would make a link, a mention or a picture of what begins with this character.
fn links(c: char, before: Option<char>, after: Option<char>, so_far: &str) -> bool {
    match c {
        '@' => !before.is_some_and(char::is_alphanumeric),
        '#' => before != Some('&') && after.is_some_and(|after| after.is_ascii_digit()),
        ':' => after.is_some_and(|after| after == '/' || after.is_ascii_alphabetic()),
        '.' => so_far.to_ascii_lowercase().ends_with("www."),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_stay_as_they_are() {
        for text in ["Pro (yearly)", "user_42", "R & D", "jane@example.com", "card_declined", "C# + 日本"] {
            assert_eq!(name(text), text);
        }
    }

    #[test]
    fn markdown_in_a_name_is_text() {
        for (text, safe) in [
            ("a|b", r"a\|b"),
            ("`x` *y* _z_", r"\`x\` \*y\* \_z\_"),
            (r"\|", r"\\\|"),
            ("<script>", r"\<script\>"),
            ("[a](b)", r"\[a\](b)"),
            ("&lt; &#60;", r"\&lt; \&#60;"),
            ("~~old~~", r"\~\~old\~\~"),
        ] {
            assert_eq!(name(text), safe);
        }
    }

    #[test]
    fn a_name_stays_on_its_line_and_is_never_empty() {
        assert_eq!(name(" two\r\n\nlines\t\u{1b}[31m\u{202e} "), r"two lines \[31m");
        assert_eq!(name("\u{0}\n"), "(no name)");
        assert_eq!(name(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(name(&"é".repeat(60)), "é".repeat(60));
    }

    #[test]
    fn words_are_whole_and_begin_no_list() {
        for (text, safe) in [
            ("MRR fell by 3 %.", "MRR fell by 3 %."),
            ("- a", r"\- a"),
            ("# a", r"\# a"),
            ("12. a", r"12\. a"),
            ("12 users", "12 users"),
            ("1) a", r"1\) a"),
        ] {
            assert_eq!(sentence(text), safe);
        }
        assert_eq!(sentence(&"é".repeat(200)), "é".repeat(200));
    }

    #[test]
    fn a_command_in_a_sentence_is_code_and_nothing_else_is() {
        assert_eq!(
            sentence("Run `growthctl explain churn --days 30` *now*"),
            r"Run `growthctl explain churn --days 30` \*now\*"
        );
        for text in ["a ` b", "`growthctl <b>`", "``", "`rm -r`", "` growthctl `"] {
            assert_eq!(sentence(text), escaped(text), "{text}");
        }
    }

    #[test]
    fn a_name_notifies_nobody() {
        assert_eq!(name("@jane"), "@\u{2060}jane");
        for (text, safe) in [
            ("#12, acme/app#3", "#\u{2060}12, acme/app#\u{2060}3"),
            ("https://example.com/a", "https:\u{2060}//example.com/a"),
            ("www.example.com", "www.\u{2060}example.com"),
            (":smile: at 10:30", ":\u{2060}smile: at 10:30"),
            ("$x$", r"\$x\$"),
        ] {
            assert_eq!(name(text), safe);
        }
    }
}
