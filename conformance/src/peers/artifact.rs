//! Programs of this workspace, built the way the running test was built.

use super::{Failure, process};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

/// From nothing, on a slow machine.
const BUILD: Duration = Duration::from_secs(30 * 60);

/// Something cargo builds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Artifact {
    Binary(&'static str),
    Example(&'static str),
}

impl Artifact {
    /// Builds it and says where it is.
    ///
    /// Cargo tells a test the place of its own package's binaries only, and what
    /// lies in the target folder may be yesterday's; so cargo is asked, once per
    /// process.
    pub(super) fn build(self) -> Result<PathBuf, Failure> {
        static PROGRAMS: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
        let programs = PROGRAMS.get_or_init(|| {
            let folders = Folders::of_this_test()?;
            process::run(folders.build(), "", BUILD)?;
            Ok(folders.programs)
        });
        let path = programs.as_ref().map_err(Clone::clone)?.join(self.file());
        match path.is_file() {
            true => Ok(path),
            false => Err(Failure::new(format!("cargo built no {}", path.display()))),
        }
    }

    fn file(self) -> String {
        let suffix = std::env::consts::EXE_SUFFIX;
        match self {
            Self::Binary(name) => format!("{name}{suffix}"),
            Self::Example(name) => format!("examples/{name}{suffix}"),
        }
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
    /// Every program of the workspace, examples included: that is what the
    /// README's test command has built, with the same features, so that after it
    /// nothing is left to do. One program alone would resolve features of its
    /// own, and build its dependencies again.
    fn build(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["build", "--locked", "--quiet", "--workspace", "--bins", "--examples"]);
        command.args(["--profile", &self.profile]).arg("--target-dir").arg(&self.target);
        if let Some(triple) = &self.triple {
            command.args(["--target", triple]);
        }
        // What cargo told this test of its package; some build scripts watch these
        // names, and everything above them would be built again.
        for (name, _) in std::env::vars_os() {
            let told = |prefix| name.to_str().is_some_and(|name| name.starts_with(prefix));
            if told("CARGO_PKG_") || told("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

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
