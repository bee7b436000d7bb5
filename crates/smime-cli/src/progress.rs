use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::Report;

/// Shows, on a terminal, that work goes on which lasts over a second; until dropped.
#[derive(Debug)]
#[must_use = "what is dropped shows nothing"]
pub(crate) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    pub(crate) fn of(work: &'static str, report: &Report) -> Self {
        // Hidden where standard error is no terminal.
        let target = ProgressDrawTarget::stderr();
        if report.is_quiet() || target.is_hidden() {
            return Self(None);
        }
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let bar = ProgressBar::with_draw_target(None, target)
                    .with_message(work)
                    .with_elapsed(PATIENCE);
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(Duration::from_millis(200));
                // Returns when the other end is dropped.
                let _ = ended.recv();
                bar.finish_and_clear();
            }
        });
        Self(Some((end, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

/// Shows, on a terminal, how far work is that lasts over a second, at what rate, and when it ends.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// `total` is the number of bytes to go through, if that is known.
    pub(crate) fn of(work: &'static str, total: Option<u64>, report: &Report) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        let words = match (report.is_quiet(), total) {
            (true, _) => return Self(bar),
            (false, Some(_)) => "{msg} {wide_bar} {bytes_per_sec}, {eta} left",
            (false, None) => "{spinner} {msg} {bytes}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(words) {
            bar.set_style(style);
        }
        Self(bar.with_message(work))
    }

    /// Says that so many bytes are done.
    pub(crate) fn reach(&self, bytes: u64) {
        if self.0.is_hidden() && self.0.elapsed() > PATIENCE {
            // Stays hidden where standard error is no terminal.
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.set_position(bytes);
    }

    /// Prints something that is no part of the bar.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
