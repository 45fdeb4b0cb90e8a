//! Nothing that can be printed during a login tells the password.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pair::*;
use xmpp_core::conn::Action;
use xmpp_core::sasl::{Mechanism, Selection};

#[test]
fn debug_of_everything_is_silent_about_the_password() {
    assert!(!format!("{:?}", client_config()).contains(PASSWORD));
    for mechanism in Mechanism::PASSWORD {
        let only = Selection::new().mechanisms(&[mechanism]);
        let mut pair =
            Pair::with(client_config().with_mechanisms(only.clone()), server_config().with_mechanisms(only));
        pair.run();
        assert!(pair.server.online.is_some());
        // Every action with the connection it came from, on both sides.
        let shown = [pair.client.debug.as_str(), &pair.server.debug].concat();
        assert!(shown.contains("Ask(") || mechanism == Mechanism::Plain);
        assert!(shown.contains("Online") && shown.lines().count() > 12, "{shown}");
        let message = STANDARD.encode(format!("\0juliet\0{PASSWORD}"));
        let bytes = format!("{:?}", PASSWORD.as_bytes());
        for secret in [PASSWORD, &message, &STANDARD.encode(PASSWORD), bytes.trim_matches(['[', ']'])] {
            assert!(!shown.contains(secret), "{mechanism} shows {secret}");
        }
        // Proofs and signatures neither.
        assert!(!shown.contains("<response") && !shown.contains("<success"));
    }
}

#[test]
fn a_transmission_shows_how_long_it_is() {
    let action = Action::Transmit(bytes::Bytes::from_static(b"<auth>secret</auth>"));
    assert_eq!(format!("{action:?}"), "Transmit(19 bytes)");
}
