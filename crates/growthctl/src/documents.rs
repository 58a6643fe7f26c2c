//! JSON documents out of a stream of bytes, one at a time.
//!
//! NDJSON, documents over several lines and one top-level array all work, and
//! the memory needed is that of one document. A document that is broken is
//! told with its line, and the next one begins at the next line that can
//! begin one.

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
    in_array: bool,
    /// Bytes read so far.
    pub(crate) bytes: u64,
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
        Self { input, line: Vec::new(), taken: 0, number: 0, in_array: false, bytes: 0 }
    }

    /// The next document, or `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Document>> {
        let mut open: Option<Open> = None;
        loop {
            if self.taken >= self.line.len() {
                let begins_anew = |line: &[u8]| matches!(line.first(), Some(b'{' | b'['));
                let cut_in_string = open.as_ref().is_some_and(|open| open.in_string);
                let more = self.read_line()?;
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
        let read = self.input.read_until(b'\n', &mut self.line)?;
        self.bytes += read as u64;
        self.number += 1;
        while matches!(self.line.last(), Some(b'\n' | b'\r')) {
            self.line.pop();
        }
        if self.number == 1 && self.line.starts_with(b"\xEF\xBB\xBF") {
            self.taken = 3;
        }
        Ok(read > 0)
    }

    /// Looks for the beginning of a document in the rest of the line.
    fn begin(&mut self) -> Begin {
        while let Some(byte) = self.line.get(self.taken) {
            match byte {
                b' ' | b'\t' => self.taken += 1,
                b',' | b']' if self.in_array => {
                    self.in_array = *byte == b',';
                    self.taken += 1;
                }
                b'[' if !self.in_array => {
                    self.in_array = true;
                    self.taken += 1;
                }
                b'{' => return Begin::Document(Open { line: self.number, ..Open::default() }),
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

fn broken(line: u64, what: &str) -> Document {
    Document { line, text: Err(what.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Result<String, String>)> {
        let mut documents = Documents::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(document) = documents.next().unwrap() {
            all.push((document.line, document.text));
        }
        assert_eq!(documents.bytes, text.len() as u64);
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
