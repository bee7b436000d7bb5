use std::collections::BTreeMap;

use serde::Deserialize;

/// Where our verdicts differ from a suite's, by the name of the case, held against the list of
/// what may differ.
#[derive(Debug, Default)]
pub struct Differences {
    cases: usize,
    found: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Exception {
    case: String,
    reason: String,
}

impl Differences {
    /// Counts a case; `difference` tells what differs, if something does.
    ///
    /// # Panics
    /// When two cases of one name differ.
    pub fn case(&mut self, name: &str, difference: Option<String>) {
        self.cases += 1;
        if let Some(difference) = difference {
            let before = self.found.insert(name.to_owned(), difference);
            assert!(before.is_none(), "two cases are called {name}");
        }
    }

    /// Compares with `exceptions`, a JSON list of `{"case": …, "reason": …}`, and prints the score.
    ///
    /// # Panics
    /// When a difference is not excepted, an exception has no reason, or nothing differs where one
    /// is listed.
    pub fn check(self, suite: &str, exceptions: &str) {
        let listed: Vec<Exception> =
            serde_json::from_str(exceptions).expect("a list of cases and reasons");
        for Exception { case, reason } in &listed {
            assert!(
                !reason.is_empty(),
                "{suite}: {case} is excepted without a reason"
            );
            assert!(
                self.found.contains_key(case),
                "{suite}: {case} is excepted and does not differ"
            );
        }
        for (case, difference) in &self.found {
            let is_listed = listed.iter().any(|exception| exception.case == *case);
            assert!(is_listed, "{suite}: {case}: {difference}");
        }
        let same = self.cases - self.found.len();
        println!("{suite}: {same} of {} as expected", self.cases);
    }
}
