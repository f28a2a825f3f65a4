//! Tables of figures, in Markdown.

use std::fmt::Write as _;

use crate::measure::Figures;

/// The middle of several runs, and how far they lie apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(lowest), Some(highest)) = (values.first(), values.last()) else { return Spread::default() };
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Spread { median, lowest: *lowest, highest: *highest }
    }

    fn text(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.lowest, self.highest)
    }
}

/// One line for each run.
pub fn table(runs: &[Figures]) -> String {
    let mut table = String::from(
        "| relay | packets | lost | CPU µs/packet | server core | own core | latency p50 / p99 / p99.9 ms | CPU ms/join | kB/person | all seated ms |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for run in runs {
        let latency = run.latency_ms;
        let _ = writeln!(
            table,
            "| {} | {} | {} | {:.2} | {:.0} % | {:.0} % | {:.3} / {:.3} / {:.3} | {:.2} | {:.0} | {:.0} |",
            run.relay,
            run.packets,
            run.lost,
            run.cpu_us_per_packet,
            run.server_share * 100.0,
            run.own_share * 100.0,
            latency.p50,
            latency.p99,
            latency.p999,
            run.cpu_ms_per_join,
            run.memory_kb_per_person,
            run.seated_ms,
        );
    }
    table
}

/// One line for each relay: medians over its runs, lowest and highest in brackets. The first one is what the others are compared to.
pub fn comparison(contenders: &[Vec<&Figures>]) -> String {
    let of = |runs: &[&Figures], what: fn(&Figures) -> f64| Spread::of(runs.iter().map(|run| what(run)));
    let cost = |runs: &[&Figures]| of(runs, |run| run.cpu_us_per_packet);
    let limit = contenders.first().map_or(1.0, |runs| cost(runs).median);
    let mut table = String::from(
        "| relay | CPU µs/packet | × limit | core | latency p50 ms | p99 ms | p99.9 ms | lost | CPU ms/join | kB/person |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for runs in contenders {
        let Some(first) = runs.first() else { continue };
        let lost: u64 = runs.iter().map(|run| run.lost).sum();
        let packets: u64 = runs.iter().map(|run| run.packets).sum();
        let _ = writeln!(
            table,
            "| {} | {} | {:.2} | {:.0} % | {} | {} | {} | {lost} of {packets} | {} | {} |",
            first.relay,
            cost(runs).text(2),
            cost(runs).median / limit,
            of(runs, |run| run.server_share * 100.0).median,
            of(runs, |run| run.latency_ms.p50).text(3),
            of(runs, |run| run.latency_ms.p99).text(3),
            of(runs, |run| run.latency_ms.p999).text(3),
            of(runs, |run| run.cpu_ms_per_join).text(2),
            of(runs, |run| run.memory_kb_per_person).text(0),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((spread.median, spread.lowest, spread.highest), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
    }
}
