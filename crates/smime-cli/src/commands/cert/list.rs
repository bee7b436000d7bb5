use std::ops::ControlFlow;

use smime::{
    crypto::UnixTime,
    store::{Store, StoredCertificate},
    x509::{Certificate, EmailAddress},
};

use super::pin::Pins;
use crate::{
    args::Global,
    context::Context,
    failure::{Failure, Judgement},
    fingerprint::{self, FingerprintStart},
    json,
    report::Report,
    table::cell,
};

/// Lists what the store holds, or what of it expires; holds little of it in memory at a time.
pub(super) fn run(
    global: &Global,
    query: Option<&str>,
    expiring: Option<u32>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let context = match Context::with_store(global) {
        // Where nothing is kept there is nothing to list.
        Err(failure) if failure.code == "store.absent" => {
            report.remark_on(&failure);
            return Ok(Judgement::Good);
        }
        context => context?,
    };
    let query = query.map(Query::new);
    let is_wanted = |stored: &StoredCertificate| {
        let mut query = query.iter();
        query.all(|query| query.matches(&stored.certificate))
    };
    let (store, now) = (&*context.store, context.now());
    let mut list = List {
        report,
        now,
        pins: Pins::of(store)?,
        is_empty: true,
    };
    match expiring {
        None => store.visit_certificates(&mut |stored| {
            if is_wanted(&stored) {
                list.print(&stored);
            }
            ControlFlow::Continue(())
        })?,
        Some(days) => {
            let last = UnixTime(now.0.saturating_add(i64::from(days) * DAY));
            each_expiring(store, now, last.min(END_OF_TIME), |stored| {
                if is_wanted(&stored) {
                    list.print_expiring(&stored, renewal(store, &stored)?);
                }
                Ok(())
            })?;
        }
    }
    if list.is_empty && !report.is_json() {
        report.remark("no such certificate in the store");
    }
    Ok(Judgement::Good)
}

/// What certificates of a store are looked for by: a part of a mail address or of the subject, or
/// the beginning of a SHA-256, in either case.
#[derive(Debug)]
pub(super) struct Query {
    text: String,
    /// As an address it finds its other spellings too.
    address: Option<EmailAddress>,
    fingerprint: Option<FingerprintStart>,
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_lowercase(),
            address: EmailAddress::new(text),
            fingerprint: FingerprintStart::read(text),
        }
    }

    pub(super) fn matches(&self, certificate: &Certificate) -> bool {
        let is_part_of = |text: &str| text.to_lowercase().contains(&self.text);
        let mut fingerprint = self.fingerprint.iter();
        fingerprint.any(|start| start.is_start_of(&certificate.fingerprint()))
            || certificate
                .emails()
                .iter()
                .any(|email| is_part_of(email.as_str()) || self.address.as_ref() == Some(email))
            || is_part_of(&certificate.subject().to_string())
    }
}

/// Gives the certificates whose last day is from `first` to `last` to `take`, the soonest first.
///
/// The store returns whatever expires in a time at once; so that a large one does not fill the
/// memory it is asked day by day, and in longer steps while nothing is found.
fn each_expiring(
    store: &dyn Store,
    first: UnixTime,
    last: UnixTime,
    mut take: impl FnMut(StoredCertificate) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut from, mut step) = (first, DAY);
    while from <= last {
        let next = UnixTime(from.0.saturating_add(step));
        let to = UnixTime(next.0.saturating_sub(1));
        let found = store.expiring(from, to.min(last))?;
        step = match found.len() {
            0 => LONGEST_STEP.min(step * 2),
            _ => DAY,
        };
        found.into_iter().try_for_each(&mut take)?;
        from = next;
    }
    Ok(())
}

/// Returns the SHA-256 of the certificate that takes over from `old`: for all its addresses, valid
/// longer, and, when it ends, good for at least the same; with a private key, if it has one.
///
/// Among several it is the one that is valid the longest.
fn renewal(store: &dyn Store, old: &StoredCertificate) -> Result<Option<[u8; 32]>, Failure> {
    let (addresses, end) = (old.certificate.emails(), old.certificate.not_after());
    let uses = json::usable_for(old, end);
    let Some(address) = addresses.first().filter(|_| !uses.is_empty()) else {
        return Ok(None);
    };
    let takes_over = |new: &StoredCertificate| {
        let (emails, usable) = (new.certificate.emails(), json::usable_for(new, end));
        new.certificate.not_after() > end
            && (new.has_key || !old.has_key)
            && addresses.iter().all(|address| emails.contains(address))
            && uses.iter().all(|wanted| usable.contains(wanted))
    };
    let found = store.by_address(address)?.into_iter().filter(takes_over);
    let longest = found.max_by_key(|new| new.certificate.not_after());
    Ok(longest.map(|new| new.certificate.fingerprint()))
}

/// Prints certificates as they are found.
struct List<'r> {
    report: &'r Report,
    now: UnixTime,
    pins: Pins,
    is_empty: bool,
}

impl List<'_> {
    fn print(&mut self, stored: &StoredCertificate) {
        self.head("");
        let value = || json::stored(stored, self.now, &self.pins.addresses(stored));
        self.report.result_with(value, || self.row(stored, ""));
    }

    fn print_expiring(&mut self, stored: &StoredCertificate, renewal: Option<[u8; 32]>) {
        self.head("renewed by");
        let value = || {
            let days = self.days_left(&stored.certificate);
            let pinned_for = self.pins.addresses(stored);
            json::expiring(stored, self.now, &pinned_for, days, renewal)
        };
        self.report.result_with(value, || {
            let renewal = renewal.as_ref().map(fingerprint::short);
            self.row(stored, renewal.as_deref().unwrap_or("-"))
        });
    }

    fn head(&mut self, last: &str) {
        if self.is_empty {
            let titles = [
                "SHA-256",
                "addresses",
                "usable for",
                "key",
                "trust",
                "pin",
                "last day",
                "days left",
                last,
            ];
            self.report.line(&line(titles));
        }
        self.is_empty = false;
    }

    fn row(&self, stored: &StoredCertificate, last: &str) -> String {
        let certificate = &stored.certificate;
        let uses = json::usable_for(stored, self.now).join(",");
        let days_left = match self.days_left(certificate) {
            _ if certificate.not_after() < self.now => "expired".to_owned(),
            days => days.to_string(),
        };
        line([
            &fingerprint::short(&certificate.fingerprint()),
            &whose(certificate),
            if uses.is_empty() { "-" } else { &uses },
            yes_or_no(stored.has_key),
            &json::trust_words(stored.trust),
            yes_or_no(!self.pins.addresses(stored).is_empty()),
            &certificate.not_after().to_string(),
            &days_left,
            last,
        ])
    }

    /// Returns whole days; none are left on the last one.
    fn days_left(&self, certificate: &Certificate) -> i64 {
        let seconds = certificate.not_after().0.saturating_sub(self.now.0);
        seconds.div_euclid(DAY)
    }
}

/// Returns the addresses of a certificate, or its subject where it has none.
pub(super) fn whose(certificate: &Certificate) -> String {
    match json::emails(certificate).join(", ") {
        none if none.is_empty() => certificate.subject().to_string(),
        addresses => addresses,
    }
}

fn yes_or_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

/// Returns a line of the table.
fn line(
    [
        fingerprint,
        whose,
        uses,
        key,
        trust,
        pin,
        end,
        days_left,
        last,
    ]: [&str; 9],
) -> String {
    // The day of a time.
    let end = end.get(..10).unwrap_or(end);
    let line = format!(
        "{fingerprint:16}  {}  {uses:12}  {key:3}  {trust:14}  {pin:3}  {end:10}  {days_left:>9}  {last}",
        cell(whose, 36),
    );
    line.trim_end().to_owned()
}

const DAY: i64 = 86_400;

const LONGEST_STEP: i64 = 16 * DAY;

/// The last second that a certificate can name (RFC 5280 §4.1.2.5.2).
const END_OF_TIME: UnixTime = UnixTime(253_402_300_799);
