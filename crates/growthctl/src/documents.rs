//! JSON documents out of a stream of bytes, one at a time.
//!
//! NDJSON, documents over several lines, commas between them and top-level
//! arrays all work, lines may end in LF, CRLF or CR, and the memory needed is
//! that of one line and one document. A document that is broken is told with its
//! line, and the next one begins at the next line that can begin one. Of a file
//! that is no such text at all, only that is told.

use std::io::{self, BufRead};

/// A document's text, or what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// The text, or what is wrong in words.
    pub(crate) text: Result<String, String>,
}

/// Splits a stream into documents.
#[derive(Debug)]
pub(crate) struct Documents<R> {
    input: R,
    /// The line that was read last, without its end, and how far it was taken.
    line: Vec<u8>,
    taken: usize,
    number: u64,
    /// Whether the line ended in CR, so that an LF may follow that is no line of its own.
    after_cr: bool,
    place: Place,
    /// Bytes read so far.
    pub(crate) bytes: u64,
}

/// Where in the stream the next document is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before anything that a comma can come after.
    Start,
    Between,
    InArray,
    /// The rest is not worth reading.
    GivenUp,
}

#[derive(Default)]
struct Open {
    text: Vec<u8>,
    line: u64,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl<R: BufRead> Documents<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), taken: 0, number: 0, after_cr: false, place: Place::Start, bytes: 0 }
    }

    /// The next document, or `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Document>> {
        let mut open: Option<Open> = None;
        loop {
            if self.place == Place::GivenUp {
                return Ok(None);
            }
            if self.taken >= self.line.len() {
                let begins_anew = |line: &[u8]| matches!(line.first(), Some(b'{' | b'['));
                let cut_in_string = open.as_ref().is_some_and(|open| open.in_string);
                let more = self.read_line()?;
                if self.number == 1
                    && let Some(what) = no_text(&self.line)
                {
                    self.place = Place::GivenUp;
                    return Ok(Some(broken(1, what)));
                }
                if let Some(cut) = open.take_if(|_| !more || cut_in_string || begins_anew(&self.line)) {
                    return Ok(Some(broken(cut.line, "the document is cut off")));
                }
                if !more {
                    return Ok(None);
                }
                if let Some(open) = &mut open {
                    open.text.push(b'\n');
                }
            }
            match open.take() {
                Some(document) => match self.go_on(document) {
                    Ok(document) => return Ok(Some(document)),
                    Err(still_open) => open = Some(still_open),
                },
                None => match self.begin() {
                    Begin::Document(document) => open = Some(document),
                    Begin::Nothing => {}
                    Begin::Broken(document) => return Ok(Some(document)),
                },
            }
        }
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.taken = 0;
        let read = self.read_to_line_end()?;
        self.number += 1;
        if self.number == 1 && self.line.starts_with(b"\xEF\xBB\xBF") {
            self.taken = 3;
        }
        Ok(read)
    }

    /// Whether there was anything before the end of the stream.
    fn read_to_line_end(&mut self) -> io::Result<bool> {
        let mut read_any = false;
        loop {
            let mut buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let mut used = 0;
            if self.after_cr && buffer.first() == Some(&b'\n') {
                used = 1;
                buffer = &buffer[1..];
            } else if buffer.is_empty() {
                return Ok(read_any);
            }
            self.after_cr = false;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let content = &buffer[..end.unwrap_or(buffer.len())];
            self.line.extend_from_slice(content);
            read_any |= !content.is_empty() || end.is_some();
            self.after_cr = end.is_some_and(|end| buffer[end] == b'\r');
            used += content.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// Looks for the beginning of a document in the rest of the line.
    fn begin(&mut self) -> Begin {
        while let Some(byte) = self.line.get(self.taken) {
            match byte {
                b' ' | b'\t' => self.taken += 1,
                b',' if self.place != Place::Start => self.taken += 1,
                b']' if self.place == Place::InArray => {
                    self.place = Place::Between;
                    self.taken += 1;
                }
                b'[' if self.place != Place::InArray => {
                    self.place = Place::InArray;
                    self.taken += 1;
                }
                b'{' => {
                    if self.place == Place::Start {
                        self.place = Place::Between;
                    }
                    return Begin::Document(Open { line: self.number, ..Open::default() });
                }
                _ => {
                    self.taken = self.line.len();
                    return Begin::Broken(broken(
                        self.number,
                        "this is not JSON: an object { … } was expected",
                    ));
                }
            }
        }
        Begin::Nothing
    }

    /// Takes the rest of the line into the document, up to its end.
    fn go_on(&mut self, mut open: Open) -> Result<Document, Open> {
        let rest = &self.line[self.taken..];
        for (i, byte) in rest.iter().enumerate() {
            if open.in_string {
                match byte {
                    _ if open.escaped => open.escaped = false,
                    b'\\' => open.escaped = true,
                    b'"' => open.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => open.in_string = true,
                b'{' | b'[' => open.depth += 1,
                b'}' | b']' => open.depth = open.depth.saturating_sub(1),
                _ => {}
            }
            if open.depth == 0 {
                open.text.extend_from_slice(&rest[..=i]);
                self.taken += i + 1;
                let text = String::from_utf8(open.text);
                let text = text.map_err(|error| format!("the text is not UTF-8: {error}"));
                return Ok(Document { line: open.line, text });
            }
        }
        open.text.extend_from_slice(rest);
        self.taken = self.line.len();
        Err(open)
    }
}

enum Begin {
    Document(Open),
    Nothing,
    Broken(Document),
}

/// What a file is whose first line begins like this, where it is no text that can be read.
fn no_text(first_line: &[u8]) -> Option<&'static str> {
    match first_line {
        [0x1F, 0x8B, ..] => Some("this is gzip: unpack it first"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("this is UTF-16: save it as UTF-8"),
        _ => None,
    }
}

fn broken(line: u64, what: &str) -> Document {
    Document { line, text: Err(what.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(text: &str) -> Vec<(u64, Result<String, String>)> {
        let mut documents = Documents::new(text.as_bytes());
        let all = all_of(&mut documents);
        assert_eq!(documents.bytes, text.len() as u64);
        // However little of it arrives at a time.
        assert_eq!(all_of(&mut Documents::new(BufReader::with_capacity(1, text.as_bytes()))), all);
        all
    }

    fn all_of(documents: &mut Documents<impl BufRead>) -> Vec<(u64, Result<String, String>)> {
        let mut all = Vec::new();
        while let Some(document) = documents.next().unwrap() {
            all.push((document.line, document.text));
        }
        all
    }

    fn good(line: u64, text: &str) -> (u64, Result<String, String>) {
        (line, Ok(text.to_owned()))
    }

    fn cut(line: u64) -> (u64, Result<String, String>) {
        (line, Err("the document is cut off".to_owned()))
    }

    #[test]
    fn lines_are_documents() {
        assert_eq!(
            read("{\"a\":1}\n\n{\"b\":\"}\\\"{\"}\r\n"),
            [good(1, "{\"a\":1}"), good(3, "{\"b\":\"}\\\"{\"}")]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("\u{feff}{}"), [good(1, "{}")]);
    }

    #[test]
    fn a_document_may_take_several_lines() {
        assert_eq!(
            read("{\n  \"a\": [\n    1\n  ]\n}\n{}"),
            [good(1, "{\n  \"a\": [\n    1\n  ]\n}"), good(6, "{}")]
        );
    }

    #[test]
    fn the_entries_of_an_array_are_documents() {
        assert_eq!(read("[{\"a\":1}, {\"a\":2}]"), [good(1, "{\"a\":1}"), good(1, "{\"a\":2}")]);
        assert_eq!(read("[\n{\"a\":1},\n{\"a\":2}\n]\n"), [good(2, "{\"a\":1}"), good(3, "{\"a\":2}")]);
        assert_eq!(read("[]"), []);
    }

    #[test]
    fn commas_between_and_after_documents_are_passed_over() {
        let two = [good(1, "{\"a\":1}"), good(2, "{\"a\":2}")];
        for text in ["{\"a\":1},\n{\"a\":2}", "{\"a\":1}\n, {\"a\":2},\n", "[{\"a\":1}],\n[{\"a\":2}],"] {
            assert_eq!(read(text), two, "{text}");
        }
        assert_eq!(read(",\n{}").iter().map(|(_, text)| text.is_ok()).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn lines_may_end_in_any_way() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["{\"a\":", "1}", "", "{\"b\":\"c", "{\"d\":1}", ""].join(end);
            assert_eq!(read(&text), [good(1, "{\"a\":\n1}"), cut(4), good(5, "{\"d\":1}")], "{end:?}");
        }
    }

    #[test]
    fn of_a_file_that_is_no_text_only_that_is_told() {
        for (first, told) in [
            (&[0x1F, 0x8B][..], "this is gzip: unpack it first"),
            (&[0xFF, 0xFE], "this is UTF-16: save it as UTF-8"),
            (&[0xFE, 0xFF], "this is UTF-16: save it as UTF-8"),
        ] {
            let bytes = [first, b"x\n{}\ny\n\x00{"].concat();
            let all = all_of(&mut Documents::new(bytes.as_slice()));
            assert_eq!(all, [(1, Err(told.to_owned()))]);
        }
    }

    #[test]
    fn a_cut_line_costs_itself_only() {
        assert_eq!(
            read("{\"a\":1}\n{\"b\":{\"c\n{\"d\":1}\n"),
            [good(1, "{\"a\":1}"), cut(2), good(3, "{\"d\":1}")]
        );
        assert_eq!(
            read("{\"a\":1}\n{\"b\":[1,\n{\"d\":1}"),
            [good(1, "{\"a\":1}"), cut(2), good(3, "{\"d\":1}")]
        );
        assert_eq!(read("{\"a\":1}\n{\"b\""), [good(1, "{\"a\":1}"), cut(2)]);
    }

    #[test]
    fn what_is_not_json_is_told_with_its_line() {
        let all = read("hello\n{}\n42\n");
        assert_eq!(
            all.iter().map(|(line, text)| (*line, text.is_ok())).collect::<Vec<_>>(),
            [(1, false), (2, true), (3, false)]
        );
    }
}
