use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use serde_json::json;
use smime::{
    RsaPadding, SignatureChoice,
    cms::{
        self, Encryptor, Envelope, Object, Outcome, Recipient, Sender, SignatureCheck, Signer,
        Summary,
    },
    crypto::{ContentCipher, DigestAlgorithm, KeyTransport, Random},
    io::Source,
    mime::{self, MultipartSigned, Pkcs7Mime, SmimeType},
    x509::{CertificateBundle, ChainVerifier, TrustStore},
};

use crate::{
    args::{Cms, DigestWord, Global, Trust},
    context::Context,
    failure::{Failure, Judgement, Kind},
    input, json,
    output::Output,
    report::Report,
};

pub(crate) fn run(global: &Global, command: &Cms, report: &Report) -> Result<Judgement, Failure> {
    let context = Context::without_store(global);
    match command {
        Cms::Show { file } => show(&context, file, report),
        Cms::Verify {
            file,
            content,
            output,
            trust,
            no_chain,
        } => {
            let chains = if *no_chain { None } else { Some(trust) };
            verify(
                &context,
                file,
                content.as_deref(),
                output.as_deref(),
                chains,
                report,
            )
        }
        Cms::Decrypt {
            file,
            output,
            cert,
            key,
        } => {
            let key = context.load_key(key, global)?;
            decrypt(&context, file, output.as_deref(), cert, &key, report)
        }
        Cms::Sign {
            file,
            output,
            cert,
            key,
            digest,
            pss,
            opaque,
            der,
        } => {
            let key = context.load_key(key, global)?;
            let signer = signer(cert, key, *digest, *pss)?;
            let form = Form {
                opaque: *opaque,
                der: *der,
            };
            sign(&context, &signer, file, output.as_deref(), form)
        }
        Cms::Encrypt {
            file,
            output,
            to,
            cipher,
            oaep,
            der,
        } => {
            let transport = oaep.then_some(KeyTransport::RsaOaep {
                digest: DigestAlgorithm::Sha256,
                mgf: DigestAlgorithm::Sha256,
            });
            let mut recipients = Vec::new();
            for file in to {
                for certificate in input::certificates(file)? {
                    let recipient = Recipient::without_chain(certificate);
                    recipients.push(match transport {
                        Some(transport) => recipient.transport(transport),
                        None => recipient,
                    });
                }
            }
            encrypt(
                &context,
                recipients,
                (*cipher).into(),
                file,
                output.as_deref(),
                *der,
            )
        }
    }
}

fn show(context: &Context, file: &Path, report: &Report) -> Result<Judgement, Failure> {
    let input = input::cms(file, &context.limits)?;
    let summary: Summary = cms::show(&input.object, &context.limits)?;
    let value = json::summary(&summary);
    report.result(&value, || {
        let fields = value.as_object().into_iter().flatten();
        let lines: Vec<_> = fields
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        lines.join("\n")
    });
    Ok(Judgement::Good)
}

fn verify(
    context: &Context,
    file: &Path,
    content: Option<&Path>,
    output: Option<&Path>,
    trust: Option<&Trust>,
    report: &Report,
) -> Result<Judgement, Failure> {
    let limits = &context.limits;
    let content_source = content
        .map(|path| input::source(path, limits))
        .transpose()?;
    let signed = input::signed(input::cms(file, limits)?, content_source, limits)?;
    let (mut anchors, mut pool) = (TrustStore::new(), CertificateBundle::new());
    if let Some(trust) = trust {
        for path in &trust.anchor {
            for certificate in input::certificates(path)? {
                anchors.add(certificate);
            }
        }
        for path in &trust.pool {
            for certificate in input::certificates(path)? {
                pool.add(certificate);
            }
        }
    }
    let chains = ChainVerifier {
        provider: context.provider,
        algorithms: &context.policy.algorithms,
        policy: &context.policy.certificates,
        anchors: &anchors,
    };
    let outcome = signed.verify(&SignatureCheck {
        chains: trust.is_some().then_some(&chains),
        provider: context.provider,
        algorithms: &context.policy.algorithms,
        pool: &pool,
        sender: Sender::Any,
        at: context.now(),
    })?;
    let (signers, content_out, good) = match &outcome {
        Outcome::Verified(it) => (it.signers(), it.content(), true),
        Outcome::Unverified(it) => (it.signers(), it.content(), false),
    };
    report.result(&json::signers(signers, good), || {
        let lines = signers.iter().map(|signer| {
            let who = signer
                .certificate
                .as_ref()
                .map(|it| it.subject().to_string());
            let verdict = &signer.verdict;
            format!(
                "{} ({}) {}",
                verdict.name(),
                verdict.code(),
                who.unwrap_or_default()
            )
        });
        let lines: Vec<_> = lines.collect();
        if lines.is_empty() {
            "no signer".to_owned()
        } else {
            lines.join("\n")
        }
    });
    if let Some(path) = output {
        copy_out(content_out, Some(path), file)?;
    }
    Ok(Judgement::of(good))
}

fn decrypt(
    context: &Context,
    file: &Path,
    output: Option<&Path>,
    cert: &Path,
    key: &smime::crypto::PrivateKey,
    report: &Report,
) -> Result<Judgement, Failure> {
    let envelope: Envelope =
        match cms::read(input::cms(file, &context.limits)?.object, &context.limits)? {
            Object::Enveloped(envelope) => envelope,
            _ => {
                return Err(Failure::new(
                    Kind::Input,
                    "input.not_enveloped",
                    "not an envelope",
                ));
            }
        };
    let cipher = envelope.cipher().ok();
    let own = input::certificates(cert)?;
    let matching = own.iter().find(|it| it.public_key() == key.public_key());
    let own = matching.ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            "key.no_certificate",
            "the key is not that of the certificate",
        )
    })?;
    let engine = context.engine();
    let (authenticated, content) = engine.decrypt(&envelope, own, key)?;
    if output.is_some() || !report.is_json() {
        copy_out(&content, output, file)?;
    }
    if report.is_json() {
        let value = json!({
            "cipher": cipher.map(|it| it.name()),
            "authenticated": authenticated,
            "recipient": json::hex(own.fingerprint()),
        });
        report.result(&value, String::new);
    } else if !authenticated {
        report.remark("the content is not authenticated");
    }
    Ok(Judgement::Good)
}

fn signer(
    cert: &Path,
    key: smime::crypto::PrivateKey,
    digest: Option<DigestWord>,
    pss: bool,
) -> Result<Signer, Failure> {
    let mut certificates = input::certificates(cert)?;
    let own = certificates
        .iter()
        .position(|it| it.public_key() == key.public_key());
    let own = own
        .map(|position| certificates.remove(position))
        .ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "key.no_certificate",
                "the key is not that of the certificate",
            )
        })?;
    let choice = SignatureChoice {
        digest: digest.map(Into::into),
        padding: if pss {
            RsaPadding::Pss
        } else {
            RsaPadding::Pkcs1
        },
    };
    let scheme = choice.scheme(own.public_key().kind())?;
    let signer = Signer::without_chain(own, Arc::new(key))?.scheme(scheme)?;
    Ok(signer.also_include(certificates))
}

/// How `cms sign` writes: around or beside the content, as S/MIME or bare.
#[derive(Clone, Copy)]
struct Form {
    opaque: bool,
    der: bool,
}

fn sign(
    context: &Context,
    signer: &Signer,
    file: &Path,
    output: Option<&Path>,
    form: Form,
) -> Result<Judgement, Failure> {
    let content = input::source(file, &context.limits)?;
    let (provider, random, at) = (context.provider, context.random(), context.now());
    let mut out = Output::open(output, &[file])?;
    if form.der && form.opaque {
        cms::sign_der(signer, &content, provider, random, at, &mut out)?;
    } else if form.der {
        let mut digest = signer.detached(provider, random, at);
        io::copy(&mut content.open()?, &mut digest)?;
        out.write_all(&digest.finish()?)?;
    } else {
        let content = mime::canonical(content);
        out.write_all(b"MIME-Version: 1.0\r\n")?;
        if form.opaque {
            let base64 = Pkcs7Mime::begin(&mut out, SmimeType::SignedData)?;
            let mut signed = signer.opaque(base64, provider, random, at)?;
            io::copy(&mut content.open()?, &mut signed)?;
            signed.finish()?.finish()?;
        } else {
            let mut digest = signer.detached(provider, random, at);
            io::copy(&mut content.open()?, &mut digest)?;
            let micalg = signer.digest().micalg();
            let mut multipart = MultipartSigned::begin(&mut out, micalg, &boundary(random)?)?;
            io::copy(&mut content.open()?, multipart.content())?;
            multipart.finish(&digest.finish()?)?;
        }
    }
    out.keep()?;
    Ok(Judgement::Good)
}

fn encrypt(
    context: &Context,
    recipients: Vec<Recipient>,
    cipher: ContentCipher,
    file: &Path,
    output: Option<&Path>,
    der: bool,
) -> Result<Judgement, Failure> {
    let content = input::source(file, &context.limits)?;
    let encryptor = Encryptor::to(recipients, cipher, context.provider, context.random())?;
    let mut out = Output::open(output, &[file])?;
    if der {
        let length = io::copy(&mut content.open()?, &mut io::sink())?;
        let mut envelope = encryptor.wrap_definite(length, &mut out)?;
        io::copy(&mut content.open()?, &mut envelope)?;
        envelope.finish()?;
    } else {
        out.write_all(b"MIME-Version: 1.0\r\n")?;
        let base64 = Pkcs7Mime::begin(&mut out, input::envelope_type(cipher))?;
        let mut envelope = encryptor.wrap(base64)?;
        io::copy(&mut content.open()?, &mut envelope)?;
        envelope.finish()?.finish()?;
    }
    out.keep()?;
    Ok(Judgement::Good)
}

fn copy_out(content: &Source, path: Option<&Path>, input: &Path) -> Result<(), Failure> {
    let mut output = Output::open(path, &[input])?;
    io::copy(&mut content.open()?, &mut output)?;
    output.keep()
}

fn boundary(random: &dyn Random) -> Result<String, Failure> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(json::hex(bytes))
}
