use std::path::Path;

use smime::x509::{
    Certificate, CertificateUse, Explainer, Explanation, LintFinding, LintProfile, Met, Severity,
    lint,
};

use crate::{
    context::Context,
    failure::{Failure, Judgement},
    input, json,
    report::{Report, printable},
};

/// Says of every certificate of a file what it may be used for; not good when one is of no use.
pub(super) fn explain(
    context: &Context,
    file: &Path,
    report: &Report,
) -> Result<Judgement, Failure> {
    let explainer = Explainer {
        algorithms: &context.policy.algorithms,
        policy: &context.policy.certificates,
        at: context.now(),
    };
    let mut useful = true;
    let readable = input::readable_certificates(file)?;
    for certificate in readable.certificates {
        let explanations = CertificateUse::ALL.map(|usage| explainer.explain(&certificate, usage));
        useful &= explanations.iter().any(Explanation::is_met);
        report.result(&json::explained(&certificate, &explanations), || {
            explanation_words(&certificate, &explanations)
        });
    }
    readable.broken.map_or(Ok(Judgement::of(useful)), Err)
}

/// Finds what every certificate of a file does against its rules; not good when one breaks a SHALL.
pub(super) fn lint_file(
    file: &Path,
    under: Option<LintProfile>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let mut good = true;
    let readable = input::readable_certificates(file)?;
    for certificate in readable.certificates {
        let view = certificate.view();
        let profile = under.unwrap_or_else(|| LintProfile::of(&view));
        let findings = lint(&view, profile);
        good &= !findings.iter().any(|it| it.severity == Severity::Error);
        report.result(&json::linted(&certificate, profile, &findings), || {
            lint_words(&certificate, profile, &findings)
        });
    }
    readable.broken.map_or(Ok(Judgement::of(good)), Err)
}

fn explanation_words(certificate: &Certificate, explanations: &[Explanation]) -> String {
    let mut lines = vec![heading(certificate)];
    for explanation in explanations {
        let verdict = if explanation.is_met() { "yes" } else { "no" };
        lines.push(format!("  {:8} {verdict}", explanation.usage.name()));
        for finding in &explanation.findings {
            if let Met::NotMet { found } = &finding.met {
                let (rule, clause) = (finding.rule, finding.clause);
                lines.push(format!("    {rule:24} {} ({clause})", printable(found)));
            }
        }
    }
    lines.join("\n") + "\n"
}

fn lint_words(certificate: &Certificate, profile: LintProfile, findings: &[LintFinding]) -> String {
    let mut lines = vec![format!("{}, judged as {profile}", heading(certificate))];
    for finding in findings {
        lines.push(format!(
            "  {:8} {:40} {} ({})",
            finding.severity.name(),
            finding.code,
            printable(&finding.detail),
            finding.rule
        ));
    }
    if findings.is_empty() {
        lines.push("  nothing found".to_owned());
    }
    lines.join("\n") + "\n"
}

/// The start of the fingerprint, and who it is.
fn heading(certificate: &Certificate) -> String {
    let fingerprint = json::hex(certificate.fingerprint());
    let start = fingerprint.get(..16).unwrap_or_default();
    format!("{start}  {}", printable(&certificate.subject().to_string()))
}
