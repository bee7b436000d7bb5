//! Times every look-up in stores of several sizes: `every_lookup N…`, 10 000, 100 000 and 1 000 000
//! if not given.
//!
//! Prints a table of microseconds for one look-up: the median of rounds of a thousand, spread over
//! the whole store. With every thousand certificates come an authority, a pinned address, a kept
//! mail that wants the certificate of somebody else, and one certificate that expires later than all
//! before it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)] // it may stop
#![allow(clippy::disallowed_methods)] // the benches may measure time

use std::{env, time::Instant};

use smime::{
    crypto::UnixTime,
    store::{Embedded, Entry, KeptMail, Store as _, Want, public_key_id},
    x509::{Certificate, CertificateRef},
};
use smime_testkit::{Authority, DAY, NOW, Population, Profile, TestKey};

fn main() {
    let mut counts: Vec<usize> = env::args().skip(1).map(|it| it.parse().unwrap()).collect();
    if counts.is_empty() {
        counts = vec![10_000, 100_000, 1_000_000];
    }
    let folder = tempfile::tempdir().unwrap();
    let filled = counts.iter().map(|count| {
        let path = folder.path().join(count.to_string());
        let sample = fill(&Embedded::open(&path).unwrap(), *count);
        // Opened again, so that everything is in the index.
        (Embedded::open(&path).unwrap(), sample)
    });
    let filled: Vec<(Embedded, Sample)> = filled.collect();
    println!("| look-up | {} |", words(&counts, usize::to_string));
    println!("| --- | {} |", words(&counts, |_| "--:".to_owned()));
    for (name, look) in LOOKUPS {
        let times = measure(&filled, name, look);
        println!(
            "| {name} | {} |",
            words(&times, |time| format!("{time:.1}"))
        );
    }
}

fn words<T>(cells: &[T], word: impl Fn(&T) -> String) -> String {
    let words: Vec<String> = cells.iter().map(word).collect();
    words.join(" | ")
}

/// What is looked for: people of the population, and what is there for every thousand of them.
struct Sample {
    people: Vec<Certificate>,
    rare: Vec<Certificate>,
}

type Lookup = fn(&Embedded, &Certificate) -> usize;

/// Each returns how much it found, which must be one.
const LOOKUPS: [(&str, Lookup); 10] = [
    ("address", |store, one| {
        store.by_address(&one.emails()[0]).unwrap().len()
    }),
    ("SHA-256", |store, one| {
        usize::from(store.certificate(&one.fingerprint()).unwrap().is_some())
    }),
    ("issuer and serial number", |store, one| {
        let issuer = one.issuer().der();
        store
            .by_issuer_and_serial(issuer, one.serial())
            .unwrap()
            .len()
    }),
    ("key identifier", |store, one| {
        store
            .by_subject_key_id(one.subject_key_id().unwrap())
            .unwrap()
            .len()
    }),
    ("public key", |store, one| {
        store
            .by_public_key(&public_key_id(one.public_key()))
            .unwrap()
            .len()
    }),
    ("authority by subject", |store, one| {
        store
            .authorities_by_subject(one.issuer().der())
            .unwrap()
            .len()
    }),
    ("last day", |store, one| {
        store
            .expiring(one.not_after(), one.not_after())
            .unwrap()
            .len()
    }),
    ("pins of an address", |store, one| {
        store.pins(&one.emails()[0]).unwrap().unwrap().len()
    }),
    ("kept mail that wants a certificate", |store, one| {
        store.kept_wanting(one).unwrap().len()
    }),
    ("nobody's address", |store, one| {
        let address = format!("nobody.{}", one.emails()[0].as_str());
        let address = smime::x509::EmailAddress::new(&address).unwrap();
        1 + store.by_address(&address).unwrap().len()
    }),
];

/// Those that look for what is rare.
const OF_RARE: [&str; 4] = [
    "authority by subject",
    "last day",
    "pins of an address",
    "kept mail that wants a certificate",
];

/// Measures the stores in turn, so that what else the machine does is the same for all of them.
fn measure(filled: &[(Embedded, Sample)], name: &str, look: Lookup) -> Vec<f64> {
    let mut rounds = vec![Vec::new(); filled.len()];
    for _ in 0..ROUNDS {
        for ((store, sample), times) in filled.iter().zip(&mut rounds) {
            let wanted = if OF_RARE.contains(&name) {
                &sample.rare
            } else {
                &sample.people
            };
            let began = Instant::now();
            for one in wanted.iter().cycle().take(1000) {
                assert_eq!(look(store, one), 1, "{name}");
            }
            times.push(began.elapsed().as_secs_f64() * 1e6 / 1000.0);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    rounds.into_iter().map(median).collect()
}

const ROUNDS: usize = 41;

fn fill(store: &Embedded, count: usize) -> Sample {
    let mut people = Vec::new();
    let mut batch = Vec::new();
    for (number, der) in Population::new(u64::try_from(count).unwrap()).enumerate() {
        batch.push(Entry::new(&CertificateRef::from_der(&der).unwrap()));
        if number % (count / 1000) == 0 {
            people.push(Certificate::from_der(&der).unwrap());
        }
        if batch.len() == 10_000 || number + 1 == count {
            store.add_entries(&mut batch.drain(..), NOW).unwrap();
        }
    }
    let mut rare = Vec::new();
    for number in 0..count / 1000 {
        let authority = Authority::root(&format!("Authority {number}"), TestKey::P256A);
        let profile = Profile {
            not_after: UnixTime(NOW.0 + (4000 + i64::try_from(number).unwrap()) * DAY),
            ..Profile::of(TestKey::P256B)
        };
        let address = format!("rare.{number}@rare.example.com");
        let person = authority.person(&address, profile).certificate;
        let both = [authority.certificate().clone(), person.clone()];
        store.add_certificates(&both, NOW).unwrap();
        let pinned = [person.fingerprint()];
        store.set_pins(&person.emails()[0], Some(&pinned)).unwrap();
        store.keep(&wanting(&person)).unwrap();
        rare.push(person);
    }
    Sample { people, rare }
}

fn wanting(certificate: &Certificate) -> KeptMail {
    KeptMail {
        received: NOW,
        expires: UnixTime(i64::MAX),
        message: certificate.der().to_vec(),
        code: "engine.no_key".to_owned(),
        signature: "none".to_owned(),
        encryption: "failed".to_owned(),
        wants: vec![Want::Certificate {
            issuer: certificate.issuer().der().to_vec(),
            serial: certificate.serial().to_vec(),
        }],
    }
}
