//! Rate limits that replicas share through a Redis behind TLS (`rediss://`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use service::value::Plan;
use service::{Clock, Config};
use tests::{Workspace, on_both};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::limits::{batch, rate_limit};
use super::shared_limits::redis;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn pem(certificate: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")).into_bytes()
}

/// TLS in front of the tests' Redis, with a certificate by this authority; and the number of handshakes that succeeded.
async fn tls_before_redis(by: &CertifiedIssuer<'static, KeyPair>) -> (String, Arc<AtomicUsize>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, by).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![CertificateDer::from(certificate)], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}/", listener.local_addr().unwrap());
    let handshakes = Arc::new(AtomicUsize::new(0));
    let reported = handshakes.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, counted) = (acceptor.clone(), handshakes.clone());
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                counted.fetch_add(1, Ordering::Relaxed);
                let address = redis().trim_start_matches("redis://").trim_end_matches('/').to_owned();
                let mut inside = TcpStream::connect(address).await.unwrap();
                // Either side may hang up first.
                _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (url, reported)
}

on_both! {
    /// Two replicas that reach a Redis over TLS give one budget; one that does not trust its certificate counts for itself.
    async fn replicas_share_limits_over_tls(world: World) {
        let (trusted, unknown) = (authority(), authority());
        let (url, handshakes) = tls_before_redis(&trusted).await;
        let by = |authority: &CertifiedIssuer<'static, KeyPair>| {
            let (url, ca) = (url.clone(), pem(authority.der()));
            move |config: &mut Config| {
                (config.rate_limit_scale, config.redis_url, config.redis_ca) = (1, Some(url), Some(ca));
            }
        };
        // A handshake may take longer than a replica waits for it while the machine is busy: then it tries again.
        let mut connected = Vec::new();
        while connected.len() < 2 {
            let before = handshakes.load(Ordering::Relaxed);
            let replica = world.replica(Clock::system(), by(&trusted)).await;
            if handshakes.load(Ordering::Relaxed) > before {
                connected.push(replica);
            }
        }
        let studio = Workspace::new(&connected[0], "studio", Plan::Studio).await;
        let project = studio.project(&connected[0], "P").await;
        let began = Instant::now();
        for _ in 0..4 {
            connected[0].post(&studio.owner, "/api/v1/time-entries/batch", batch(&project, 100)).await.data(201);
        }
        let there = connected[1].get(&studio.owner, "/api/v1/me").await;
        let refilled = i64::try_from(began.elapsed().as_secs()).unwrap() * 10 + 10;
        assert!(rate_limit(&there).sustained.0 < 200 + refilled, "{:?} after {refilled}", rate_limit(&there));

        let succeeded = handshakes.load(Ordering::Relaxed);
        let alone = world.replica(Clock::system(), by(&unknown)).await;
        assert_eq!(handshakes.load(Ordering::Relaxed), succeeded, "its certificate is not trusted");
        assert_eq!(rate_limit(&alone.get(&studio.owner, "/api/v1/me").await).sustained.0, 599);
    }
}
