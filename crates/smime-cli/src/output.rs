use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Kind};

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
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let temporary = NamedTempFile::new_in(folder).map_err(|error| unwritable(path, &error))?;
        Ok(Self::File {
            temporary: BufWriter::new(temporary),
            path: path.to_owned(),
        })
    }

    /// Opens `path`, or standard output when there is none.
    pub(crate) fn open(path: Option<&Path>, inputs: &[&Path]) -> Result<Self, Failure> {
        path.map_or_else(
            || Ok(Self::Standard(io::stdout())),
            |path| Self::file(path, inputs),
        )
    }

    /// Puts the file in its place.
    pub(crate) fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Standard(mut out) => Ok(out.flush()?),
            Self::File { temporary, path } => {
                let temporary = temporary
                    .into_inner()
                    .map_err(|error| unwritable(&path, error.error()))?;
                temporary
                    .as_file()
                    .sync_all()
                    .map_err(|error| unwritable(&path, &error))?;
                temporary
                    .persist(&path)
                    .map_err(|error| unwritable(&path, &error.error))?;
                Ok(())
            }
        }
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

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Other,
        "output.unwritable",
        format!("{}: {error}", path.display()),
    )
}
