use alloc::vec;

use super::Mechanism::{Plain, ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus};
use super::*;

const ALL: [&str; 5] = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"];

fn bindings() -> Bindings {
    Bindings::new().with_exporter(*b"ekm").with_end_point(*b"cert")
}

fn exporter() -> ChannelBinding {
    ChannelBinding::Bound(BindingKind::TlsExporter, b"ekm".to_vec())
}

fn choose(
    selection: &Selection,
    offered: &[&str],
    bindings: &Bindings,
) -> Result<(Mechanism, ChannelBinding), PolicyError> {
    selection
        .choose(offered, bindings, true)
        .map(|choice| (choice.mechanism(), choice.channel_binding().clone()))
}

#[test]
fn r6120_6_3_3_04_the_client_takes_its_own_strongest() {
    let selection = Selection::new();
    let mut offered = ALL.to_vec();
    for _ in 0..ALL.len() {
        offered.rotate_left(1);
        assert_eq!(choose(&selection, &offered, &bindings()), Ok((ScramSha256Plus, exporter())));
        assert_eq!(
            choose(&selection, &offered, &Bindings::new()),
            Ok((ScramSha256, ChannelBinding::NotSupported))
        );
    }
    assert_eq!(choose(&selection, &["PLAIN", "SCRAM-SHA-1"], &Bindings::new()).map(|c| c.0), Ok(ScramSha1));
    assert_eq!(choose(&selection, &["PLAIN"], &Bindings::new()).map(|c| c.0), Ok(Plain));
}

#[test]
fn r6120_6_3_3_05_nothing_is_used_that_is_not_on_the_own_list() {
    let selection = Selection::new().mechanisms(&[ScramSha1]);
    assert_eq!(choose(&selection, &ALL, &bindings()).map(|c| c.0), Ok(ScramSha1));
    assert_eq!(choose(&selection, &["PLAIN"], &bindings()), Err(PolicyError::NoneUsable));
    for offered in [&[][..], &["EXTERNAL", "DIGEST-MD5", "SCRAM-SHA-512", "scram-sha-1", ""][..]] {
        assert_eq!(choose(&Selection::new(), offered, &bindings()), Err(PolicyError::NoneUsable));
    }
}

/// RFC 5802 section 6, the client's flag.
#[test]
fn the_client_says_y_when_the_sibling_is_missing() {
    let selection = Selection::new();
    let lacks = |offered: &[&str]| choose(&selection, offered, &bindings());
    assert_eq!(lacks(&["SCRAM-SHA-1"]), Ok((ScramSha1, ChannelBinding::ServerLacks)));
    // Names added to the list do not keep the server from finding out.
    assert_eq!(lacks(&["SCRAM-SHA-1", "SCRAM-SHA-512-PLUS"]), Ok((ScramSha1, ChannelBinding::ServerLacks)));
    // Binding beats the better hash.
    assert_eq!(lacks(&["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"]), Ok((ScramSha1Plus, exporter())));
    // PLAIN has nothing to say.
    assert_eq!(lacks(&["PLAIN"]).map(|c| c.0), Ok(Plain));
}

#[test]
fn a_client_that_cannot_bind_says_n() {
    let offered = ["SCRAM-SHA-1"];
    let n = Ok((ScramSha1, ChannelBinding::NotSupported));
    assert_eq!(choose(&Selection::new(), &offered, &Bindings::new()), n);
    let unbound = Selection::new().mechanisms(&[Plain, ScramSha1, ScramSha256]);
    assert_eq!(choose(&unbound, &offered, &bindings()), n);
    // It can see that the server binds, so it does not claim otherwise.
    let other = Selection::new().mechanisms(&[ScramSha1, ScramSha256Plus]);
    assert_eq!(choose(&other, &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"], &bindings()), n);
    // Without TLS there is nothing to bind to, whatever the caller hands in.
    let choice = Selection::new().choose(&ALL, &bindings(), false).unwrap();
    assert_eq!((choice.mechanism(), choice.channel_binding()), (ScramSha256, &ChannelBinding::NotSupported));
}

#[test]
fn plain_without_tls_is_refused() {
    let offered = ["PLAIN"];
    let plain = |policy, tls| {
        let choice = Selection::new().plain(policy).choose(&offered, &Bindings::new(), tls);
        choice.map(|choice| choice.mechanism())
    };
    assert_eq!(plain(PlainPolicy::default(), true), Ok(Plain));
    assert_eq!(plain(PlainPolicy::default(), false), Err(PolicyError::PlainUnprotected));
    assert_eq!(plain(PlainPolicy::Always, false), Ok(Plain));
    assert_eq!(plain(PlainPolicy::Never, true), Err(PolicyError::PlainUnprotected));
}

#[test]
fn a_weaker_mechanism_than_before_is_refused() {
    for (position, minimum) in Mechanism::ALL.into_iter().enumerate() {
        let selection = Selection::new().minimum(minimum);
        for (offered_position, offered) in Mechanism::ALL.into_iter().enumerate() {
            let choice = choose(&selection, &[offered.name()], &bindings()).map(|c| c.0);
            let expected =
                if offered_position < position { Err(PolicyError::TooWeak(offered)) } else { Ok(offered) };
            assert_eq!(choice, expected);
        }
    }
}

#[test]
fn r6120_6_4_1_03_the_server_offers_in_order_of_preference() {
    let selection = Selection::new();
    assert_eq!(
        selection.offered(&bindings(), true),
        [ScramSha256Plus, ScramSha1Plus, ScramSha256, ScramSha1, Plain]
    );
    // -PLUS only with a binding to verify.
    assert_eq!(selection.offered(&Bindings::new(), true), [ScramSha256, ScramSha1, Plain]);
    assert_eq!(selection.offered(&Bindings::new().with_exporter([]), true), [ScramSha256, ScramSha1, Plain]);
    let doubled = selection.mechanisms(&[ScramSha1, ScramSha256, ScramSha1]);
    assert_eq!(doubled.offered(&bindings(), true), [ScramSha256, ScramSha1]);
}

#[test]
fn r3920_6_2_01_plain_is_not_offered_before_tls() {
    assert_eq!(Selection::new().offered(&bindings(), false), [ScramSha256, ScramSha1]);
    let open = Selection::new().plain(PlainPolicy::Always);
    assert_eq!(open.offered(&Bindings::new(), false), [ScramSha256, ScramSha1, Plain]);
    let never = Selection::new().plain(PlainPolicy::Never);
    assert_eq!(never.offered(&Bindings::new(), true), [ScramSha256, ScramSha1]);
}

/// RFC 5802 section 6: a server that would never let the bare variant pass offers only `-PLUS`.
#[test]
fn a_server_that_wants_binding_offers_nothing_else() {
    let selection = Selection::new().minimum(ScramSha1Plus);
    assert_eq!(selection.offered(&bindings(), true), [ScramSha256Plus, ScramSha1Plus]);
    assert_eq!(selection.offered(&Bindings::new(), true), []);
}

#[test]
fn the_server_says_why_it_refuses_a_mechanism() {
    let selection =
        Selection::new().mechanisms(&[Plain, ScramSha1, ScramSha256, ScramSha256Plus]).minimum(ScramSha256);
    let permit =
        |selection: &Selection, name, bindings: &Bindings, tls| selection.permit(name, bindings, tls);
    let all = bindings();
    assert_eq!(permit(&selection, "SCRAM-SHA-256", &all, true), Ok(ScramSha256));
    assert_eq!(permit(&selection, "SCRAM-SHA-256-PLUS", &all, true), Ok(ScramSha256Plus));
    // r3920-6.4-05
    assert_eq!(permit(&selection, "SCRAM-SHA-1", &all, true), Err(SaslCondition::MechanismTooWeak));
    // r3920-6.4-04: unknown, not enabled, or without a binding.
    for name in ["", "CRAM-MD5", "scram-sha-256", "SCRAM-SHA-1-PLUS"] {
        assert_eq!(permit(&selection, name, &all, true), Err(SaslCondition::InvalidMechanism), "{name}");
    }
    let unbound = permit(&selection, "SCRAM-SHA-256-PLUS", &Bindings::new(), true);
    assert_eq!(unbound, Err(SaslCondition::InvalidMechanism));
    // r6120-6.5.4-01
    let plain = Selection::new();
    assert_eq!(permit(&plain, "PLAIN", &all, false), Err(SaslCondition::EncryptionRequired));
    assert_eq!(permit(&plain, "PLAIN", &all, true), Ok(Plain));
    let never = plain.plain(PlainPolicy::Never);
    assert_eq!(permit(&never, "PLAIN", &all, true), Err(SaslCondition::InvalidMechanism));
    let offered = vec![ScramSha256Plus, ScramSha256];
    assert_eq!(selection.offered(&all, true), offered);
}
