use std::{env, fs, io::IsTerminal, path::PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use smime::{
    Clock, Engine, Keyring, Policy,
    crypto::{CryptoProvider, OsRandom, Random, Secret, UnixTime, fastest, read_private_key},
    io::Limits,
    store::{Embedded, Memory, Store, Trust},
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
}

impl Context {
    /// Opens the embedded store, with the passphrase for its keys if one is given.
    pub(crate) fn with_store(global: &Global) -> Result<Self, Failure> {
        let path = store_path(global)?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)
                .map_err(|error| Failure::new(Kind::Other, "store.io", error))?;
        }
        let store = Embedded::open(&path)?;
        let passphrases = given_passphrase(global)?.into_iter().collect();
        Ok(Self::new(
            global,
            Box::new(store),
            Keyring::new(passphrases),
        ))
    }

    /// Makes an empty store in memory.
    pub(crate) fn without_store(global: &Global) -> Self {
        Self::new(global, Box::new(Memory::new()), Keyring::new(Vec::new()))
    }

    fn new(global: &Global, store: Box<dyn Store>, keys: Keyring) -> Self {
        Self {
            store,
            keys,
            provider: fastest(),
            random: OsRandom,
            policy: global.profile.into(),
            clock: global.at.map_or(Clock::System, Clock::Fixed),
            limits: Limits::default(),
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
    pub(crate) fn load_key(
        &self,
        file: &std::path::Path,
        global: &Global,
    ) -> Result<smime::crypto::PrivateKey, Failure> {
        let bytes = input::bytes(file)?;
        let given = given_passphrase(global)?;
        let pkcs8 = match read_private_key(&bytes, given.as_ref()) {
            Err(smime::crypto::Error::PassphraseNeeded) => {
                let asked = required_passphrase(global, "passphrase of the key: ")?;
                read_private_key(&bytes, Some(&asked))
            }
            other => other,
        }?;
        Ok(self.provider.load_private_key(&pkcs8)?)
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
pub(crate) fn given_passphrase(global: &Global) -> Result<Option<Secret>, Failure> {
    if let Some(path) = &global.passphrase_file {
        let bytes = fs::read(path).map_err(|error| Failure::unreadable(path, &error))?;
        let bytes = Secret::new(bytes);
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

/// Returns the passphrase given, or asks for it on a terminal.
pub(crate) fn required_passphrase(global: &Global, prompt: &str) -> Result<Secret, Failure> {
    if let Some(passphrase) = given_passphrase(global)? {
        return Ok(passphrase);
    }
    if !std::io::stdin().is_terminal() {
        let detail = "a passphrase is needed and there is no terminal to ask on";
        return Err(Failure::new(
            Kind::Usage,
            "crypto.passphrase_needed",
            detail,
        ));
    }
    let passphrase = rpassword::prompt_password(prompt)
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
