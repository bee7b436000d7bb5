use std::collections::{BTreeMap, HashMap};

use crate::{
    Certificate, ChainErrorKind, EmailAddress, GeneralName, NameConstraints, NameRef, SequenceOf,
    chain::{
        budget::Budget,
        name_key::{self, Sameness},
    },
    extension::GeneralSubtree,
    oid,
};

/// Judges the names of certificates by the constraints of those above them (RFC 5280 §4.2.1.10),
/// reading each certificate once.
///
/// A name is looked up in sorted subtrees, so that a pair of certificates costs as many steps as
/// the lower one has names, whatever the upper one has constraints.
#[derive(Default)]
pub(crate) struct NameChecker {
    constraints: HashMap<[u8; 32], Option<Constraints>>,
    names: HashMap<[u8; 32], Vec<TestedName>>,
    judged: HashMap<([u8; 32], [u8; 32]), Result<(), ChainErrorKind>>,
}

/// Which names of a certificate are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Those of the form dNSName.
    Named,
    /// Those, or where there are none the common names that look like a host: programs that knew
    /// no better took them for one.
    Guessed,
}

impl NameChecker {
    /// Judges `lower`, which must be the leaf or not self-issued, by the constraints of `issuer`,
    /// which stands above it, and by `more`, which an administrator gave the issuer.
    ///
    /// The outer error ends the search.
    pub(crate) fn check(
        &mut self,
        issuer: &Certificate,
        more: Option<NameConstraints<'_>>,
        lower: &Certificate,
        hosts: Hosts,
        budget: &mut Budget,
    ) -> Result<Result<(), ChainErrorKind>, ChainErrorKind> {
        let pair = (issuer.fingerprint(), lower.fingerprint());
        if let Some(known) = self.judged.get(&pair) {
            return Ok(known.clone());
        }
        let constraints = self
            .constraints
            .entry(pair.0)
            .or_insert_with(|| Constraints::of(issuer, more));
        let Some(constraints) = constraints else {
            return Ok(Ok(()));
        };
        let names = self
            .names
            .entry(pair.1)
            .or_insert_with(|| names(lower, hosts));
        budget.spend_items(names.len())?;
        let result = constraints.check(names);
        self.judged.insert(pair, result.clone());
        Ok(result)
    }
}

/// The forms of names that a constraint can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Directory,
    Dns,
    Mail,
    Uri,
    Ip,
    // Nothing below is judged: a name of such a form is refused where there are constraints on it.
    OtherName,
    SmtpUtf8Mailbox,
    X400,
    EdiParty,
    RegisteredId,
}

/// A name of a certificate as it is looked up; without bytes where it cannot be judged.
struct TestedName {
    form: Form,
    /// Among what is permitted.
    permitted: Option<Vec<u8>>,
    /// Among what is excluded.
    excluded: Option<Vec<u8>>,
    /// What stands above the wildcard.
    wildcard_of: Option<Vec<u8>>,
}

impl TestedName {
    fn new(form: Form, key: Option<Vec<u8>>) -> Self {
        Self {
            form,
            permitted: key.clone(),
            excluded: key,
            wildcard_of: None,
        }
    }

    /// What is excluded must not come back in another spelling.
    fn directory(name: NameRef<'_>) -> Self {
        let key = name.canonical();
        Self {
            excluded: name.has_one_spelling().then(|| key.clone()),
            ..Self::new(Form::Directory, Some(key))
        }
    }

    fn dns(name: &[u8]) -> Self {
        match name_key::dns_name(name) {
            Some((key, wildcard_of)) => Self {
                wildcard_of,
                ..Self::new(Form::Dns, Some(key))
            },
            None => Self::new(Form::Dns, None),
        }
    }

    fn mail(text: &str) -> Self {
        let address = EmailAddress::new(text);
        let key = |sameness| name_key::mailbox(address.as_ref()?, sameness);
        Self {
            permitted: key(Sameness::Exact),
            excluded: key(Sameness::Folded),
            ..Self::new(Form::Mail, None)
        }
    }
}

/// The names that constraints are about: those of the subject alternative name, the subject where
/// it is not empty, and the mail addresses in it (RFC 5280 §4.2.1.10).
///
/// The addresses in the subject count beside a subject alternative name too, since they are taken
/// for addresses of the subject then too.
fn names(certificate: &Certificate, hosts: Hosts) -> Vec<TestedName> {
    let mut names = Vec::new();
    let subject = certificate.subject();
    if !subject.is_empty() {
        names.push(TestedName::directory(subject));
    }
    let texts: Vec<_> = subject.values_of(oid::EMAIL_ADDRESS).collect();
    let attributes = subject.attributes();
    let count = attributes
        .filter(|(kind, _)| *kind == oid::EMAIL_ADDRESS)
        .count();
    if count > texts.len() {
        names.push(TestedName::new(Form::Mail, None));
    }
    names.extend(texts.iter().map(|text| TestedName::mail(text)));
    let view = certificate.view();
    for name in view.subject_alt_name().iter().flat_map(SequenceOf::iter) {
        push_general_name(&mut names, name);
    }
    let guess = hosts == Hosts::Guessed && names.iter().all(|name| name.form != Form::Dns);
    if guess {
        let texts = subject.values_of(oid::COMMON_NAME);
        let hosts = texts.filter(|text| text.contains('.'));
        let hosts = hosts.map(|text| TestedName::dns(text.as_bytes()));
        names.extend(hosts.filter(|name| name.permitted.is_some()));
    }
    names
}

fn push_general_name(names: &mut Vec<TestedName>, name: GeneralName<'_>) {
    if let GeneralName::SmtpUtf8Mailbox(text) = name {
        // Constraints on rfc822Name are about these mailboxes too (RFC 9598 §6).
        names.push(match std::str::from_utf8(text) {
            Ok(text) => TestedName::mail(text),
            Err(_) => TestedName::new(Form::Mail, None),
        });
    }
    names.push(match name {
        GeneralName::DirectoryName(name) => TestedName::directory(name),
        GeneralName::DnsName(name) => TestedName::dns(name),
        GeneralName::Rfc822Name(text) => match std::str::from_utf8(text) {
            Ok(text) if text.is_ascii() => TestedName::mail(text),
            _ => TestedName::new(Form::Mail, None),
        },
        GeneralName::SmtpUtf8Mailbox(_) => TestedName::new(Form::SmtpUtf8Mailbox, None),
        GeneralName::Uri(uri) => TestedName::new(Form::Uri, name_key::uri_host(uri)),
        GeneralName::IpAddress(octets) => TestedName::new(Form::Ip, name_key::ip_address(octets)),
        GeneralName::OtherName { .. } => TestedName::new(Form::OtherName, None),
        GeneralName::X400Address(_) => TestedName::new(Form::X400, None),
        GeneralName::EdiPartyName(_) => TestedName::new(Form::EdiParty, None),
        GeneralName::RegisteredId(_) => TestedName::new(Form::RegisteredId, None),
    });
}

/// The constraints of one certificate.
struct Constraints {
    permitted: Vec<Subtrees>,
    excluded: Subtrees,
    count: usize,
}

/// The subtrees of each form that is constrained; `None` where they cannot be judged.
type Subtrees = BTreeMap<Form, Option<Prefixes>>;

impl Constraints {
    fn of(issuer: &Certificate, more: Option<NameConstraints<'_>>) -> Option<Self> {
        let view = issuer.view();
        let own = view.name_constraints();
        if own.is_none() && more.is_none() {
            return None;
        }
        let mut constraints = Self {
            permitted: Vec::new(),
            excluded: Subtrees::new(),
            count: 0,
        };
        let mut excluded = Vec::new();
        for given in own.iter().chain(&more) {
            if let Some(permitted) = given.permitted {
                let permitted: Vec<_> = permitted.iter().collect();
                constraints.count += permitted.len();
                constraints
                    .permitted
                    .push(subtrees(&permitted, Sameness::Exact));
            }
            excluded.extend(given.excluded.iter().flat_map(SequenceOf::iter));
        }
        constraints.count += excluded.len();
        constraints.excluded = subtrees(&excluded, Sameness::Folded);
        Some(constraints)
    }

    fn check(&self, names: &[TestedName]) -> Result<(), ChainErrorKind> {
        // Peers that compare each with each give up here, so nobody can use such certificates.
        if self.count.saturating_mul(names.len()) > MAX_PAIRS {
            return Err(ChainErrorKind::TooManyNames);
        }
        names.iter().try_for_each(|name| self.check_name(name))
    }

    fn check_name(&self, name: &TestedName) -> Result<(), ChainErrorKind> {
        if let Some(subtrees) = self.excluded.get(&name.form) {
            let (subtrees, key) = judgeable(subtrees, &name.excluded)?;
            let meets_wildcard = |parent: &Vec<u8>| subtrees.meets(parent);
            if subtrees.covers(key) || name.wildcard_of.as_ref().is_some_and(meets_wildcard) {
                return Err(ChainErrorKind::NameExcluded);
            }
        }
        for permitted in &self.permitted {
            if let Some(subtrees) = permitted.get(&name.form) {
                let (subtrees, key) = judgeable(subtrees, &name.permitted)?;
                if !subtrees.covers(key) {
                    return Err(ChainErrorKind::NameNotPermitted);
                }
            }
        }
        Ok(())
    }
}

/// A name or constraint that says nothing certain is taken for one that forbids.
fn judgeable<'a>(
    subtrees: &'a Option<Prefixes>,
    key: &'a Option<Vec<u8>>,
) -> Result<(&'a Prefixes, &'a [u8]), ChainErrorKind> {
    match (subtrees, key) {
        (Some(subtrees), Some(key)) => Ok((subtrees, key)),
        _ => Err(ChainErrorKind::NameConstraintsUnsupported),
    }
}

fn subtrees(list: &[GeneralSubtree<'_>], sameness: Sameness) -> Subtrees {
    let mut keys = BTreeMap::<Form, Option<Vec<Vec<u8>>>>::new();
    for subtree in list {
        let (form, key) = match subtree.base {
            // What is excluded must be excluded in every spelling.
            GeneralName::DirectoryName(name) => {
                let certain = sameness == Sameness::Exact || name.has_one_spelling();
                (Form::Directory, certain.then(|| NameRef::canonical(name)))
            }
            GeneralName::DnsName(base) => (Form::Dns, name_key::dns_subtree(base)),
            GeneralName::Rfc822Name(base) => (Form::Mail, name_key::mail_subtree(base, sameness)),
            GeneralName::Uri(base) => (Form::Uri, name_key::uri_subtree(base)),
            GeneralName::IpAddress(base) => (Form::Ip, name_key::ip_subtree(base)),
            GeneralName::OtherName { .. } => (Form::OtherName, None),
            GeneralName::SmtpUtf8Mailbox(_) => (Form::SmtpUtf8Mailbox, None),
            GeneralName::X400Address(_) => (Form::X400, None),
            GeneralName::EdiPartyName(_) => (Form::EdiParty, None),
            GeneralName::RegisteredId(_) => (Form::RegisteredId, None),
        };
        let key = key.filter(|_| subtree.whole);
        let known = keys.entry(form).or_insert_with(|| Some(Vec::new()));
        match key {
            Some(key) => known.iter_mut().for_each(|keys| keys.push(key.clone())),
            None => *known = None,
        }
    }
    let sorted = |(form, keys): (Form, Option<Vec<_>>)| (form, keys.map(Prefixes::new));
    keys.into_iter().map(sorted).collect()
}

/// Byte strings of which none begins another, sorted.
struct Prefixes(Vec<Vec<u8>>);

impl Prefixes {
    fn new(mut keys: Vec<Vec<u8>>) -> Self {
        keys.sort();
        let mut kept: Vec<Vec<u8>> = Vec::with_capacity(keys.len());
        for key in keys {
            if kept.last().is_none_or(|last| !key.starts_with(last)) {
                kept.push(key);
            }
        }
        Self(kept)
    }

    /// Says whether one of them begins `key`: then it is the last that is not behind it, since
    /// whatever stands between the two begins with it too, and nothing does.
    fn covers(&self, key: &[u8]) -> bool {
        let behind = self.0.partition_point(|known| known.as_slice() <= key);
        let last = behind.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|known| key.starts_with(known))
    }

    /// Says whether one of them begins `key` or begins with it.
    fn meets(&self, key: &[u8]) -> bool {
        let at = self.0.partition_point(|known| known.as_slice() < key);
        self.covers(key) || self.0.get(at).is_some_and(|known| known.starts_with(key))
    }
}

/// 2^20, the number at which OpenSSL gives up.
const MAX_PAIRS: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smime_crypto::{
        Oid,
        asn1::{Tag, Writer},
    };
    use smime_testkit::{Authority, Profile, TestKey};

    use super::*;

    const SUBJECT_ALT_NAME: Oid = Oid::new("2.5.29.17");

    /// An authority that permits the hosts p0 and on, and excludes x0 and on, and a certificate
    /// below that names p0 and on.
    fn pair(constraints: usize, names: usize) -> (Certificate, Certificate) {
        let hosts = |w: &mut Writer, tag: u8, letter: &str| {
            w.constructed(Tag::context_constructed(tag), |w| {
                for number in 0..constraints {
                    let host = format!("{letter}{number}.example");
                    w.sequence(|w| w.element(Tag::context(2), host.as_bytes()));
                }
            });
        };
        let value = Writer::encode(|w| {
            w.sequence(|w| {
                hosts(w, 0, "p");
                hosts(w, 1, "x");
            });
        });
        let named = Writer::encode(|w| {
            w.sequence(|w| {
                for number in 0..names {
                    let host = format!("p{number}.example");
                    w.element(Tag::context(2), host.as_bytes());
                }
            });
        });
        let root = Authority::root_with("Root", TestKey::P256A, |b| {
            b.extension(oid::NAME_CONSTRAINTS, true, &value)
        });
        let person = root.person_with("a@example.com", Profile::of(TestKey::P256B), |b| {
            b.extension(SUBJECT_ALT_NAME, false, &named)
        });
        let own = |certificate: &[u8]| Certificate::from_der(certificate).unwrap();
        (own(root.certificate().der()), own(person.certificate.der()))
    }

    fn cost(constraints: usize, names: usize) -> (Result<(), ChainErrorKind>, u32) {
        let (issuer, lower) = pair(constraints, names);
        let mut budget = Budget::new();
        let mut checker = NameChecker::default();
        let result = checker
            .check(&issuer, None, &lower, Hosts::Named, &mut budget)
            .unwrap();
        let spent = budget.items_spent();
        let again = checker.check(&issuer, None, &lower, Hosts::Named, &mut budget);
        assert_eq!(again.unwrap(), result);
        assert_eq!(budget.items_spent(), spent, "a pair is judged once");
        (result, spent)
    }

    /// Attack class 24, CVE-2025-58187.
    #[test]
    fn the_cost_of_names_grows_with_the_names_and_not_with_the_constraints() {
        let (result, once) = cost(100, 100);
        assert_eq!((result, once), (Ok(()), 101));
        assert_eq!(cost(200, 100), (Ok(()), once));
        assert_eq!(cost(400, 100), (Ok(()), once));
        assert_eq!(cost(400, 200), (Ok(()), 2 * once - 1));
        assert_eq!(cost(400, 400), (Ok(()), 4 * once - 3));
    }

    #[test]
    fn more_names_and_constraints_than_others_compare_are_refused() {
        assert_eq!(cost(600, 600).0, Ok(()));
        assert_eq!(cost(1100, 600).0, Err(ChainErrorKind::TooManyNames));
    }

    fn labels() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab]{1,2}", 1..4)
    }

    /// RFC 5280 §4.2.1.10, label by label.
    fn is_below(name: &[String], base: &[String]) -> bool {
        let mut ends = name.iter().rev();
        base.iter().rev().all(|label| ends.next() == Some(label))
    }

    proptest! {
        #[test]
        fn looking_up_finds_what_comparing_each_finds(
            bases in prop::collection::vec(labels(), 0..8),
            name in labels(),
        ) {
            let join = |labels: &[String]| labels.join(".");
            let keys = bases.iter().map(|base| name_key::dns_subtree(join(base).as_bytes()).unwrap());
            let prefixes = Prefixes::new(keys.collect());
            let (key, _) = name_key::dns_name(join(&name).as_bytes()).unwrap();
            let naive = bases.iter().any(|base| is_below(&name, base));
            prop_assert_eq!(prefixes.covers(&key), naive);
            let meets = naive || bases.iter().any(|base| is_below(base, &name));
            prop_assert_eq!(prefixes.meets(&key), meets);
        }

        #[test]
        fn hosts_of_any_bytes_are_keys_that_only_their_own_subtrees_begin(
            one in prop::collection::vec(any::<u8>(), 0..12),
            other in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            if let (Some(one_key), Some(other_key)) = (name_key::host(&one), name_key::host(&other)) {
                let lower = |host: &[u8]| host.to_ascii_lowercase();
                let mut end = vec![b'.'];
                end.extend(lower(&other));
                let within = lower(&one) == lower(&other) || lower(&one).ends_with(&end);
                prop_assert_eq!(one_key.starts_with(&other_key), within);
            }
        }
    }
}
