//! What the specifications demand, and which test shows each of it.
//!
//! The tables in `conformance/requirements` have a row for each normative statement; tests cite rows by id.
//! [`run`] brings both together: every row that has to be covered is covered by a test that is run, or excepted for
//! a reason, and every citation is of a row that exists and stands where it can be checked.
//!
//! It does not judge whether a test is true to its row; that is what breaking rules by hand is for.
//!
//! ```no_run
//! use xmpp_conformance::coverage::{self, Options};
//!
//! let outcome = coverage::run(&Options::default())?;
//! print!("{}", outcome.text);
//! assert!(outcome.findings.is_empty());
//! # Ok::<(), coverage::Finding>(())
//! ```

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Args;

mod citation;
mod draw;
mod exceptions;
mod finding;
mod lexer;
mod ratchet;
mod report;
mod scan;
mod sheet;
mod table;

pub use self::finding::Finding;
use self::{
    draw::DRAWN, exceptions::Exceptions, ratchet::Ratchet, report::Coverage, scan::Scan, table::Requirements,
};

/// Where the tables are in a workspace.
const FOLDER: &str = "conformance/requirements";

/// What can be asked.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Folder of the workspace [default: the one around the current folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    /// Let the rows in open.tsv be open, and only those
    #[arg(long)]
    ratchet: bool,

    /// Remove from open.tsv what is not open any more
    #[arg(long, requires = "ratchet")]
    write: bool,

    /// Print the first N rows of the draw from each part instead, and which tests cite them [default: 40]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "40", conflicts_with_all = ["json", "ratchet"])]
    draw: Option<usize>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The report, as it was asked for.
    pub text: String,
    /// What keeps it from being good.
    pub findings: Vec<Finding>,
}

/// Reads tables and tests, and reports.
///
/// # Errors
/// The workspace is not found, or one of its files is missing or malformed.
pub fn run(options: &Options) -> Result<Outcome, Finding> {
    let root = root(options.root.as_deref())?;
    let folder = Path::new(FOLDER);
    let requirements = Requirements::read(&root, folder)?;
    let excepted = folder.join("exceptions.tsv");
    let exceptions = Exceptions::read(&root, &excepted, &requirements)?;
    let Scan { tests, mut findings } = scan(&root, &requirements)?;
    let coverage = Coverage::new(&requirements, &tests, &exceptions);
    if let Some(count) = options.draw {
        return Ok(Outcome { text: draw::list(&draw::draw(&coverage, count)), findings: Vec::new() });
    }
    findings.extend(coverage.judge(&exceptions, &excepted));
    let drawn = draw::draw(&coverage, DRAWN);
    findings.extend(draw::compare(&root, &folder.join("broken-by-hand.tsv"), &drawn, !options.ratchet)?);
    let open = coverage.open();
    if options.ratchet {
        let path = folder.join("open.tsv");
        let mut ratchet = Ratchet::read(&root, &path, &requirements)?;
        if options.write {
            ratchet.shrink(&open)?;
        }
        findings.extend(ratchet.compare(&open));
    } else if !open.is_empty() {
        let message = format!("{} rows are neither covered nor excepted", open.len());
        findings.push(Finding::in_file(folder, message));
    }
    let text = if options.json {
        coverage.json(&findings).map_err(|error| Finding::in_file(folder, error.to_string()))?
    } else {
        coverage.to_string()
    };
    Ok(Outcome { text, findings })
}

/// The folder that was given, or the nearest one around the current folder that has tables.
fn root(given: Option<&Path>) -> Result<PathBuf, Finding> {
    let current = match given {
        Some(given) => given.to_owned(),
        None => env::current_dir().map_err(|error| Finding::in_file(Path::new("."), error.to_string()))?,
    };
    let mut candidates = current.ancestors().take(if given.is_some() { 1 } else { usize::MAX });
    match candidates.find(|folder| folder.join(FOLDER).is_dir()) {
        Some(root) => Ok(root.to_owned()),
        None => Err(Finding::in_file(&current, format!("there is no folder {FOLDER}"))),
    }
}

/// Scans the sources of the workspace.
fn scan(root: &Path, requirements: &Requirements) -> Result<Scan, Finding> {
    let mut scan = Scan::default();
    for file in sources(root)? {
        let text = fs::read_to_string(root.join(&file))
            .map_err(|error| Finding::in_file(&file, error.to_string()))?;
        scan.source(&file, &text, requirements);
    }
    Ok(scan)
}

/// The Rust sources below `root`, sorted, without what is built, fetched or hidden.
fn sources(root: &Path) -> Result<Vec<PathBuf>, Finding> {
    let mut sources = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let told = |error: std::io::Error| Finding::in_file(&folder, error.to_string());
        for entry in fs::read_dir(root.join(&folder)).map_err(told)? {
            let entry = entry.map_err(told)?;
            let kind = entry.file_type().map_err(told)?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && !matches!(&*name, "target" | "node_modules") {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(".rs") {
                sources.push(path);
            }
        }
    }
    sources.sort();
    Ok(sources)
}
