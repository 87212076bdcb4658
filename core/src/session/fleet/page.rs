//! The table and the picture, held to what the documentation shows.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::run::{FLEET, Report, Scenario};

const BEGIN: &str = "<!-- The test of the fleet writes this table. -->\n";
const END: &str = "\n<!-- Its end. -->";
const BLESS: &str = "if it is meant so: LATCHKEY_BLESS=1 cargo test -p latchkey --lib fleet";

/// One row for each run, in Markdown that is readable as it is.
pub(super) fn table(runs: &[(Scenario, Report)]) -> String {
    let heads = [
        "what happens",
        "app",
        "requests",
        "most by one client",
        "busiest second",
        "retries",
        "cut off at its end",
        "99 % back after",
        "logged out",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for (scenario, report) in runs {
        let after = |text: String| match report.recovered {
            Some(_) => text,
            None => "–".to_owned(),
        };
        rows.push(vec![
            scenario.name.to_owned(),
            scenario.app.name().to_owned(),
            report.requests.to_string(),
            report.most_by_one.to_string(),
            percent(report.largest().into(), FLEET as u64, 2),
            percent(report.retries.into(), report.requests.into(), 0),
            after(report.cut_off.to_string()),
            after(format!("{} s", report.recovered.unwrap_or(0))),
            report.logged_out.to_string(),
        ]);
    }
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            let width = |row: &Vec<String>| row[column].chars().count();
            rows.iter().map(width).max().unwrap_or(0)
        })
        .collect();
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    let rule = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 | 1 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        });
    lines.insert(1, line(&rule.collect::<Vec<_>>(), &widths));
    lines.join("\n")
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, &width))| match column {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        })
        .collect();
    format!("| {} |", cells.join(" | "))
}

/// In whole numbers, so that no machine rounds otherwise.
fn percent(part: u64, whole: u64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let scaled = (part * 100 * scale + whole / 2) / whole.max(1);
    match places {
        0 => format!("{scaled} %"),
        _ => format!("{}.{:02} %", scaled / scale, scaled % scale),
    }
}

/// Holds the tables to the ones in `docs/fleet.md`.
pub(super) fn are_shown(tables: &[String]) {
    let path = root().join("docs/fleet.md");
    let page = fs::read_to_string(&path).expect("the page");
    let mut pieces = page.split(BEGIN);
    let mut expected = pieces.next().unwrap_or_default().to_owned();
    let pieces: Vec<&str> = pieces.collect();
    assert_eq!(pieces.len(), tables.len(), "tables in docs/fleet.md");
    for (piece, table) in pieces.iter().zip(tables) {
        let (_, after) = piece.split_once(END).expect("the table's end");
        expected += &format!("{BEGIN}{table}{END}{after}");
    }
    if is_blessing() {
        write(&path, &expected);
        return;
    }
    assert!(
        page == expected,
        "docs/fleet.md shows other tables; {BLESS}"
    );
}

/// Holds the picture to `docs/images/fleet.svg`, byte for byte.
pub(super) fn is_drawn(svg: &str) {
    let seen = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("fleet.svg");
    write(&seen, svg);
    let reference = root().join("docs/images/fleet.svg");
    if is_blessing() {
        write(&reference, svg);
        return;
    }
    let shown = fs::read_to_string(&reference).unwrap_or_default();
    assert!(
        shown == svg,
        "docs/images/fleet.svg is another picture than {}; {BLESS}",
        seen.display()
    );
}

fn is_blessing() -> bool {
    env::var_os("LATCHKEY_BLESS").is_some_and(|value| value == "1")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}
