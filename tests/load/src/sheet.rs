//! Figures of one server that are not beside another's: gathered over repeats, told as they come, and written as a table, as JSON and as
//! bars.

use std::{fmt::Write as _, fs, path::Path};

use serde::Serialize;

use crate::{
    Fallible, machine,
    plot::{self, Bar},
    report::Spread,
};

#[derive(Debug, Default)]
pub struct Sheet {
    entries: Vec<Entry>,
    /// The group that was told last.
    last: Option<String>,
}

#[derive(Debug, Serialize)]
struct Entry {
    /// What it is about; bars of one group and unit stand together.
    group: String,
    name: String,
    unit: &'static str,
    /// One of each repeat.
    values: Vec<f64>,
}

impl Sheet {
    /// The same once more is another repeat.
    pub fn note(&mut self, group: &str, name: &str, unit: &'static str, value: f64) {
        if self.last.as_deref() != Some(group) {
            println!("  {group}");
            self.last = Some(group.to_owned());
        }
        println!("    {name}: {} {unit}", rounded(value));
        let known = self.entries.iter_mut().find(|entry| entry.group == group && entry.name == name);
        match known {
            Some(entry) => entry.values.push(value),
            None => {
                let (group, name) = (group.to_owned(), name.to_owned());
                self.entries.push(Entry { group, name, unit, values: vec![value] });
            }
        }
    }

    /// Writes NAME.json, NAME.md and NAME.svg, and prints the table.
    pub fn write(&self, title: &str, folder: &Path, name: &str) -> Fallible<()> {
        let text = format!("{title} ({}); median (lowest–highest).\n\n{}", machine(), self.table());
        fs::create_dir_all(folder)?;
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(&self.entries)?)?;
        fs::write(folder.join(format!("{name}.md")), &text)?;
        fs::write(folder.join(format!("{name}.svg")), plot::bars(title, &self.bars()))?;
        println!("\n{text}\nWritten to {}/{name}.json, .md and .svg.", folder.display());
        Ok(())
    }

    fn table(&self) -> String {
        let mut table = String::from("| | | | |\n|---|---|---|---|\n");
        let mut before = "";
        for Entry { group, name, unit, values } in &self.entries {
            let shown = if group == before { "" } else { group };
            before = group;
            let Spread { median, lowest, highest } = Spread::of(values.iter().copied());
            let (median, lowest, highest) = (rounded(median), rounded(lowest), rounded(highest));
            let spread = if values.len() > 1 { format!(" ({lowest}–{highest})") } else { String::new() };
            let _ = writeln!(table, "| {shown} | {name} | {median}{spread} | {unit} |");
        }
        table
    }

    fn bars(&self) -> Vec<Bar> {
        let bar = |entry: &Entry| Bar {
            group: format!("{}, {}", entry.group, entry.unit),
            name: entry.name.clone(),
            spread: Spread::of(entry.values.iter().copied()),
        };
        let mut bars: Vec<Bar> = vec![];
        for next in self.entries.iter().map(bar) {
            let at = bars.iter().rposition(|bar| bar.group == next.group).map_or(bars.len(), |at| at + 1);
            bars.insert(at, next);
        }
        bars
    }
}

/// With as many digits as say something.
fn rounded(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_one_line_and_bars_of_one_unit_stand_together() {
        let mut sheet = Sheet::default();
        for (name, unit, value) in [("a", "ms", 1.0), ("b", "kB", 250.4), ("c", "ms", 0.25), ("a", "ms", 3.0)]
        {
            sheet.note("group", name, unit, value);
        }
        let rows: Vec<String> = sheet.table().lines().skip(2).map(str::to_owned).collect();
        assert_eq!(rows, ["| group | a | 2 (1–3) | ms |", "|  | b | 250 | kB |", "|  | c | 0.250 | ms |"]);
        assert_eq!(sheet.bars().iter().map(|bar| bar.name.as_str()).collect::<Vec<_>>(), ["a", "c", "b"]);
    }
}
