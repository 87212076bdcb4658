//! The picture: requests a second over time, one small chart a scenario, all with the same axes.
//!
//! Whole numbers only, so that it is the same to the byte on every machine.

use std::fmt::Write as _;

use super::run::{FLEET, Report, Scenario};
use super::{MINUTE, PERCENT};

const COLUMNS: usize = 2;
const MINUTES: u64 = 30;
/// Pixels for a chart's plot, and for it with all that is around.
const PLOT: (u64, u64) = (300, 84);
const CHART: (u64, u64) = (370, 150);
const TOP: u64 = 64;
/// The upper end of the axis, in percent of the fleet.
const AXIS: u64 = 12;
/// One column of the plot shows the busiest of so many seconds.
const STEP: usize = (MINUTES * MINUTE / PLOT.0) as usize;

/// Grey and blue that can be read on white and on black; the system's choice makes them stronger.
const STYLE: &str = "\
    text { font: 12px system-ui, sans-serif; fill: #57606a }\n\
    .title { font-size: 15px; font-weight: 600 }\n\
    .name { font-weight: 600 }\n\
    .axis { stroke: #8c959f; fill: none }\n\
    .grid { stroke: #8c959f; stroke-opacity: 0.3; fill: none }\n\
    .bound { stroke: #cf222e; stroke-dasharray: 4 3; fill: none }\n\
    .trouble { fill: #bf8700; fill-opacity: 0.18 }\n\
    .requests { fill: #0969da; stroke: #0969da; stroke-width: 0.5 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #c9d1d9 }\n\
    .bound { stroke: #ff7b72 }\n\
    .requests { fill: #58a6ff; stroke: #58a6ff }\n\
    }\n";

pub(super) fn draw(runs: &[(Scenario, Report)]) -> String {
    let rows = runs.len().div_ceil(COLUMNS) as u64;
    let (width, height) = (CHART.0 * COLUMNS as u64 + 10, TOP + CHART.1 * rows);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>Requests of {FLEET} clients to the token endpoint</title>\n\
         <style>\n{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"24\">Requests to the token endpoint in each second, in % of \
         {FLEET} clients</text>\n\
         <text x=\"16\" y=\"44\">Over 30 minutes. Yellow: the trouble is on. Dashed: the bound of {PERCENT} %.</text>\n"
    );
    for (number, run) in runs.iter().enumerate() {
        let x = 40 + CHART.0 * (number % COLUMNS) as u64;
        let y = TOP + 24 + CHART.1 * (number / COLUMNS) as u64;
        chart(&mut svg, x, y, run);
    }
    svg.push_str("</svg>\n");
    svg
}

/// One chart, with the upper left corner of its plot at `x`, `y`.
fn chart(svg: &mut String, x: u64, y: u64, (scenario, report): &(Scenario, Report)) {
    let (width, height) = PLOT;
    let (name, app) = (scenario.name, scenario.app.name());
    let mut put = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    put(format!("<g transform=\"translate({x} {y})\">"));
    put(format!(
        "<text class=\"name\" y=\"-8\">{name} ({app})</text>"
    ));
    if let Some(trouble) = scenario.trouble_is_on() {
        let left = trouble.start * width / (MINUTES * MINUTE);
        let wide = (trouble.end - trouble.start) * width / (MINUTES * MINUTE);
        put(format!(
            "<rect class=\"trouble\" x=\"{left}\" width=\"{wide}\" height=\"{height}\"/>"
        ));
    }
    for percent in [0, 5, u64::from(PERCENT)] {
        let at = height - percent * height / AXIS;
        put(format!(
            "<text x=\"-6\" y=\"{}\" text-anchor=\"end\">{percent}</text>",
            at + 4
        ));
        let class = match percent {
            0 => "axis",
            5 => "grid",
            _ => "bound",
        };
        put(format!("<path class=\"{class}\" d=\"M0 {at}H{width}\"/>"));
    }
    for minute in [0, 10, 20, MINUTES] {
        let at = minute * width / MINUTES;
        let unit = if minute == MINUTES { " min" } else { "" };
        put(format!(
            "<text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{minute}{unit}</text>",
            height + 16
        ));
    }
    put(format!("<path class=\"axis\" d=\"M0 0V{height}\"/>"));
    put(format!("<path class=\"requests\" d=\"{}\"/>", area(report)));
    put("</g>".to_owned());
}

/// The outline of the columns.
fn area(report: &Report) -> String {
    let mut path = format!("M0 {}", PLOT.1);
    let mut last = None;
    for (column, seconds) in report.seconds.chunks(STEP).enumerate() {
        let busiest = u64::from(seconds.iter().copied().max().unwrap_or(0));
        // In tenths of a pixel.
        let high = (busiest * 100 * PLOT.1 * 10 / (AXIS * FLEET as u64)).min(PLOT.1 * 10);
        let at = PLOT.1 * 10 - high;
        if last != Some(at) {
            write!(path, "H{column}V{}.{}", at / 10, at % 10).expect("text takes it");
        }
        last = Some(at);
    }
    let end = report.seconds.len().div_ceil(STEP);
    write!(path, "H{end}V{}Z", PLOT.1).expect("text takes it");
    path
}
