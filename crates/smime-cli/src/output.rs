use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use smime::io::Source;
use tempfile::NamedTempFile;

use crate::{
    failure::{Failure, Kind},
    report::Report,
};

/// A file that appears whole or not at all, or standard output.
#[derive(Debug)]
#[must_use = "an output that is not kept disappears"]
pub(crate) enum Output {
    File {
        temporary: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
    Standard(io::Stdout),
}

impl Output {
    /// Opens a file beside `path` that will take its place; never over one of `inputs`.
    pub(crate) fn file(path: &Path, inputs: &[&Path]) -> Result<Self, Failure> {
        let same = |input: &Path| match (fs::canonicalize(path), fs::canonicalize(input)) {
            (Ok(output), Ok(input)) => output == input,
            _ => false,
        };
        if inputs.iter().any(|input| same(input)) {
            let detail = format!("{} is an input", path.display());
            return Err(Failure::new(Kind::Usage, "output.is_input", detail));
        }
        if path.is_dir() || path == Path::new("-") {
            let detail = format!("{} is not a file to write", path.display());
            return Err(Failure::new(Kind::Usage, "output.not_a_file", detail));
        }
        let temporary =
            NamedTempFile::new_in(folder_of(path)).map_err(|error| unwritable(path, &error))?;
        Ok(Self::File {
            temporary: BufWriter::new(temporary),
            path: path.to_owned(),
        })
    }

    /// As [`Output::file`], never over any file: what cannot be made again is not written over.
    pub(crate) fn new_file(path: &Path, inputs: &[&Path]) -> Result<Self, Failure> {
        if path.exists() {
            let detail = format!("{} is there already", path.display());
            return Err(Failure::new(Kind::Usage, "output.exists", detail));
        }
        Self::file(path, inputs)
    }

    /// Opens `path`, or standard output where there is none or it is `-`.
    ///
    /// Returns `None` where standard output is for JSON.
    pub(crate) fn open(
        path: Option<&Path>,
        inputs: &[&Path],
        report: &Report,
    ) -> Result<Option<Self>, Failure> {
        match path.filter(|path| *path != Path::new("-")) {
            Some(path) => Ok(Some(Self::file(path, inputs)?)),
            None if report.is_json() => Ok(None),
            None => Ok(Some(Self::Standard(io::stdout()))),
        }
    }

    /// As [`Output::open`], for what would be lost where there is no output.
    pub(crate) fn required(
        path: Option<&Path>,
        inputs: &[&Path],
        report: &Report,
    ) -> Result<Self, Failure> {
        Self::open(path, inputs, report)?.ok_or_else(|| {
            let detail = "with --json the result needs a file: -o FILE";
            Failure::new(Kind::Usage, "output.missing", detail)
        })
    }

    pub(crate) fn is_standard(&self) -> bool {
        matches!(self, Self::Standard(_))
    }

    /// Writes everything that `content` returns, and puts it in its place.
    pub(crate) fn take(mut self, content: &Source) -> Result<(), Failure> {
        io::copy(&mut content.open()?, &mut self)?;
        self.keep()
    }

    /// Puts the file in its place.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        Self::keep_all([self])
    }

    /// Puts every file in its place, when all of them are on the disk; or none.
    pub(crate) fn keep_all(outputs: impl IntoIterator<Item = Self>) -> Result<(), Failure> {
        let mut written = Vec::new();
        for output in outputs {
            match output {
                Self::Standard(mut out) => out.flush()?,
                Self::File { temporary, path } => {
                    let temporary = temporary
                        .into_inner()
                        .map_err(|error| unwritable(&path, error.error()))?;
                    temporary
                        .as_file()
                        .sync_all()
                        .map_err(|error| unwritable(&path, &error))?;
                    written.push((temporary, path));
                }
            }
        }
        let mut kept: Vec<PathBuf> = Vec::new();
        for (temporary, path) in written {
            if let Err(error) = temporary.persist(&path) {
                discard(&kept);
                return Err(unwritable(&path, &error.error));
            }
            // As far as the folder lets: a kept mail is released next, and a crash must not leave
            // neither of the two.
            let _ = sync_folder(&path);
            kept.push(path);
        }
        Ok(())
    }
}

/// Takes back files that a failure afterwards made worthless.
pub(crate) fn discard(paths: &[PathBuf]) {
    for path in paths {
        let _ = fs::remove_file(path);
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { temporary, .. } => temporary.write(bytes),
            Self::Standard(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { temporary, .. } => temporary.flush(),
            Self::Standard(out) => out.flush(),
        }
    }
}

/// Returns the folder in which a file is.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Makes the name of a file durable, as its content is.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Other,
        "output.unwritable",
        format!("{}: {error}", path.display()),
    )
}
