//! Programs of this workspace, built the way the running test was built.

use super::{Failure, process};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// From nothing, on a slow machine.
const BUILD: Duration = Duration::from_secs(20 * 60);

/// Something cargo builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Artifact {
    Binary(&'static str),
    Example(&'static str),
}

impl Artifact {
    /// Builds it, at most once per process, and says where it is.
    ///
    /// Cargo tells a test the place of its own package's binaries only, and what
    /// lies in the target folder may be yesterday's; so cargo is asked.
    pub(super) fn build(self) -> Result<PathBuf, Failure> {
        static BUILT: Mutex<BTreeMap<Artifact, PathBuf>> = Mutex::new(BTreeMap::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = built.get(&self) {
            return Ok(path.clone());
        }
        let folders = Folders::of_this_test()?;
        process::run(self.command(&folders), "", BUILD)?;
        let path = folders.programs.join(self.file());
        if !path.is_file() {
            return Err(Failure::new(format!("{self:?} was built, but not as {}", path.display())));
        }
        built.insert(self, path.clone());
        Ok(path)
    }

    fn file(self) -> PathBuf {
        let suffix = std::env::consts::EXE_SUFFIX;
        match self {
            Self::Binary(name) => format!("{name}{suffix}").into(),
            Self::Example(name) => format!("examples/{name}{suffix}").into(),
        }
    }

    fn command(self, folders: &Folders) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        // --workspace: the features of the README's test command. Those of one
        // package alone would differ, and every dependency be built twice.
        command.args(["build", "--locked", "--quiet", "--workspace", "--target-dir"]).arg(&folders.target);
        if let Some(triple) = &folders.triple {
            command.args(["--target", triple]);
        }
        command.args(["--profile", &folders.profile]);
        match self {
            Self::Binary(name) => command.args(["--bin", name]),
            Self::Example(name) => command.args(["--example", name]),
        };
        command
    }
}

/// The target folder that the running test was built into.
pub(super) fn target_folder() -> Result<PathBuf, Failure> {
    Folders::of_this_test().map(|folders| folders.target)
}

/// `target/[triple/]profile/`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Folders {
    target: PathBuf,
    triple: Option<String>,
    profile: String,
    programs: PathBuf,
}

impl Folders {
    fn of_this_test() -> Result<Self, Failure> {
        let test = std::env::current_exe()?;
        Self::of(&test)
            .ok_or_else(|| Failure::new(format!("{} is not where cargo builds tests", test.display())))
    }

    /// Of a test at `target/[triple/]profile/deps/test-hash`. A triple's folder
    /// is told from the target folder by the tag that cargo gives to the latter.
    fn of(test: &Path) -> Option<Self> {
        let programs = test.ancestors().find(|folder| folder.ends_with("deps"))?.parent()?;
        let profile = match programs.file_name()?.to_str()? {
            // The folder of the profile `dev` has kept an older name.
            "debug" => "dev",
            name => name,
        };
        let above = programs.parent()?;
        let tagged = |folder: &Path| folder.join(".rustc_info.json").is_file();
        let (target, triple) = match above.parent() {
            Some(target) if !tagged(above) && tagged(target) => (target, above.file_name()?.to_str()),
            _ => (above, None),
        };
        Some(Self {
            target: target.into(),
            triple: triple.map(str::to_owned),
            profile: profile.to_owned(),
            programs: programs.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_found_with_and_without_a_triple() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        std::fs::write(target.join(".rustc_info.json"), "").unwrap();
        for (folder, triple, profile) in [
            ("debug", None, "dev"),
            ("release", None, "release"),
            ("x86_64-unknown-linux-gnu/debug", Some("x86_64-unknown-linux-gnu"), "dev"),
        ] {
            let programs = target.join(folder);
            let expected = Folders {
                target: target.into(),
                triple: triple.map(str::to_owned),
                profile: profile.to_owned(),
                programs: programs.clone(),
            };
            assert_eq!(Folders::of(&programs.join("deps/some_test-0123")), Some(expected));
        }
    }

    #[test]
    fn a_program_elsewhere_is_no_test() {
        assert_eq!(Folders::of(Path::new("/usr/bin/true")), None);
    }
}
