//! Tables that fit the terminal that they are shown on.

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};

/// Characters of a line that nobody looks at: that of a pipe or a file.
const WIDE: usize = 400;
/// A column that gives way keeps at least this.
const LEAST: usize = 6;
const BETWEEN: &str = "  ";

/// How wide a line of standard output may be.
pub(in crate::cli) fn width() -> usize {
    let term = Term::stdout();
    match term.size_checked() {
        Some((_, columns)) if term.is_term() => usize::from(columns).max(20),
        _ => WIDE,
    }
}

/// A column of a table.
pub(in crate::cli) struct Column {
    head: &'static str,
    alignment: Alignment,
    /// Whether it is cut where the terminal is too narrow.
    gives_way: bool,
}

impl Column {
    pub(in crate::cli) const fn left(head: &'static str) -> Self {
        Self { head, alignment: Alignment::Left, gives_way: false }
    }

    pub(in crate::cli) const fn right(head: &'static str) -> Self {
        Self { head, alignment: Alignment::Right, gives_way: false }
    }

    pub(in crate::cli) const fn cut(head: &'static str) -> Self {
        Self { head, alignment: Alignment::Left, gives_way: true }
    }
}

/// Rows, some with a note below them. Their texts have been through `text::shown`.
pub(in crate::cli) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<Line<N>>,
}

enum Line<const N: usize> {
    Title(String),
    Row([String; N]),
    Note(String),
}

impl<const N: usize> Table<N> {
    pub(in crate::cli) const fn new(columns: [Column; N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// A line above the rows that follow.
    pub(in crate::cli) fn title(&mut self, title: String) {
        self.rows.push(Line::Title(title));
    }

    pub(in crate::cli) fn row(&mut self, cells: [String; N]) {
        self.rows.push(Line::Row(cells));
    }

    /// Words about the row above.
    pub(in crate::cli) fn note(&mut self, note: String) {
        self.rows.push(Line::Note(note));
    }

    /// The lines, none wider than `width` where that can be.
    pub(in crate::cli) fn lines(&self, width: usize) -> Vec<String> {
        let widths = self.widths(width);
        let line = |cells: [&str; N]| {
            let cells = cells.into_iter().zip(&self.columns).zip(widths);
            let cells = cells.map(|((cell, column), width)| {
                pad_str(&truncate_str(cell, width, "…"), width, column.alignment, None).into_owned()
            });
            let line = cells.collect::<Vec<_>>().join(BETWEEN);
            truncate_str(line.trim_end(), width, "…").into_owned()
        };
        let mut lines = vec![line(self.columns.each_ref().map(|column| column.head))];
        for row in &self.rows {
            match row {
                Line::Title(title) => lines.push(truncate_str(title, width, "…").into_owned()),
                Line::Row(cells) => lines.push(line(cells.each_ref().map(String::as_str))),
                Line::Note(note) => lines.extend(wrapped(note, width, "  ")),
            }
        }
        lines
    }

    fn widths(&self, width: usize) -> [usize; N] {
        let mut widths = self.columns.each_ref().map(|column| column.head.len());
        for row in &self.rows {
            let Line::Row(cells) = row else { continue };
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(measure_text_width(cell));
            }
        }
        let between = BETWEEN.len() * N.saturating_sub(1);
        // The widest one that may gives way first.
        loop {
            let total = widths.iter().sum::<usize>() + between;
            let over = total.saturating_sub(width);
            let giving = widths.iter_mut().zip(&self.columns).filter(|(_, column)| column.gives_way);
            match giving.map(|(width, _)| width).filter(|width| **width > LEAST).max() {
                Some(widest) if over > 0 => *widest -= 1,
                _ => return widths,
            }
        }
    }
}

/// A text as lines of at most `width`, each begun with `indent`; words that are longer are broken.
pub(in crate::cli) fn wrapped(text: &str, width: usize, indent: &str) -> Vec<String> {
    let room = width.saturating_sub(indent.len()).max(LEAST);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let gap = usize::from(!line.is_empty());
            if measure_text_width(&line) + gap + measure_text_width(word) <= room {
                if gap > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            }
            if !line.is_empty() {
                lines.push(format!("{indent}{line}"));
                line.clear();
                continue;
            }
            let at = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
            let (head, tail) = word.split_at(at);
            lines.push(format!("{indent}{head}"));
            word = tail;
            if word.is_empty() {
                break;
            }
        }
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new([Column::left("ID"), Column::cut("NAME"), Column::right("N")]);
        table.title("built-in".to_owned());
        table.row(["73d7da06".to_owned(), "a name that is rather long".to_owned(), "1,234".to_owned()]);
        table.note("why: it is too long by far for this table".to_owned());
        table.row(["1".to_owned(), "短い名前".to_owned(), "5".to_owned()]);
        table
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 24..80 {
            for line in table().lines(width) {
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
        insta::assert_snapshot!(table().lines(30).join("\n"));
    }

    #[test]
    fn a_word_that_is_too_long_is_broken() {
        assert_eq!(wrapped("ab abcdefghijklm c", 10, "  "), ["  ab", "  abcdefgh", "  ijklm c"]);
        assert_eq!(wrapped("", 10, "  "), Vec::<String>::new());
    }
}
