use growth_report::markdown;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::business::{all, doubtful_test_data, nothing, two_currencies};

/// A table as a Markdown reader sees it: its cells by row, the head first.
pub(crate) type Cells = Vec<Vec<String>>;

pub(crate) fn tables(text: &str) -> Vec<Cells> {
    let mut tables: Vec<Cells> = Vec::new();
    let mut in_cell = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Table(_)) => tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => tables.last_mut().unwrap().push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                in_cell = true;
                tables.last_mut().unwrap().last_mut().unwrap().push(String::new());
            }
            Event::End(TagEnd::TableCell) => in_cell = false,
            Event::Text(part) | Event::Code(part) if in_cell => {
                let row = tables.last_mut().unwrap().last_mut().unwrap();
                row.last_mut().unwrap().push_str(&part);
            }
            _ => {}
        }
    }
    tables
}

/// Pipes that part cells: those without an odd number of backslashes before them.
fn pipes(line: &str) -> usize {
    let mut backslashes = 0;
    let mut pipes = 0;
    for c in line.chars() {
        pipes += usize::from(c == '|' && backslashes % 2 == 0);
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
    }
    pipes
}

/// Checks that every line of each table has as many cells.
pub(crate) fn assert_rectangular(text: &str) {
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let first = pipes(block.lines().next().unwrap());
        assert!(block.lines().all(|line| pipes(line) == first), "{block}");
    }
}

#[test]
fn every_line_of_a_table_has_as_many_cells() {
    for snapshot in all() {
        assert_rectangular(&markdown(&snapshot));
    }
}

#[test]
fn tables_are_aligned_in_the_text_too() {
    for snapshot in [two_currencies(), doubtful_test_data()] {
        let text = markdown(&snapshot);
        for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
            let pipes_at = |line: &str| line.match_indices('|').map(|(at, _)| at).collect::<Vec<_>>();
            let first = pipes_at(block.lines().next().unwrap());
            assert!(block.lines().all(|line| pipes_at(line) == first), "{block}");
        }
    }
}

#[test]
fn tables_are_read_as_tables() {
    let columns = |text: &str| tables(text).iter().map(|table| table[0].len()).collect::<Vec<_>>();
    let rich = columns(&markdown(&two_currencies()));
    // All currencies, four of pounds with reasons, dollars in short, users, engagement and two matrices, three of the
    // product with its users, the funnel, payments.
    assert_eq!(rich, [4, 4, 4, 4, 4, 4, 4, 4, 4, 10, 7, 4, 4, 6, 7, 4, 6]);
    assert_eq!(columns(&markdown(&nothing())), [0; 0]);
    // Yen with four tables, dinars in short, then payments, refunds, unpriced subscriptions.
    assert_eq!(columns(&markdown(&doubtful_test_data())), [4, 4, 4, 4, 4, 6, 5, 4]);
}

/// The table whose first column has this title.
fn table(text: &str, title: &str) -> Cells {
    tables(text).into_iter().find(|table| table[0][0] == title).unwrap()
}

#[test]
fn a_figure_stands_beside_its_previous_period_and_its_change() {
    let text = markdown(&two_currencies());
    let figures = table(&text, "Figure");
    assert_eq!(figures[0], ["Figure", "These 7 days", "7 days before", "Change"]);
    assert_eq!(figures[1], ["MRR (net)", "GBP 320.00", "GBP 285.00", "GBP +35.00 (+12.3 %)"]);
}

#[test]
fn only_periods_that_are_not_over_are_empty() {
    for table in tables(&markdown(&two_currencies())) {
        let is_matrix = table[0][1] == "Users";
        for row in &table {
            let filled = row.iter().take_while(|cell| !cell.is_empty()).count();
            assert!(
                if is_matrix { row[filled..].iter().all(String::is_empty) } else { filled == row.len() },
                "{row:?}"
            );
        }
    }
}

#[test]
fn the_movements_add_up_as_they_are_shown() {
    let amount = |cell: &str| cell.replace("GBP ", "").replace([',', '.'], "").parse::<i64>().unwrap();
    let text = markdown(&two_currencies());
    let movements = tables(&text).into_iter().filter(|table| table[1][0] == "Opening MRR");
    for table in movements.skip(1) {
        for period in [1, 2] {
            let column: Vec<i64> = table[1..].iter().map(|row| amount(&row[period])).collect();
            let [opening, new, reactivation, expansion, contraction, churn, closing] = column[..] else {
                panic!("{column:?}")
            };
            assert_eq!(opening + new + reactivation + expansion - contraction - churn, closing);
        }
    }
}
