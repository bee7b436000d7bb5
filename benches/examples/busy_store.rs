//! Seals and opens mails in sixteen threads, alone and while certificates are imported into the same
//! store: `busy_store [N]`, 50 000 certificates if not given.
//!
//! Prints mails per second, each sealed for a recipient of the store and opened again, and how long
//! the import takes alone and beside them.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it may stop
#![allow(clippy::disallowed_methods)] // the benches may measure time

use std::{
    env, mem,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use smime::{
    Clock, Engine, Keyring, Mode, Policy,
    crypto::{OsRandom, fastest},
    io::Limits,
    store::{Embedded, ImportOptions, Store as _, Trust, import},
};
use smime_bench::{PROTECTIONS, draft, mail};
use smime_testkit::{Authority, NOW, Population, Profile, TestKey};

fn main() {
    let count = env::args()
        .nth(1)
        .map_or(50_000, |count| count.parse().unwrap());
    let mut people = Vec::new();
    Population::new(count).write_pem(&mut people).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Desk::new(&folder.path().join(name));

    let alone = open("mails").mails_while(|| thread::sleep(ALONE));
    let import_alone = {
        let desk = open("import");
        let began = Instant::now();
        desk.import(&people);
        began.elapsed()
    };
    let desk = open("both");
    let beside = desk.mails_while(|| desk.import(&people));
    let share = beside.per_second() / alone.per_second();
    let longer = beside.took.as_secs_f64() / import_alone.as_secs_f64();
    println!("| | alone | together | ratio |\n| --- | --: | --: | --: |");
    let (before, then) = (alone.per_second(), beside.per_second());
    println!("| mails sealed and opened per second | {before:.0} | {then:.0} | {share:.2} |");
    let (before, then) = (import_alone.as_secs_f64(), beside.took.as_secs_f64());
    println!("| seconds for {count} certificates | {before:.2} | {then:.2} | {longer:.2} |");
}

/// A store on the disk with Alice and Bob, and their keys.
struct Desk {
    store: Embedded,
    keys: Keyring,
}

struct Mails {
    count: u32,
    took: Duration,
}

impl Mails {
    fn per_second(&self) -> f64 {
        f64::from(self.count) / self.took.as_secs_f64()
    }
}

impl Desk {
    fn new(path: &Path) -> Self {
        let authority = Authority::root("Busy CA", TestKey::P384A);
        let store = Embedded::open(path).unwrap();
        let keys = Keyring::default();
        let mut certificates = vec![authority.certificate().clone()];
        let people = [
            ("alice@example.com", TestKey::P256A),
            ("bob@example.com", TestKey::P256B),
        ];
        for (address, key) in people {
            let person = authority.person(address, Profile::of(key));
            keys.add(person.private_key());
            certificates.push(person.certificate);
        }
        store.add_certificates(&certificates, NOW).unwrap();
        let anchor = authority.certificate().fingerprint();
        store.set_trust(&anchor, Trust::Anchor).unwrap();
        Self { store, keys }
    }

    fn engine(&self) -> Engine<'_> {
        Engine {
            provider: fastest(),
            random: &OsRandom,
            store: &self.store,
            keys: &self.keys,
            policy: Policy::standard(),
            clock: Clock::Fixed(NOW),
            limits: Limits::default(),
        }
    }

    fn import(&self, people: &[u8]) {
        let options = ImportOptions::new(NOW);
        let report = import(&self.store, people, &options, &mut |_| ()).unwrap();
        assert_eq!(report.summary.refused, 0);
    }

    /// Seals and opens in sixteen threads while `work` lasts.
    fn mails_while(&self, work: impl FnOnce()) -> Mails {
        let mut draft = draft(&mail(4 << 10), PROTECTIONS[3]);
        draft.sign = Some(Mode::Always);
        let (is_over, count) = (AtomicBool::new(false), AtomicU32::new(0));
        let began = Instant::now();
        let took = thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        let mut sealed = Vec::new();
                        self.engine().seal(&draft, &mut sealed).unwrap();
                        let opened = self.engine().open(sealed.as_slice()).unwrap();
                        mem::drop(opened);
                        count.fetch_add(1, Relaxed);
                    }
                });
            }
            work();
            let took = began.elapsed();
            is_over.store(true, Relaxed);
            took
        });
        Mails {
            count: count.into_inner(),
            took,
        }
    }
}

const THREADS: usize = 16;
const ALONE: Duration = Duration::from_secs(5);
