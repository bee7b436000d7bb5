use std::{
    env,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use smime::{
    Clock, Engine, Keyring, Policy,
    crypto::{
        self, CryptoProvider, OsRandom, PrivateKey, Random, Secret, UnixTime, fastest,
        read_private_key,
    },
    io::Limits,
    store::{Embedded, KeyImport, Memory, Store, Trust},
};

use crate::{
    args::Global,
    failure::{Failure, Kind},
    input,
};

/// What an engine borrows: the store, the keys and the choices of one command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Box<dyn Store>,
    pub(crate) keys: Keyring,
    pub(crate) provider: &'static dyn CryptoProvider,
    pub(crate) random: OsRandom,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// Read once, for it can come from a pipe.
    passphrase: Option<Secret>,
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

    fn at(path: &Path, global: &Global) -> Result<Self, Failure> {
        let passphrase = given_passphrase(global)?;
        let store = Embedded::open(path)?;
        Ok(Self::new(global, Box::new(store), passphrase))
    }

    /// Makes an empty store in memory.
    pub(crate) fn without_store(global: &Global) -> Result<Self, Failure> {
        let passphrase = given_passphrase(global)?;
        Ok(Self::new(global, Box::new(Memory::new()), passphrase))
    }

    fn new(global: &Global, store: Box<dyn Store>, passphrase: Option<Secret>) -> Self {
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
        }
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

    /// Asks for the passphrase of the store's keys, if none was given and there is a terminal.
    pub(crate) fn ask_passphrase(&mut self) -> Result<Asked, Failure> {
        if self.passphrase.is_some() || !io::stdin().is_terminal() {
            return Ok(Asked::No);
        }
        let passphrase = prompt()?;
        self.keys = Keyring::new(vec![Secret::from(passphrase.expose())]);
        self.passphrase = Some(passphrase);
        Ok(Asked::Yes)
    }

    /// Returns what importing private keys takes, if a passphrase was given for them.
    pub(crate) fn key_import(&self) -> Option<KeyImport<'_>> {
        let passphrase = self.passphrase.as_ref();
        passphrase
            .filter(|passphrase| !passphrase.expose().is_empty())
            .map(|passphrase| KeyImport {
                passphrase,
                provider: self.provider,
                random: &self.random,
            })
    }

    /// Takes out the passphrase given, or asks for it on a terminal.
    pub(crate) fn take_passphrase(&mut self) -> Result<Secret, Failure> {
        let passphrase = match self.passphrase.take() {
            Some(passphrase) => passphrase,
            None if io::stdin().is_terminal() => prompt()?,
            None => {
                let detail = "a passphrase is needed and there is no terminal to ask on";
                return Err(Failure::new(Kind::Usage, "passphrase.missing", detail));
            }
        };
        if passphrase.expose().is_empty() {
            let detail = "an empty passphrase protects nothing";
            return Err(Failure::new(Kind::Usage, "passphrase.empty", detail));
        }
        Ok(passphrase)
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

/// Returns the passphrase given by file or environment, if one is.
#[allow(clippy::disallowed_methods)] // the program reads the environment, the library does not
fn given_passphrase(global: &Global) -> Result<Option<Secret>, Failure> {
    if let Some(path) = &global.passphrase_file {
        let bytes = Secret::new(input::bytes(path)?);
        let line = bytes
            .expose()
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .next();
        return Ok(line.map(Secret::from));
    }
    let Some(name) = &global.passphrase_env else {
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

fn prompt() -> Result<Secret, Failure> {
    let passphrase = rpassword::prompt_password("passphrase of the key: ")
        .map_err(|error| Failure::new(Kind::Other, "passphrase.unreadable", error))?;
    Ok(Secret::new(passphrase.into_bytes()))
}

fn store_path(global: &Global) -> Result<PathBuf, Failure> {
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
