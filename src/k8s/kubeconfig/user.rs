//! A user of a kubeconfig.

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::{
    Config,
    config::{AuthInfo, AuthProviderConfig},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};

use super::{
    cluster::{ClusterEntry, decode, given},
    error::{Fault, ProviderFault, Unusable},
    exec::Plugin,
    files::Entry,
    token::Tokens,
};
use crate::k8s::pem;

pub(super) struct UserEntry<'a>(pub(super) Entry<'a, AuthInfo>);

impl UserEntry<'_> {
    /// Puts what stays the same into the configuration; gives what has to be renewed.
    pub(super) async fn authenticate(
        &self,
        config: &mut Config,
        cluster: &ClusterEntry<'_>,
        show: Option<fn(&str)>,
    ) -> Result<Option<Tokens>, Unusable> {
        let user = self.0.value;
        config.auth_info = AuthInfo {
            impersonate: given(user.impersonate.as_ref()).map(str::to_owned),
            impersonate_uid: given(user.impersonate_uid.as_ref()).map(str::to_owned),
            impersonate_groups: user.impersonate_groups.clone(),
            impersonate_user_extra: user.impersonate_user_extra.clone(),
            ..AuthInfo::default()
        };
        self.add_identity(&mut config.auth_info)?;
        let secret =
            |field: &Option<SecretString>| field.clone().filter(|text| !text.expose_secret().is_empty());
        // The file counts more, as for client-go: it is what is renewed.
        if let Some(path) = given(user.token_file.as_ref()) {
            let tokens =
                Tokens::from_file(self.0.path(path)).map_err(|why| self.0.unusable(Fault::TokenFile(why)))?;
            return Ok(Some(tokens));
        }
        if let Some(token) = secret(&user.token) {
            config.auth_info.token = Some(token);
            return Ok(None);
        }
        if let (Some(name), Some(password)) = (given(user.username.as_ref()), secret(&user.password)) {
            config.auth_info.username = Some(name.to_owned());
            config.auth_info.password = Some(password);
            return Ok(None);
        }
        if let Some(provider) = &user.auth_provider {
            config.auth_info.token = Some(self.provider(provider)?);
            return Ok(None);
        }
        let Some(exec) = &user.exec else { return Ok(None) };
        let informed = exec.provide_cluster_info.then(|| cluster.for_plugin()).transpose()?;
        let plugin = Plugin::new(&self.0, exec, informed, show)?;
        let credential = plugin.run().await?;
        if let Some((certificate, key)) = &credential.identity {
            self.set_identity(&mut config.auth_info, certificate.as_bytes(), key.expose_secret().as_bytes())?;
        }
        credential.token.is_some().then(|| Tokens::from_plugin(plugin, &credential)).transpose()
    }

    /// The client certificate and its key, from fields or files.
    fn add_identity(&self, auth: &mut AuthInfo) -> Result<(), Unusable> {
        let user = self.0.value;
        let part = |name: &str, data: Option<&str>, path: Option<&String>| {
            let data_name = format!("{name}-data");
            match (data.filter(|data| !data.is_empty()), given(path)) {
                (Some(data), _) => decode(&self.0, &data_name, data).map(Some),
                (None, Some(path)) => self.0.read(name, path).map(Some),
                (None, None) => Ok(None),
            }
        };
        let certificate = part(
            "client-certificate",
            user.client_certificate_data.as_deref(),
            user.client_certificate.as_ref(),
        )?;
        let key = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
        let key = part("client-key", key, user.client_key.as_ref())?;
        match (certificate, key) {
            (Some(certificate), Some(key)) => self.set_identity(auth, &certificate, &key),
            (None, None) => Ok(()),
            (Some(_), None) => Err(self.0.unusable(Fault::NoClientKey)),
            (None, Some(_)) => Err(self.0.unusable(Fault::NoClientCertificate)),
        }
    }

    fn set_identity(&self, auth: &mut AuthInfo, certificate: &[u8], key: &[u8]) -> Result<(), Unusable> {
        if CertificateDer::from_pem_slice(certificate).is_err() {
            return Err(self.0.unusable(Fault::ClientCertificate));
        }
        if !pem::has_private_key(key) {
            return Err(self.0.unusable(Fault::ClientKey));
        }
        auth.client_certificate_data = Some(STANDARD.encode(certificate));
        auth.client_key_data = Some(SecretString::from(STANDARD.encode(key)));
        Ok(())
    }

    /// The providers that were part of kubectl. Of those, oidc is left; its refresh token is not used, because the answer has to
    /// be written back into the kubeconfig and the old one may end with its use.
    fn provider(&self, provider: &AuthProviderConfig) -> Result<SecretString, Unusable> {
        let fault = match provider.name.as_str() {
            "oidc" => match provider.config.get("id-token").filter(|token| !token.is_empty()) {
                Some(token) => return Ok(SecretString::from(token.clone())),
                None => ProviderFault::Oidc,
            },
            "gcp" => ProviderFault::Gcp,
            "azure" => ProviderFault::Azure,
            other => ProviderFault::Unknown(other.to_owned()),
        };
        Err(self.0.unusable(Fault::Provider(fault)))
    }
}
