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

const PATIENCE: Duration = Duration::from_secs(1);
