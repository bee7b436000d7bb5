use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use smime::{
    crypto::{Pkcs12Builder, PrivateKey, ProtectedKey, PublicKey, Secret},
    store::{Activity, Direction, Operation, Outcome, Trust, public_key_id},
    x509::{
        Certificate, CertificationRequest, EmailAddress, Issuer, MailSubject, Validity, make_root,
    },
};

use crate::{
    args::{Ca, CaInit, CaIssue, Global},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json,
    output::Output,
    pem::{self, Label},
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Ca, report: &Report) -> Result<Judgement, Failure> {
    match command {
        Ca::Init(command) => init(global, command, report),
        Ca::Issue(command) => issue(global, command, report),
    }
}

fn init(global: &Global, command: &CaInit, report: &Report) -> Result<Judgement, Failure> {
    let inputs: Vec<&Path> = global.files().collect();
    let mut outputs = Outputs::default();
    outputs.replace(command.out.as_deref(), &inputs)?;
    let (context, passphrase) = Context::with_new_key(global)?;
    let made = make_authority(&context, command, &passphrase);
    record(
        &context,
        &[],
        made.as_ref().map(|it| ("issue.authority", it)),
    )?;
    let certificate = made?;
    if let Some((out, _)) = &mut outputs.certificate {
        pem::write(out, Label::Certificate, certificate.der())?;
    }
    let files = outputs.keep()?;
    report.result(&value(&certificate, "anchor", true, &files), || {
        format!(
            "authority {} until {}\n  {}\n  trusted in the store, its key under the passphrase",
            certificate.subject(),
            certificate.not_after(),
            json::hex(certificate.fingerprint()),
        )
    });
    Ok(Judgement::Good)
}

fn make_authority(
    context: &Context,
    command: &CaInit,
    passphrase: &Secret,
) -> Result<Certificate, Failure> {
    let key = NewKey::make(context, command.key_kind.into(), passphrase)?;
    let validity = Validity {
        from: context.now(),
        days: command.days,
    };
    let certificate = make_root(&command.name, &key.key, validity, context.random())?;
    key.store(context)?;
    let certificates = std::slice::from_ref(&certificate);
    context
        .store
        .add_certificates(certificates, context.now())?;
    let fingerprint = certificate.fingerprint();
    context.store.set_trust(&fingerprint, Trust::Anchor)?;
    Ok(certificate)
}

fn issue(global: &Global, command: &CaIssue, report: &Report) -> Result<Judgement, Failure> {
    let mut inputs: Vec<&Path> = global.files().collect();
    inputs.extend(command.csr.as_deref());
    let mut outputs = Outputs::default();
    outputs.replace(command.out.as_deref(), &inputs)?;
    outputs.key = outputs.create(command.key_out.as_deref(), &inputs)?;
    outputs.p12 = outputs.create(command.p12_out.as_deref(), &inputs)?;
    let mut context = Context::with_store(global)?;
    let passphrase = context.take_passphrase()?;
    let issued = issue_to(&context, command, &passphrase);
    let logged = issued.as_ref();
    let logged = logged.map(|it| ("issue.certificate", &it.certificate));
    record(&context, &command.addresses, logged)?;
    let issued = issued?;
    if let Some((out, _)) = &mut outputs.certificate {
        pem::write(out, Label::Certificate, issued.certificate.der())?;
        pem::write(out, Label::Certificate, issued.authority.der())?;
    }
    if let (Some((out, _)), Some(key)) = (&mut outputs.key, &issued.key) {
        pem::write(out, Label::ProtectedKey, key.der())?;
    }
    if let (Some((out, _)), Some(key)) = (&mut outputs.p12, &issued.key) {
        let (key, random) = (key.open(&passphrase)?, context.random());
        let file = Pkcs12Builder::new(&key, issued.certificate.der());
        let file = file.authority(issued.authority.der());
        out.write_all(&file.finish(&passphrase, random)?)?;
    }
    let files = outputs.keep()?;
    if command.crl_url.is_none() {
        report.remark("no --crl-url: the S/MIME Baseline Requirements want one");
    }
    let has_key = issued.key.is_some();
    report.result(&value(&issued.certificate, "none", has_key, &files), || {
        format!(
            "certificate for {} until {}\n  {}",
            json::emails(&issued.certificate).join(", "),
            issued.certificate.not_after(),
            json::hex(issued.certificate.fingerprint()),
        )
    });
    Ok(Judgement::Good)
}

/// What came of issuing.
struct Issued {
    certificate: Certificate,
    authority: Certificate,
    /// The new key; none for a request.
    key: Option<ProtectedKey>,
}

fn issue_to(context: &Context, command: &CaIssue, passphrase: &Secret) -> Result<Issued, Failure> {
    let mut subject = MailSubject::new(&command.addresses)?.used_for(command.uses.into());
    if let Some(name) = &command.name {
        subject = subject.named(name)?;
    }
    let (authority, authority_key) = authority(context, command.ca.as_deref(), passphrase)?;
    let mut issuer = Issuer::new(&authority, &authority_key)?.generation(command.generation.into());
    if let Some(url) = &command.crl_url {
        issuer = issuer.crl_at(url)?;
    }
    if let Some(url) = &command.ca_url {
        issuer = issuer.certificate_at(url)?;
    }
    let validity = Validity {
        from: context.now(),
        days: command.days,
    };
    let certify = |key: &PublicKey| {
        let certificate = issuer.issue_mail(&subject, key, validity, context.random())?;
        Ok::<_, Failure>(certificate)
    };
    let (certificate, key) = match &command.csr {
        Some(file) => {
            let request = request(file, &command.addresses)?;
            let proven = request.prove(context.provider).map_err(|error| {
                let judged = error == smime::crypto::Error::BadSignature;
                let kind = if judged { Kind::NotGood } else { Kind::Input };
                Failure::new(kind, error.code(), format!("{}: {error}", file.display()))
            })?;
            (certify(proven)?, None)
        }
        None => {
            let key = NewKey::make(context, command.key_kind.into(), passphrase)?;
            let certificate = certify(key.key.public_key())?;
            key.store(context)?;
            (certificate, Some(key.protected))
        }
    };
    let certificates = std::slice::from_ref(&certificate);
    context
        .store
        .add_certificates(certificates, context.now())?;
    Ok(Issued {
        certificate,
        authority,
        key,
    })
}

/// Reads a request, which must ask for every address that is to be certified.
fn request(file: &Path, addresses: &[EmailAddress]) -> Result<CertificationRequest, Failure> {
    let der = pem::request(input::bytes(file)?)?;
    let request = CertificationRequest::from_der(&der).map_err(|error| {
        let detail = format!("{}: {error}", file.display());
        Failure::new(Kind::Input, error.code(), detail)
    })?;
    let asked = request.emails();
    match addresses.iter().find(|address| !asked.contains(address)) {
        Some(other) => {
            let detail = format!("the request does not ask for {other}");
            Err(Failure::new(Kind::NotGood, "request.other_address", detail))
        }
        None => Ok(request),
    }
}

/// Returns the anchor that has its key in the store, and the key.
fn authority(
    context: &Context,
    prefix: Option<&str>,
    passphrase: &Secret,
) -> Result<(Certificate, PrivateKey), Failure> {
    let prefix = prefix.map(str::to_ascii_lowercase).unwrap_or_default();
    let mut found = Vec::new();
    for anchor in context.store.anchors()? {
        let id = public_key_id(anchor.public_key());
        let named = json::hex(anchor.fingerprint()).starts_with(&prefix);
        if anchor.is_ca() && named && context.store.has_key(&id)? {
            found.push((anchor, id));
        }
    }
    let mut found = found.into_iter();
    let absent = || {
        let detail = "no authority with its private key in the store";
        Failure::new(Kind::Other, "ca.absent", detail)
    };
    let (certificate, id) = found.next().ok_or_else(absent)?;
    if found.next().is_some() {
        let detail = "several authorities with private keys in the store";
        return Err(Failure::new(Kind::Usage, "ca.several", detail));
    }
    let protected = context.store.key(&id)?.ok_or_else(absent)?;
    let pkcs8 = protected.open(passphrase)?;
    Ok((certificate, context.provider.load_private_key(&pkcs8)?))
}

/// A private key that was just made.
pub(super) struct NewKey {
    pub(super) key: PrivateKey,
    pub(super) protected: ProtectedKey,
}

impl NewKey {
    pub(super) fn make(
        context: &Context,
        kind: smime::crypto::KeyKind,
        passphrase: &Secret,
    ) -> Result<Self, Failure> {
        let pkcs8 = context.provider.generate_key(kind, context.random())?;
        Ok(Self {
            protected: ProtectedKey::protect(&pkcs8, passphrase, context.random())?,
            key: context.provider.load_private_key(&pkcs8)?,
        })
    }

    /// Puts the key into the store; before its certificate, for a key that is lost is the worse.
    pub(super) fn store(&self, context: &Context) -> Result<(), Failure> {
        let (public, now) = (self.key.public_key(), context.now());
        context.store.add_key(public, &self.protected, now)?;
        Ok(())
    }
}

/// Where certificate and key go beside the store.
#[derive(Default)]
struct Outputs {
    certificate: Option<(Output, PathBuf)>,
    key: Option<(Output, PathBuf)>,
    /// All in one file.
    p12: Option<(Output, PathBuf)>,
}

impl Outputs {
    fn replace(&mut self, path: Option<&Path>, inputs: &[&Path]) -> Result<(), Failure> {
        if let Some(path) = path {
            self.certificate = Some((Output::file(path, inputs)?, path.to_owned()));
        }
        Ok(())
    }

    /// Opens an output that holds a key, and that no other output may be.
    fn create(
        &self,
        path: Option<&Path>,
        inputs: &[&Path],
    ) -> Result<Option<(Output, PathBuf)>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let others = self.certificate.iter().chain(&self.key);
        if others.into_iter().any(|(_, other)| other == path) {
            let detail = "certificate and key need a file each";
            return Err(Failure::new(Kind::Usage, "output.same", detail));
        }
        Ok(Some((Output::new_file(path, inputs)?, path.to_owned())))
    }

    /// Puts all of them in their places and returns their names.
    fn keep(self) -> Result<Vec<String>, Failure> {
        let all = self.certificate.into_iter().chain(self.key).chain(self.p12);
        let (outputs, paths): (Vec<_>, Vec<_>) = all.unzip();
        Output::keep_all(outputs)?;
        Ok(paths.iter().map(|it| it.display().to_string()).collect())
    }
}

fn record(
    context: &Context,
    addresses: &[EmailAddress],
    made: Result<(&str, &Certificate), &Failure>,
) -> Result<(), Failure> {
    let (outcome, code, certificates, detail) = match made {
        Ok((code, certificate)) => (
            Outcome::Ok,
            code,
            vec![certificate.fingerprint()],
            format!("certificate of {}", certificate.subject()),
        ),
        Err(failure) => (
            Outcome::Failed,
            &*failure.code,
            Vec::new(),
            failure.detail.clone(),
        ),
    };
    context.store.record(&Activity {
        time: context.now(),
        direction: Direction::Store,
        operation: Operation::Issue,
        outcome,
        code: code.to_owned(),
        message_id: None,
        from: None,
        to: addresses.iter().map(ToString::to_string).collect(),
        certificates,
        input_digest: None,
        detail,
    })?;
    Ok(())
}

/// The certificate as `cert list` shows it, and the files it went to.
fn value(certificate: &Certificate, trust: &str, has_key: bool, files: &[String]) -> Value {
    let mut value = json::certificate(certificate);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("trust".to_owned(), trust.into());
        fields.insert("has_key".to_owned(), has_key.into());
        fields.insert("outputs".to_owned(), json!(files));
    }
    value
}
