//! A receiver must present a valid certificate for its name, issued by a trusted root.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tests::{Fixtures, Receiver, World, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{deliveries, detail, subscribe};

/// A certificate authority.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A receiver with a certificate for a name, which answers 200 to every request.
struct Secure {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Secure {
    async fn new(by: &CertifiedIssuer<'static, KeyPair>, name: &str, last_year: i32) -> Secure {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(last_year, 1, 1));
        let certificate = CertificateDer::from(params.signed_by(&key, by).unwrap());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let (acceptor, requests) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, counted) = (listener.local_addr().unwrap().port(), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 1024];
                if stream.read(&mut head).await.is_ok_and(|read| head[..read].starts_with(b"POST /hook")) {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                }
            }
        });
        Secure { port, requests }
    }
}

/// The attempt of one event that was sent there.
async fn outcome(world: &World, fixtures: &Fixtures, url: &str) -> Value {
    let id = subscribe(world, &fixtures.home, url, &["client.created"]).await;
    fixtures.home.client(world, "Globex").await;
    world.app.deliver_due().await.unwrap();
    let delivery = deliveries(world, &fixtures.home).await.pop().unwrap();
    assert_eq!(delivery["endpointId"], id.as_str());
    world.delete(&fixtures.home.owner, &format!("/api/v1/webhook-endpoints/{id}")).await;
    detail(world, &fixtures.home, &delivery).await["attempts"][0].clone()
}

on_both! {
    async fn only_receivers_with_a_valid_certificate_are_sent_to(world: World) {
        let (trusted, unknown) = (authority("Trusted"), authority("Unknown"));
        let root: CertificateDer<'static> = trusted.der().clone();
        let world = world.replica(world.clock.clone(), |config| config.webhook_roots = vec![root]).await;
        world.names.set("hooks.example", &["127.0.0.1"]);
        let fixtures = Fixtures::new(&world).await;
        for (by, name, last_year, wanted) in [
            (&trusted, "hooks.example", 2500, None),
            (&trusted, "elsewhere.example", 2500, Some("not valid for name")),
            (&unknown, "hooks.example", 2500, Some("UnknownIssuer")),
            (&trusted, "hooks.example", 2021, Some("expired")),
        ] {
            let secure = Secure::new(by, name, last_year).await;
            let attempt = outcome(&world, &fixtures, &format!("https://hooks.example:{}/hook", secure.port)).await;
            match wanted {
                None => assert_eq!(attempt["responseStatus"], 200, "{attempt}"),
                Some(why) => {
                    let reported = attempt["error"].as_str().unwrap();
                    assert!(reported.starts_with("the TLS handshake failed") && reported.contains(why), "{name}: {reported}");
                }
            }
            assert_eq!(secure.requests.load(Ordering::Relaxed), usize::from(wanted.is_none()), "{name}");
        }
    }
}

on_both! {
    /// A port that speaks, but not TLS.
    async fn a_port_without_tls_is_sent_nothing(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let plain = Receiver::answering(200).await;
        let attempt = outcome(&world, &fixtures, &plain.url.replace("http://", "https://")).await;
        let reported = attempt["error"].as_str().unwrap();
        assert!(reported.starts_with("the TLS handshake failed"), "{reported}");
        assert!(plain.received().is_empty());
    }
}
