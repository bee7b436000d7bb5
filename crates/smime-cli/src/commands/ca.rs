use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use smime::{
    crypto::{Pkcs12Builder, PrivateKey, ProtectedKey, PublicKey, Secret},
    store::{Activity, KeyAtRest, Operation, Outcome, Trust},
    x509::{
        Certificate, CertificationRequest, EmailAddress, Issuer, MailSubject, Purpose, Validity,
        make_root,
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

use self::authority::Authority;

mod authority;

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
    let (context, passphrase) = match command.parent {
        None => Context::with_new_key(global)?,
        Some(_) => {
            let mut context = Context::with_store(global)?;
            context.require_keys(global)?;
            let passphrase = context.take_passphrase()?;
            (context, passphrase)
        }
    };
    let made = make_authority(&context, command, &passphrase);
    let logged = made.as_ref().map(|(it, _)| ("issue.authority", it));
    record(&context, &[], logged)?;
    let (certificate, above) = made?;
    if let Some((out, _)) = &mut outputs.certificate {
        for certificate in [&certificate].into_iter().chain(&above) {
            pem::write(out, Label::Certificate, certificate.der())?;
        }
    }
    let files = outputs.keep()?;
    if command.parent.is_some() && command.crl_url.is_none() {
        report.remark(NO_CRL_URL);
    }
    let (trust, told) = match above.first() {
        None => ("anchor", "trusted in the store".to_owned()),
        Some(parent) => ("none", format!("issued by {}", parent.subject())),
    };
    report.result(&value(&certificate, trust, true, &files), || {
        format!(
            "authority {} until {}\n  {}\n  {told}, its key under the passphrase",
            certificate.subject(),
            certificate.not_after(),
            json::hex(certificate.fingerprint()),
        )
    });
    Ok(Judgement::Good)
}

/// Makes an authority; returns those above it, too, which a root has none of.
fn make_authority(
    context: &Context,
    command: &CaInit,
    passphrase: &Secret,
) -> Result<(Certificate, Vec<Certificate>), Failure> {
    let parent = command.parent.as_deref();
    let parent = parent.map(|prefix| Authority::find(context, Some(prefix)));
    let parent = parent.transpose()?;
    // Opened before the new key is made: a wrong passphrase protects nothing.
    let parent_key = parent.as_ref().map(|it| it.key(context, passphrase));
    let parent_key = parent_key.transpose()?;
    let key = NewKey::make(context, command.key_kind.into(), passphrase)?;
    let validity = |usual| Validity {
        from: context.now(),
        days: command.days.unwrap_or(usual),
    };
    let (name, random) = (command.name.as_deref(), context.random());
    let certificate = match (&parent, &parent_key) {
        (Some(parent), Some(parent_key)) => {
            parent.check_depth()?;
            let issuer = Issuer::new(parent.certificate(), parent_key)?;
            let issuer = with_urls(issuer, &command.crl_url, &command.ca_url)?;
            let (name, public) = (name.unwrap_or("S/MIME Issuing CA"), key.key.public_key());
            let made = issuer.issue_authority(name, public, validity(1825), random)?;
            parent.check_issued(context, &made, Purpose::SignCertificates)?;
            made
        }
        _ => make_root(
            name.unwrap_or("S/MIME CA"),
            &key.key,
            validity(3650),
            random,
        )?,
    };
    key.store(context)?;
    let certificates = std::slice::from_ref(&certificate);
    context
        .store
        .add_certificates(certificates, context.now())?;
    if parent.is_none() {
        let fingerprint = certificate.fingerprint();
        context.store.set_trust(&fingerprint, Trust::Anchor)?;
    }
    let above = parent.map(|it| it.path().to_vec());
    Ok((certificate, above.unwrap_or_default()))
}

fn with_urls<'a>(
    mut issuer: Issuer<'a>,
    crl: &'a Option<String>,
    certificate: &'a Option<String>,
) -> Result<Issuer<'a>, Failure> {
    if let Some(url) = crl {
        issuer = issuer.crl_at(url)?;
    }
    if let Some(url) = certificate {
        issuer = issuer.certificate_at(url)?;
    }
    Ok(issuer)
}

fn issue(global: &Global, command: &CaIssue, report: &Report) -> Result<Judgement, Failure> {
    let mut inputs: Vec<&Path> = global.files().collect();
    inputs.extend(command.csr.as_deref());
    let mut outputs = Outputs::default();
    outputs.replace(command.out.as_deref(), &inputs)?;
    outputs.key = outputs.create(command.key_out.as_deref(), &inputs)?;
    outputs.p12 = outputs.create(command.p12_out.as_deref(), &inputs)?;
    let mut context = Context::with_store(global)?;
    context.require_keys(global)?;
    let passphrase = context.take_passphrase()?;
    let issued = issue_to(&context, command, &passphrase);
    let logged = issued.as_ref();
    let logged = logged.map(|it| ("issue.certificate", &it.certificate));
    record(&context, &command.person.addresses, logged)?;
    let issued = issued?;
    if let Some((out, _)) = &mut outputs.certificate {
        for certificate in [&issued.certificate].into_iter().chain(&issued.above) {
            pem::write(out, Label::Certificate, certificate.der())?;
        }
    }
    if let (Some((out, _)), Some(key)) = (&mut outputs.key, &issued.key) {
        pem::write(out, Label::ProtectedKey, key.der())?;
    }
    if let (Some((out, _)), Some(key)) = (&mut outputs.p12, &issued.key) {
        let (key, random) = (key.open(&passphrase)?, context.random());
        let file = Pkcs12Builder::new(&key, issued.certificate.der());
        let above = issued.above.iter().map(Certificate::der);
        let file = above.fold(file, Pkcs12Builder::authority);
        out.write_all(&file.finish(&passphrase, random)?)?;
    }
    let files = outputs.keep()?;
    if command.crl_url.is_none() {
        report.remark(NO_CRL_URL);
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
    /// Its issuer, and those above, the root last.
    above: Vec<Certificate>,
    /// The new key; none for a request.
    key: Option<ProtectedKey>,
}

fn issue_to(context: &Context, command: &CaIssue, passphrase: &Secret) -> Result<Issued, Failure> {
    let mut subject =
        MailSubject::new(&command.person.addresses)?.used_for(command.person.uses.into());
    if let Some(name) = &command.person.name {
        subject = subject.named(name)?;
    }
    let authority = Authority::find(context, command.ca.as_deref())?;
    let authority_key = authority.key(context, passphrase)?;
    let issuer = Issuer::new(authority.certificate(), &authority_key)?;
    let issuer = issuer.generation(command.generation.into());
    let issuer = with_urls(issuer, &command.crl_url, &command.ca_url)?;
    let validity = Validity {
        from: context.now(),
        days: command.days,
    };
    let certify = |key: &PublicKey| {
        let certificate = issuer.issue_mail(&subject, key, validity, context.random())?;
        authority.check_issued(context, &certificate, Purpose::Any)?;
        Ok::<_, Failure>(certificate)
    };
    let (certificate, key) = match &command.csr {
        Some(file) => {
            let request = request(file, &command.person.addresses)?;
            let proven = request.prove(context.provider).map_err(|error| {
                let judged = error == smime::crypto::Error::BadSignature;
                let kind = if judged { Kind::NotGood } else { Kind::Input };
                Failure::new(kind, error.code(), format!("{}: {error}", file.display()))
            })?;
            (certify(proven)?, None)
        }
        None => {
            let key = NewKey::make(context, command.person.key_kind.into(), passphrase)?;
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
        above: authority.path().to_vec(),
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
        let key = KeyAtRest::Protected(self.protected.clone());
        context.store.add_key(public, &key, context.random(), now)?;
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
        outcome,
        to: addresses.iter().map(ToString::to_string).collect(),
        certificates,
        ..context.activity(Operation::Issue, code, detail)
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

const NO_CRL_URL: &str = "no --crl-url: the S/MIME Baseline Requirements want one";
