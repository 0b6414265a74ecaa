//! The certificate authority of a run: it signs one certificate for all who are called and one for all who call, and
//! nothing of it is kept. Its certificates are new in every run, and reach no result.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// What a run has made for itself.
pub(super) struct Made {
    /// Who has signed the others.
    pub authority: CertificateDer<'static>,
    /// What those show that are called.
    pub server: Pair,
    /// What those show that call.
    pub client: Pair,
}

/// Makes all certificates of a run.
pub(super) fn certificates(listen: &[IpAddr]) -> Result<Made, Error> {
    let period = Period::of_a_run();
    let authority = Authority::new(period)?;
    let mut names: BTreeSet<String> = ["127.0.0.1", "::1", "localhost"].map(Into::into).into();
    names.extend(listen.iter().map(ToString::to_string));
    Ok(Made {
        server: authority.sign("p2pfl-sim server", names, ExtendedKeyUsagePurpose::ServerAuth, period)?,
        client: authority.sign("p2pfl-sim client", [], ExtendedKeyUsagePurpose::ClientAuth, period)?,
        authority: authority.certificate(),
    })
}

/// From when until when a certificate is valid, both since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub from: Duration,
    pub until: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Period {
    /// From a day ago, for machines whose clocks differ, until longer than any run lasts.
    fn of_a_run() -> Self {
        Self::around(UnixTime::now())
    }

    pub fn around(now: UnixTime) -> Self {
        let now = Duration::from_secs(now.as_secs());
        Self { from: now.saturating_sub(DAY), until: now + 14 * DAY }
    }

    fn of(self, mut params: CertificateParams) -> CertificateParams {
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + self.from;
        params.not_after = epoch + self.until;
        params
    }
}

/// Somebody who signs.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate, and the key that it is for.
pub(super) struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub fn new(period: Period) -> Result<Self, Error> {
        let mut params = period.of(CertificateParams::default());
        params.distinguished_name = name("p2pfl-sim authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // ECDSA on P-256.
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Signs a new certificate for these names: IP addresses, and names of hosts.
    pub fn sign(
        &self,
        whose: &str,
        names: impl IntoIterator<Item = String>,
        purpose: ExtendedKeyUsagePurpose,
        period: Period,
    ) -> Result<Pair, Error> {
        let names: Vec<String> = names.into_iter().collect();
        let mut params = period.of(CertificateParams::new(names)?);
        params.distinguished_name = name(whose);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Pair { certificate: params.signed_by(&key, &self.0)?, key })
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.as_ref().der().clone()
    }

    #[cfg(test)]
    pub fn pem(&self) -> String {
        self.0.as_ref().pem()
    }
}

impl Pair {
    /// What rustls shows of it.
    pub fn into_der(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        (vec![self.certificate.der().clone()], key.into())
    }

    /// What is in the two files.
    #[cfg(test)]
    pub fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}
