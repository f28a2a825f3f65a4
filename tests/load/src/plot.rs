//! Bars in SVG: enough for a document, and no reason for a library.

use std::fmt::Write as _;

use crate::report::Spread;

#[derive(Clone, Debug)]
pub struct Bar {
    /// Bars of one group stand together.
    pub group: String,
    pub name: String,
    pub spread: Spread,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 90.0;
const ROW: f64 = 24.0;
const HEAD: f64 = 30.0;

/// Each bar is as long as its median; the line on it goes from the lowest to the highest.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.spread.highest).fold(f64::MIN_POSITIVE, f64::max);
    let across = |value: f64| LEFT + value / longest * (WIDTH - LEFT - 70.0);
    let mut body = String::new();
    let (mut y, mut group) = (HEAD, "");
    for bar in bars {
        if bar.group != group {
            group = &bar.group;
            y += ROW;
            let _ = writeln!(body, r#"<text x="4" y="{:.0}" font-weight="bold">{group}</text>"#, y - 6.0);
        }
        let Spread { median, lowest, highest } = bar.spread;
        let (middle, end) = (y + ROW / 2.0 - 2.0, across(median));
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
            LEFT - 6.0,
            y + 14.0,
            bar.name
        );
        let _ = writeln!(
            body,
            r##"<rect x="{LEFT}" y="{:.0}" width="{:.1}" height="{:.0}" fill="#5b7f95"/>"##,
            y + 2.0,
            end - LEFT,
            ROW - 8.0
        );
        let _ = writeln!(
            body,
            r##"<path d="M{:.1} {middle}H{:.1}" stroke="#1f2d3a" stroke-width="2"/>"##,
            across(lowest),
            across(highest)
        );
        let _ = writeln!(
            body,
            r#"<text x="{:.1}" y="{:.0}">{median:.2}</text>"#,
            across(highest) + 6.0,
            y + 14.0
        );
        y += ROW;
    }
    let height = y + 10.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"4\" y=\"18\" font-size=\"15\">{title}</text>\n{body}</svg>\n"
    )
}
