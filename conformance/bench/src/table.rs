//! The figures, as text.

use std::collections::BTreeMap;
use std::fmt;

use super::meter::Cost;
use super::story::Figure;

/// What each step costs, by the number of contacts.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    sizes: Vec<usize>,
    /// In the order in which they came.
    steps: Vec<&'static str>,
    costs: BTreeMap<(&'static str, usize), Cost>,
}

impl Table {
    pub(crate) fn new(title: String) -> Self {
        Table { title, sizes: Vec::new(), steps: Vec::new(), costs: BTreeMap::new() }
    }

    /// One more run with that many contacts.
    pub(crate) fn add(&mut self, contacts: usize, figures: &[Figure]) {
        if !self.sizes.contains(&contacts) {
            self.sizes.push(contacts);
        }
        for figure in figures {
            if !self.steps.contains(&figure.step) {
                self.steps.push(figure.step);
            }
            let cost = figure.cost.per(figure.parts);
            let least = self.costs.entry((figure.step, contacts)).or_insert(cost);
            *least = least.least(cost);
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        write!(f, "| {:<42} |", "ns per contact, with")?;
        for size in &self.sizes {
            write!(f, " {size:>6} |")?;
        }
        writeln!(f, " last : first | allocations | peak B | kept B |")?;
        writeln!(f, "|---|{}---|---|---|---|", "---:|".repeat(self.sizes.len()))?;
        for step in &self.steps {
            write!(f, "| {step:<42} |")?;
            let costs: Vec<_> = self.sizes.iter().filter_map(|size| self.costs.get(&(step, *size))).collect();
            for cost in &costs {
                write!(f, " {:>6.0} |", cost.nanos)?;
            }
            if let (Some(first), Some(last)) = (costs.first(), costs.last()) {
                let Cost { allocations, peak, retained, .. } = last;
                let ratio = last.nanos / first.nanos;
                writeln!(f, " {ratio:>12.2} | {allocations:>11.1} | {peak:>6.0} | {retained:>6.0} |")?;
            }
        }
        Ok(())
    }
}
