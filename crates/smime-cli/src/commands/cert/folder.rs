use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, Kind},
    report::{Report, printable},
};

/// Returns the files of `paths`, in their order, and in place of each folder every file below it; a
/// remark counts what is passed over in it.
///
/// # Errors
/// A [`Failure`] for a folder that cannot be read, or has no file to read.
pub(super) fn files(paths: &[PathBuf], report: &Report) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        let root = fs::canonicalize(path).map_err(|error| Failure::unreadable(path, &error))?;
        let mut folder = Folder {
            root,
            passed_over: PassedOver::default(),
            files: &mut files,
        };
        folder.walk(path)?;
        let passed_over = folder.passed_over;
        let name = printable(&path.display().to_string());
        if let Some(words) = passed_over.words() {
            report.remark(&format!("{name}: passed over: {words}"));
        }
        if files.len() == before {
            let detail = format!("{name}: no file to read in this folder");
            return Err(Failure::new(Kind::Input, "input.empty_folder", detail));
        }
    }
    Ok(files)
}

/// A folder whose files are listed.
struct Folder<'f> {
    /// Without links in it, so that it is a part of the path of all that is below it.
    root: PathBuf,
    passed_over: PassedOver,
    files: &'f mut Vec<PathBuf>,
}

/// How many entries of a folder are not read.
#[derive(Clone, Copy, Default)]
struct PassedOver {
    hidden: usize,
    outside: usize,
    linked_folders: usize,
    special: usize,
}

impl Folder<'_> {
    /// Takes the files of a folder and of those below it, folders among files by their names.
    ///
    /// As deep as folders are nested, for links to folders are not followed.
    fn walk(&mut self, folder: &Path) -> Result<(), Failure> {
        let unreadable = |error: io::Error| Failure::unreadable(folder, &error);
        let entries = fs::read_dir(folder).map_err(unreadable)?;
        let entries: Result<Vec<_>, _> = entries.collect();
        let mut entries = entries.map_err(unreadable)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry
                .file_type()
                .map_err(|error| Failure::unreadable(&path, &error))?;
            if is_hidden(&entry.file_name()) {
                self.passed_over.hidden += 1;
            } else if kind.is_symlink() {
                self.link(path);
            } else if kind.is_dir() {
                self.walk(&path)?;
            } else if kind.is_file() {
                self.files.push(path);
            } else {
                // To read a pipe or a device might never end.
                self.passed_over.special += 1;
            }
        }
        Ok(())
    }

    /// Takes a link to a file of the same folder; the files of a folder are found where they are.
    fn link(&mut self, path: PathBuf) {
        match fs::canonicalize(&path) {
            Ok(target) if !target.starts_with(&self.root) => self.passed_over.outside += 1,
            Ok(target) if target.is_file() => self.files.push(path),
            Ok(target) if target.is_dir() => self.passed_over.linked_folders += 1,
            // Also a link to nothing.
            _ => self.passed_over.special += 1,
        }
    }
}

impl PassedOver {
    fn words(self) -> Option<String> {
        let counts = [
            (self.hidden, "hidden"),
            (self.outside, "links out of the folder"),
            (self.linked_folders, "links to folders"),
            (self.special, "no files"),
        ];
        let words: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
