use std::collections::BTreeMap;

use serde::Deserialize;

/// Where our verdicts differ from a suite's, by the name of the case, held against the list of
/// what may differ.
#[derive(Debug, Default)]
pub struct Differences {
    cases: usize,
    found: BTreeMap<String, String>,
    wrongly_accepted: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Exception {
    Case {
        case: String,
        difference: Option<String>,
        reason: String,
    },
    Family {
        family: String,
        cases: usize,
        difference: String,
        reason: String,
    },
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

    /// Counts a case that was accepted and must not be, which nothing excepts.
    pub fn wrongly_accepted(&mut self, name: &str) {
        self.cases += 1;
        self.wrongly_accepted.push(name.to_owned());
    }

    /// Compares with `exceptions`, prints the score and returns how many cases are as expected.
    ///
    /// The exceptions are a JSON list of `{"case": …, "difference": …, "reason": …}`; without
    /// `difference` a case may differ in any way. Many cases of one reason are
    /// `{"family": …, "cases": …, "difference": …, "reason": …}`: as many as it says, whose names
    /// begin so and which differ so, but for those that stand before it.
    ///
    /// # Panics
    /// When a case was wrongly accepted, differs without an exception or in another way than its
    /// exception says, when a case is excepted that does not differ or stands there twice, when a
    /// family has more or fewer cases, or when a reason is none.
    pub fn check(self, suite: &str, exceptions: &str) -> usize {
        let right = self.cases - self.found.len() - self.wrongly_accepted.len();
        println!("{suite}: {right} of {} as expected", self.cases);
        let faults = self.faults(exceptions);
        assert!(faults.is_empty(), "{suite}:\n{}", faults.join("\n"));
        right
    }

    fn faults(self, exceptions: &str) -> Vec<String> {
        let accepted = self.wrongly_accepted.iter();
        let mut faults: Vec<_> = accepted
            .map(|case| format!("{case}: wrongly accepted"))
            .collect();
        let mut found = self.found;
        let listed: Vec<Exception> =
            serde_json::from_str(exceptions).expect("a list of cases and reasons");
        for exception in listed {
            let (name, reason) = match &exception {
                Exception::Case { case, reason, .. } => (case, reason),
                Exception::Family { family, reason, .. } => (family, reason),
            };
            if reason.len() < SHORTEST_REASON {
                faults.push(format!("{name}: excepted without a reason"));
            }
            faults.extend(exception.take(&mut found));
        }
        let unlisted = found.into_iter();
        faults.extend(unlisted.map(|(case, difference)| format!("{case}: {difference}")));
        faults
    }
}

impl Exception {
    /// Takes what is excepted out of what was found; says why it cannot.
    fn take(self, found: &mut BTreeMap<String, String>) -> Option<String> {
        match self {
            Self::Case {
                case, difference, ..
            } => match (found.remove(&case), difference) {
                (None, _) => Some(format!("{case}: excepted and does not differ")),
                (Some(found), Some(listed)) if found != listed => {
                    Some(format!("{case}: {found}, excepted is {listed}"))
                }
                (Some(_), _) => None,
            },
            Self::Family {
                family,
                cases,
                difference,
                ..
            } => {
                let before = found.len();
                found.retain(|case, it| !case.starts_with(&family) || *it != difference);
                let taken = before - found.len();
                (taken != cases || taken == 0)
                    .then(|| format!("{family}: {taken} cases differ, excepted are {cases}"))
            }
        }
    }
}

/// Bytes; a word or two.
const SHORTEST_REASON: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn differences() -> Differences {
        let mut differences = Differences::default();
        differences.case("a", None);
        differences.case("b", Some("refused".to_owned()));
        differences
    }

    #[test]
    fn what_differs_as_listed_is_no_fault() {
        for exceptions in [
            r#"[{"case": "b", "reason": "nobody writes it"}]"#,
            r#"[{"case": "b", "difference": "refused", "reason": "nobody writes it"}]"#,
        ] {
            assert_eq!(differences().check("suite", exceptions), 1);
        }
    }

    #[test]
    fn exceptions_do_not_outlive_their_reasons() {
        for (exceptions, faults) in [
            ("[]", &["b: refused"][..]),
            (
                r#"[{"case": "b", "reason": ""}]"#,
                &["b: excepted without a reason"],
            ),
            (
                r#"[{"case": "b", "difference": "malformed", "reason": "nobody writes it"}]"#,
                &["b: refused, excepted is malformed"],
            ),
            (
                r#"[{"case": "a", "reason": "nobody writes it"}]"#,
                &["a: excepted and does not differ", "b: refused"],
            ),
            (
                r#"[{"case": "b", "reason": "nobody writes it"},
                    {"case": "b", "reason": "nobody writes it"}]"#,
                &["b: excepted and does not differ"],
            ),
        ] {
            assert_eq!(differences().faults(exceptions), faults, "{exceptions}");
        }
    }

    #[test]
    fn a_family_excepts_as_many_cases_as_it_says_and_no_other_difference() {
        let family = |cases: usize, before: &str| {
            let mut differences = differences();
            for (case, difference) in [("x 1", "no rule"), ("x 2", "no rule"), ("x 3", "found")] {
                differences.case(case, Some(difference.to_owned()));
            }
            let exceptions = format!(
                r#"[{before} {{"case": "b", "reason": "nobody writes it"}},
                    {{"family": "x ", "cases": {cases}, "difference": "no rule",
                      "reason": "nobody writes it"}}]"#
            );
            differences.faults(&exceptions)
        };
        let (first, third) = (
            r#"{"case": "x 1", "reason": "nobody writes it"},"#,
            r#"{"case": "x 3", "reason": "nobody writes it"},"#,
        );
        assert_eq!(family(2, ""), ["x 3: found"]);
        assert_eq!(family(2, third), [""; 0]);
        for (cases, before, taken) in [(1, third, 2), (3, third, 2), (2, first, 1)] {
            let fault = format!("x : {taken} cases differ, excepted are {cases}");
            assert!(family(cases, before).contains(&fault), "{cases} {before}");
        }
    }

    #[test]
    fn a_family_of_no_case_is_stale() {
        let exceptions = r#"[{"case": "b", "reason": "nobody writes it"},
            {"family": "x", "cases": 0, "difference": "no rule", "reason": "nobody writes it"}]"#;
        let faults = ["x: 0 cases differ, excepted are 0"];
        assert_eq!(differences().faults(exceptions), faults);
    }

    #[test]
    #[should_panic(expected = "a list of cases and reasons")]
    fn a_family_says_how_it_differs() {
        let exceptions = r#"[{"family": "b", "cases": 1, "reason": "nobody writes it"}]"#;
        differences().faults(exceptions);
    }

    #[test]
    fn nothing_excepts_what_was_wrongly_accepted() {
        let mut differences = differences();
        differences.wrongly_accepted("c");
        let exceptions = r#"[{"case": "b", "reason": "nobody writes it"},
                             {"case": "c", "reason": "it looks good"}]"#;
        let faults = ["c: wrongly accepted", "c: excepted and does not differ"];
        assert_eq!(differences.faults(exceptions), faults);
    }

    #[test]
    #[should_panic(expected = "two cases are called b")]
    fn two_cases_of_one_name_are_told_apart() {
        differences().case("b", Some("refused".to_owned()));
    }
}
