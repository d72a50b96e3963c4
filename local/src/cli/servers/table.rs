//! Text in columns.

use crate::terminal::{Style, Terminal, printable};

/// Width of a screen that every terminal has.
pub(super) const SCREEN: usize = 80;
/// Between two columns.
const GAP: usize = 2;
/// What is left of a column at least when it has to give way.
const NARROWEST: usize = 8;

/// Rows under headings, in a width of 80 characters where that can be had by cutting the last column. The others are what
/// people copy into the next command, and stay whole.
pub(super) fn table(terminal: Terminal, headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| line(cell)).collect()).collect();
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    if let Some((last, others)) = widths.split_last_mut() {
        let taken: usize = others.iter().map(|width| width + GAP).sum();
        *last = (*last).min(SCREEN.saturating_sub(taken).max(NARROWEST));
    }
    let mut lines = vec![terminal.paint(Style::Bold, &in_columns(headings, &widths))];
    lines.extend(rows.iter().map(|row| in_columns(row, &widths)));
    lines.join("\n")
}

/// Names and values below each other; long values go on below themselves.
pub(super) fn fields(terminal: Terminal, fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for (name, value) in fields {
        let mut name = terminal.paint(Style::Dim, &format!("{name:<width$}"));
        for part in wrap(value, SCREEN.saturating_sub(width + GAP)) {
            lines.push(format!("{name}  {part}"));
            name = " ".repeat(width);
        }
    }
    lines.join("\n")
}

/// The text in lines of a width, broken between words; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line(text).split(' ') {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn in_columns<T: AsRef<str>>(cells: &[T], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| {
        let cell = cut(cell.as_ref(), *width);
        format!("{cell:<width$}")
    });
    cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
}

/// The text, cut at a width.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let short: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", short.trim_end())
}

/// Safe to print, and on one line.
fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    printable(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_gives_way() {
        let rows = [
            vec![
                "weather@1.0.0".to_owned(),
                "active".to_owned(),
                "Tells the\nweather \u{1b}[31mof ".to_owned() + &"x".repeat(90),
            ],
            vec!["a@1.0.0".to_owned(), "pending".to_owned(), String::new()],
        ];
        let shown = table(Terminal::plain(), &["SERVER", "STATUS", "NAME"], &rows);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "SERVER         STATUS   NAME");
        assert!(
            lines[1].starts_with("weather@1.0.0  active   Tells the weather [31mof xxx") && lines[1].ends_with('…'),
            "{shown}"
        );
        assert_eq!(lines[2], "a@1.0.0        pending");
        assert!(lines.iter().all(|line| line.chars().count() <= SCREEN), "{shown}");
    }

    #[test]
    fn what_people_copy_stays_whole() {
        let id = format!("{}@1.0.0", "x".repeat(63));
        let shown = table(
            Terminal::plain(),
            &["SERVER", "STATUS", "NAME"],
            &[vec![id.clone(), "active".to_owned(), "Weather station".to_owned()]],
        );
        assert!(shown.contains(&id) && shown.ends_with("Weather…"), "{shown}");
    }

    #[test]
    fn long_values_go_on_below() {
        let shown = fields(
            Terminal::plain(),
            &[("name", "Weather".to_owned()), ("about", "word ".repeat(40).trim().to_owned())],
        );
        assert!(shown.starts_with("name   Weather\nabout  word word"), "{shown}");
        assert!(shown.lines().count() > 3 && shown.lines().all(|line| line.chars().count() <= SCREEN), "{shown}");
        assert!(shown.lines().nth(2).unwrap().starts_with("       word"), "{shown}");
    }
}
