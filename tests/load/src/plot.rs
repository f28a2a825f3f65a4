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
/// Of a letter, about.
const LETTER: f64 = 6.5;
const ROW: f64 = 24.0;
const HEAD: f64 = 30.0;

/// Each bar is as long as its median; the line on it goes from the lowest to the highest. Every group has a scale of its own.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let left = bars.iter().map(|bar| bar.name.chars().count() as f64 * LETTER).fold(60.0, f64::max) + 16.0;
    let longest = |group: &str| {
        let theirs = bars.iter().filter(|bar| bar.group == group);
        theirs.map(|bar| bar.spread.highest).fold(f64::MIN_POSITIVE, f64::max)
    };
    let mut body = String::new();
    let (mut y, mut group) = (HEAD, "");
    for bar in bars {
        if bar.group != group {
            group = &bar.group;
            y += ROW;
            let _ = writeln!(body, r#"<text x="4" y="{:.0}" font-weight="bold">{group}</text>"#, y - 6.0);
        }
        let Spread { median, lowest, highest } = bar.spread;
        let across = |value: f64| left + value.max(0.0) / longest(&bar.group) * (WIDTH - left - 70.0);
        let (middle, end) = (y + ROW / 2.0 - 2.0, across(median));
        let _ = writeln!(
            body,
            r#"<text x="{:.0}" y="{:.0}" text-anchor="end">{}</text>"#,
            left - 6.0,
            y + 14.0,
            bar.name
        );
        let _ = writeln!(
            body,
            r##"<rect x="{left:.0}" y="{:.0}" width="{:.1}" height="{:.0}" fill="#5b7f95"/>"##,
            y + 2.0,
            end - left,
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
    page(title, y + 10.0, &body)
}

const CURVE: (f64, f64) = (680.0, 260.0);

/// Points joined by lines, from zero on the way across and from the lowest on the way up.
pub fn curve(title: &str, (across, up): (&str, &str), points: &[(f64, f64)]) -> String {
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let lowest = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min).min(most(|point| point.1));
    let (right, highest) = (most(|point| point.0), most(|point| point.1));
    let (width, height) = CURVE;
    let bottom = HEAD + ROW + height;
    let place = |(x, y): &(f64, f64)| {
        let share = (y - lowest) / (highest - lowest).max(f64::MIN_POSITIVE);
        format!("{:.1} {:.1}", 60.0 + x / right * width, bottom - share * height)
    };
    let path = points.iter().map(place).collect::<Vec<_>>().join("L");
    let mut body = String::new();
    let _ = writeln!(body, r##"<path d="M{path}" fill="none" stroke="#5b7f95" stroke-width="2"/>"##);
    let _ =
        writeln!(body, r##"<path d="M60 {HEAD}V{bottom}H{}" fill="none" stroke="#1f2d3a"/>"##, 60.0 + width);
    for (x, y, anchor, words) in [
        (56.0, bottom, "end", format!("{lowest:.0}")),
        (56.0, HEAD + ROW, "end", format!("{highest:.0}")),
        (64.0, HEAD + 10.0, "start", up.to_owned()),
        (60.0 + width, bottom + 16.0, "end", format!("{right:.0} {across}")),
    ] {
        let _ = writeln!(body, r#"<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>"#);
    }
    page(title, bottom + 26.0, &body)
}

fn page(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"4\" y=\"18\" font-size=\"15\">{title}</text>\n{body}</svg>\n"
    )
}
