use std::{
    env,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use smime::{
    Clock, Engine, Keeping, Keyring, Policy,
    crypto::{
        self, CryptoProvider, OsRandom, Pkcs12, PrivateKey, Random, Secret, UnixTime, fastest,
        read_private_key,
    },
    io::Limits,
    store::{self, Activity, Change, Changed, Direction, KeyImport, Operation, Trust},
    x509::Certificate,
};

use crate::{
    args::{Evidence, Global, Own, SubjectAddressWord},
    failure::{Failure, Kind},
    input,
    store_key::Place,
};

/// What an engine borrows: the store, the keys and the choices of one command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Place,
    pub(crate) keys: Keyring,
    pub(crate) provider: &'static dyn CryptoProvider,
    pub(crate) random: OsRandom,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// Read once, for it can come from a pipe.
    passphrase: Option<Secret>,
    /// Whether private keys of the store can be read and added, as far as its store key goes.
    unlocked: bool,
}

/// Whether a passphrase is there now that was not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Yes,
    No,
}

impl Context {
    /// Opens the embedded store, with the passphrase for its keys if one is given.
    ///
    /// There must be one: who only reads, or misspells a path, leaves no empty store behind.
    pub(crate) fn with_store(global: &Global) -> Result<Self, Failure> {
        let path = store_path(global)?;
        if !path.exists() {
            let detail = format!("there is no store at {}", path.display());
            return Err(Failure::new(Kind::Other, "store.absent", detail));
        }
        Self::at(&path, global)
    }

    /// Opens the embedded store, or makes it.
    pub(crate) fn with_new_store(global: &Global) -> Result<Self, Failure> {
        Self::at(&store_path(global)?, global)
    }

    /// Opens the embedded store, or makes it, with the passphrase under which a new key will rest.
    ///
    /// Without a passphrase no store is made.
    pub(crate) fn with_new_key(global: &Global) -> Result<(Self, Secret), Failure> {
        let passphrase = new_passphrase(global)?;
        let store = Place::open(&store_path(global)?, global)?;
        let copy = Secret::from(passphrase.expose());
        let mut context = Self::new(global, store, Some(copy));
        context.require_keys(global)?;
        Ok((context, passphrase))
    }

    fn at(path: &Path, global: &Global) -> Result<Self, Failure> {
        let passphrase = passphrase_of_keys(global)?;
        Ok(Self::new(global, Place::open(path, global)?, passphrase))
    }

    /// Makes an empty store in memory.
    pub(crate) fn without_store(global: &Global) -> Result<Self, Failure> {
        let passphrase = passphrase_of_keys(global)?;
        Ok(Self::new(global, Place::Memory(Box::default()), passphrase))
    }

    /// Makes an empty store in memory, for work that needs no key of a store.
    pub(crate) fn in_memory(global: &Global) -> Self {
        Self::new(global, Place::Memory(Box::default()), None)
    }

    fn new(global: &Global, store: Place, passphrase: Option<Secret>) -> Self {
        let copy = passphrase.as_ref().map(|it| Secret::from(it.expose()));
        Self {
            store,
            keys: Keyring::new(copy.into_iter().collect()),
            provider: fastest(),
            random: OsRandom,
            policy: global.profile.into(),
            clock: global.at.map_or(Clock::System, Clock::Fixed),
            limits: Limits::default(),
            passphrase,
            unlocked: false,
        }
    }

    /// Opens the store key with what the command line gives, if it gives anything: for commands that
    /// may need private keys.
    pub(crate) fn offer_keys(&mut self, global: &Global) -> Result<(), Failure> {
        self.unlocked |= self.store.unlock(global)? == Asked::Yes;
        Ok(())
    }

    /// Opens the store key if there is one, with what the command line gives or a passphrase asked
    /// for on a terminal: for commands that need private keys, or add them.
    pub(crate) fn require_keys(&mut self, global: &Global) -> Result<(), Failure> {
        self.offer_keys(global)?;
        if self.is_locked()? && self.ask_store_key()? == Asked::No {
            return Err(store::Error::Sealed.into());
        }
        Ok(())
    }

    /// Says whether the store has a store key that is not open.
    pub(crate) fn is_locked(&self) -> Result<bool, Failure> {
        Ok(!self.unlocked && self.store.store_key_kind()?.is_some())
    }

    fn ask_store_key(&mut self) -> Result<Asked, Failure> {
        let asked = self.store.ask_store_key()?;
        self.unlocked |= asked == Asked::Yes;
        Ok(asked)
    }

    /// Takes the certificates given for one judgement.
    pub(crate) fn add_trust(&self, anchor: &[PathBuf], pool: &[PathBuf]) -> Result<(), Failure> {
        for (files, trust) in [(anchor, Trust::Anchor), (pool, Trust::None)] {
            for file in files {
                let certificates = input::certificates(file)?;
                self.store.add_certificates(&certificates, self.now())?;
                if trust == Trust::Anchor {
                    for certificate in &certificates {
                        self.store.set_trust(&certificate.fingerprint(), trust)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what is given about revoked certificates, for every judgement of the command.
    pub(crate) fn add_evidence(&mut self, evidence: &Evidence) -> Result<(), Failure> {
        let usual = self.policy.revocation.policy();
        self.policy.revocation = input::revocation(evidence, usual)?;
        Ok(())
    }

    /// Takes what is said about mail addresses in subjects, for every judgement of the command.
    pub(crate) fn choose_subject_address(&mut self, word: Option<SubjectAddressWord>) {
        if let Some(word) = word {
            self.policy.certificates.subject_address = word.into();
        }
    }

    /// Loads a private key from a file.
    pub(crate) fn load_key(&self, file: &Path) -> Result<PrivateKey, Failure> {
        let bytes = Secret::new(input::bytes(file)?);
        let pkcs8 = match read_private_key(bytes.expose(), self.passphrase.as_ref()) {
            Err(crypto::Error::PassphraseNeeded) if io::stdin().is_terminal() => {
                read_private_key(bytes.expose(), Some(&prompt()?))
            }
            other => other,
        }?;
        Ok(self.provider.load_private_key(&pkcs8)?)
    }

    /// Reads what a PKCS#12 file holds: certificates and private keys.
    pub(crate) fn pkcs12(
        &self,
        file: &Path,
    ) -> Result<(Vec<Certificate>, Vec<PrivateKey>), Failure> {
        let bytes = Secret::new(input::bytes(file)?);
        let opened = match Pkcs12::open(bytes.expose(), self.passphrase.as_ref()) {
            Err(crypto::Error::PassphraseNeeded) if io::stdin().is_terminal() => {
                Pkcs12::open(bytes.expose(), Some(&prompt()?))
            }
            other => other,
        }?;
        let mut certificates = Vec::new();
        for item in &opened.certificates {
            let certificate = Certificate::from_der(&item.value);
            certificates.push(certificate.map_err(|error| {
                let detail = format!("{}: {error}", file.display());
                Failure::new(Kind::Input, error.code(), detail)
            })?);
        }
        // Without the key, why there is none is what matters.
        if let (true, Some(error)) = (opened.keys.is_empty(), opened.refused.first()) {
            return Err(error.into());
        }
        let keys = opened.keys.iter();
        let keys = keys.map(|item| self.provider.load_private_key(&item.value));
        Ok((certificates, keys.collect::<Result<_, _>>()?))
    }

    /// Reads a certificate of ours, the others given with it, and its key.
    pub(crate) fn own(
        &self,
        own: &Own,
    ) -> Result<(Certificate, Vec<Certificate>, PrivateKey), Failure> {
        let (mut certificates, mut keys) = match (&own.p12, &own.cert, &own.key) {
            (Some(file), _, _) => self.pkcs12(file)?,
            (None, Some(cert), Some(key)) => {
                (input::certificates(cert)?, vec![self.load_key(key)?])
            }
            (None, _, _) => (Vec::new(), Vec::new()),
        };
        let pair = keys.iter().enumerate().find_map(|(key_at, key)| {
            let is_own = |it: &Certificate| it.public_key() == key.public_key();
            Some((certificates.iter().position(is_own)?, key_at))
        });
        let Some((own_at, key_at)) = pair else {
            let detail = "the key is not that of the certificate";
            return Err(Failure::new(Kind::Usage, "input.other_key", detail));
        };
        let own = certificates.remove(own_at);
        Ok((own, certificates, keys.swap_remove(key_at)))
    }

    /// Asks for the passphrase of the store key if that is not open, and otherwise for that of the
    /// store's keys if none was given, where there is a terminal.
    pub(crate) fn ask_passphrase(&mut self) -> Result<Asked, Failure> {
        if self.is_locked()? {
            return self.ask_store_key();
        }
        if self.passphrase.is_some() || !io::stdin().is_terminal() {
            return Ok(Asked::No);
        }
        let passphrase = prompt()?;
        self.keys = Keyring::new(vec![Secret::from(passphrase.expose())]);
        self.passphrase = Some(passphrase);
        Ok(Asked::Yes)
    }

    /// Returns what importing private keys takes, if a passphrase or the store key was given for them.
    pub(crate) fn key_import(&self) -> Option<KeyImport<'_>> {
        let passphrase = self.passphrase.as_ref();
        let passphrase = passphrase.filter(|passphrase| !passphrase.expose().is_empty());
        (passphrase.is_some() || self.unlocked).then_some(KeyImport {
            passphrase,
            provider: self.provider,
            random: &self.random,
        })
    }

    /// Says whether the passphrase of a key that is imported may be left out: it then rests under
    /// the store key alone.
    pub(crate) fn may_lack_passphrase(&self) -> bool {
        self.unlocked && self.passphrase.is_none()
    }

    /// Takes out the passphrase given, or asks for it on a terminal.
    pub(crate) fn take_passphrase(&mut self) -> Result<Secret, Failure> {
        match self.passphrase.take() {
            Some(passphrase) => not_empty(passphrase),
            None if io::stdin().is_terminal() => not_empty(prompt()?),
            None => Err(no_passphrase()),
        }
    }

    /// Makes a change of the store, and the entry of the log that says so.
    pub(crate) fn change(&self, change: &Change<'_>, entry: &Activity) -> Result<Changed, Failure> {
        Ok(self.store.change(change, &|_| Some(entry.clone()))?)
    }

    /// Begins an entry of the log: something was done to the store, and went well.
    pub(crate) fn activity(&self, operation: Operation, code: &str, detail: String) -> Activity {
        Activity {
            detail,
            ..Activity::new(self.now(), Direction::Store, operation, code)
        }
    }

    /// Deletes what stays no longer; not by a time of judgement, which is for one command alone.
    pub(crate) fn tidy(&self) -> Result<(), Failure> {
        match self.clock {
            Clock::System => Ok(self.engine().tidy()?),
            Clock::Fixed(_) => Ok(()),
        }
    }

    /// Returns which mail is kept, if any: it stays from the day it came, also where it is judged at
    /// another time.
    pub(crate) fn keeping(&self) -> Result<Option<Keeping>, Failure> {
        let passed = match self.clock {
            Clock::System => 0,
            Clock::Fixed(at) => Clock::System.now().0.saturating_sub(at.0),
        };
        let keeping = Keeping::by(&self.store.settings()?);
        Ok(keeping.map(|keeping| Keeping {
            seconds: keeping.seconds.saturating_add(passed),
            ..keeping
        }))
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &self.random
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        Engine {
            provider: self.provider,
            random: &self.random,
            store: &*self.store,
            keys: &self.keys,
            policy: self.policy.clone(),
            clock: self.clock,
            limits: self.limits.clone(),
        }
    }
}

/// Returns the passphrase given for keys, if one is.
fn passphrase_of_keys(global: &Global) -> Result<Option<Secret>, Failure> {
    let (file, variable) = (&global.passphrase_file, &global.passphrase_env);
    given_passphrase(file.as_deref(), variable.as_deref())
}

/// Returns the passphrase given by file or environment, if one is.
#[allow(clippy::disallowed_methods)] // the program reads the environment, the library does not
pub(crate) fn given_passphrase(
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<Secret>, Failure> {
    if let Some(path) = file {
        let bytes = Secret::new(input::bytes(path)?);
        let line = bytes
            .expose()
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next();
        return Ok(line.map(Secret::from));
    }
    let Some(name) = variable else {
        return Ok(None);
    };
    match env::var(name) {
        Ok(value) => Ok(Some(Secret::new(value.into_bytes()))),
        Err(_) => {
            let detail = format!("environment variable {name} is not there");
            Err(Failure::new(Kind::Usage, "passphrase.missing", detail))
        }
    }
}

/// Returns the passphrase given, or asks for it twice on a terminal.
pub(crate) fn new_passphrase(global: &Global) -> Result<Secret, Failure> {
    match passphrase_of_keys(global)? {
        Some(passphrase) => not_empty(passphrase),
        None => ask_twice("new passphrase: "),
    }
}

/// Asks for a new passphrase on a terminal, twice.
pub(crate) fn ask_twice(words: &str) -> Result<Secret, Failure> {
    if !io::stdin().is_terminal() {
        return Err(no_passphrase());
    }
    let passphrase = not_empty(ask(words)?)?;
    if ask("the same again: ")? != passphrase {
        let detail = "the two passphrases differ";
        return Err(Failure::new(Kind::Usage, "passphrase.differs", detail));
    }
    Ok(passphrase)
}

pub(crate) fn not_empty(passphrase: Secret) -> Result<Secret, Failure> {
    if passphrase.expose().is_empty() {
        let detail = "an empty passphrase protects nothing";
        return Err(Failure::new(Kind::Usage, "passphrase.empty", detail));
    }
    Ok(passphrase)
}

fn no_passphrase() -> Failure {
    let detail = "a passphrase is needed and there is no terminal to ask on";
    Failure::new(Kind::Usage, "passphrase.missing", detail)
}

fn prompt() -> Result<Secret, Failure> {
    ask("passphrase of the key: ")
}

pub(crate) fn ask(words: &str) -> Result<Secret, Failure> {
    let passphrase = rpassword::prompt_password(words)
        .map_err(|error| Failure::new(Kind::Other, "passphrase.unreadable", error))?;
    Ok(Secret::new(passphrase.into_bytes()))
}

/// Returns the files that a command which reads the store must not write over.
pub(crate) fn inputs(global: &Global) -> Result<Vec<PathBuf>, Failure> {
    let given = global.files().map(Path::to_owned);
    Ok(given.chain([store_path(global)?]).collect())
}

pub(crate) fn store_path(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(path) = &global.store {
        return Ok(path.clone());
    }
    let strategy = choose_app_strategy(AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "smime".to_owned(),
        app_name: "smime".to_owned(),
    });
    let strategy =
        strategy.map_err(|error| Failure::new(Kind::Usage, "store.no_directory", error))?;
    Ok(strategy.in_data_dir("store.redb"))
}
