//! Properties of the XML reader and writer: what is written is read back, and the cuts between chunks mean nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use proptest::collection::vec;
use proptest::prelude::*;
use xmpp_core::limits::XmlLimits;
use xmpp_core::xml::{Builder, Element, Frame, Reader, Writer, XmlError, ns};

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'>";

fn limits() -> XmlLimits {
    XmlLimits::client().with_stanza_bytes(1 << 20)
}

/// What a reader makes of these chunks.
fn read<'a>(
    limits: &XmlLimits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<XmlError>) {
    let mut reader = Reader::new(limits.clone());
    let mut frames = Vec::new();
    for chunk in chunks {
        reader.push(chunk);
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
        assert_eq!(reader.buffered(), 0);
    }
    (frames, None)
}

fn cut<'a>(bytes: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = at.iter().map(|at| at.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for to in at.into_iter().chain([bytes.len()]) {
        chunks.push(&bytes[from..to]);
        from = to;
    }
    chunks
}

/// Text of every awkward kind.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x1F&<>'\"\\]\u{FFFE}\u{FFFF}\u{FEFF}\u{85}\u{2028}a]{0,12}",
        Just("]]>".into()),
        Just("\r\n\r".into()),
        Just("<![CDATA[x]]>&amp;".into()),
        "[a-z ]{0,20}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[A-Za-z_][A-Za-z0-9._-]{0,8}",
        Just("xmlns".into()),
        Just("xml".into()),
        any::<String>()
    ]
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(ns::CLIENT.into()),
        Just(ns::SERVER.into()),
        Just(ns::STREAMS.into()),
        Just(ns::XML.into()),
        Just(ns::XMLNS.into()),
        "urn:[a-c]",
        text(),
    ]
}

fn element() -> impl Strategy<Value = Element> {
    let tag = (namespace(), name(), vec((namespace(), name(), text()), 0..4));
    let tag = tag.prop_map(|(ns, name, attrs)| {
        let builder = Element::builder(&ns, &name);
        attrs.iter().fold(builder, |builder, (ns, name, value)| builder.attr_ns(ns, name, value))
    });
    // A builder cannot be cloned or compared, which strategies need: an element without content stands for it.
    let leaf = tag.prop_map(Builder::build).boxed();
    let below = leaf.clone();
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let node = prop_oneof![text().prop_map(Err), inner.prop_map(Ok)];
        (below.clone(), vec(node, 0..5)).prop_map(|(tag, nodes)| {
            let mut builder = Element::builder(tag.ns(), tag.name());
            for attr in tag.attrs() {
                builder = builder.attr_ns(attr.ns, attr.name, attr.value);
            }
            for node in nodes {
                builder = match node {
                    Ok(child) => builder.child(child),
                    Err(text) => builder.text(&text),
                };
            }
            builder.build()
        })
    })
}

/// Streams that are nearly right: pieces of markup in any order.
fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let scrap = prop_oneof![
        prop::sample::select(vec![
            "<a>",
            "</a>",
            "<a/>",
            "<b",
            " k='v'",
            " p:k='v'",
            ">",
            "/>",
            "</",
            "<p:a xmlns:p='u'>",
            "</p:a>",
            "<",
            " xmlns=''",
            " xmlns:p='v'",
            "text",
            " ",
            "\r",
            "\n",
            "&amp;",
            "&#x41;",
            "&foo;",
            "&",
            "]]>",
            "]",
            "<![CDATA[",
            "<!",
            "<!--",
            "-->",
            "<?xml version='1.0'?>",
            "<?",
            "?>",
            "'",
            "\"",
            "=",
            "\u{20ac}",
            "\u{FFFF}",
            "\0",
            "</stream:stream>",
            "<stream:features/>",
            "<db:result>x</db:result>",
        ])
        .prop_map(|scrap| scrap.as_bytes().to_vec()),
        vec(any::<u8>(), 0..3),
    ];
    vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

fn assert_cuts_mean_nothing(limits: &XmlLimits, bytes: &[u8], at: &[prop::sample::Index]) {
    let whole = read(limits, [bytes]);
    assert_eq!(read(limits, cut(bytes, at)), whole);
    let mut shown = 0;
    let single = read(limits, bytes.chunks(1).inspect(|_| shown += 1));
    assert_eq!(single, whole);
    if whole.1.is_some() {
        // The byte that shows the fault is the same, whole or not.
        assert_eq!(read(limits, [&bytes[..shown]]), whole);
        assert_eq!(read(limits, [&bytes[..shown - 1]]), (whole.0, None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn r6120_11_3_01_what_is_written_is_read_back(elements in vec(element(), 1..4), at in vec(any::<prop::sample::Index>(), 0..6)) {
        let mut stream = String::from(HEADER);
        let mut documents = String::from("<r>");
        for element in &elements {
            Writer::stream(ns::CLIENT).element(&mut stream, element.as_ref());
            documents.push_str(&element.to_string());
        }
        stream.push_str("</stream:stream>");
        documents.push_str("</r>");
        let expected: Vec<Frame> = elements.into_iter().map(Frame::Element).chain([Frame::Footer]).collect();
        for written in [stream, documents] {
            let (frames, fault) = read(&limits(), cut(written.as_bytes(), &at));
            prop_assert_eq!(fault, None, "{}", written);
            prop_assert_eq!(&frames[1..], &expected[..], "{}", written);
        }
    }

    #[test]
    fn what_is_read_is_written_and_read_again(content in scraps()) {
        let stream = [HEADER.as_bytes(), &content].concat();
        for frame in read(&limits(), [&stream[..]]).0 {
            if let Frame::Element(element) = frame {
                let stream = format!("<s>{element}");
                let again = read(&limits(), [stream.as_bytes()]);
                prop_assert_eq!(again.0.last(), Some(&Frame::Element(element)));
            }
        }
    }

    #[test]
    fn cuts_mean_nothing_in_scraps(
        header in any::<bool>(), content in scraps(), at in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = [if header { HEADER.as_bytes() } else { b"" }, &content].concat();
        assert_cuts_mean_nothing(&limits(), &stream, &at);
        let small = limits().with_stanza_bytes(180).with_depth(2).with_attributes(3).with_elements(3);
        assert_cuts_mean_nothing(&small, &stream, &at);
    }

    #[test]
    fn cuts_mean_nothing_in_any_bytes(bytes in vec(any::<u8>(), 0..60), at in vec(any::<prop::sample::Index>(), 0..6)) {
        assert_cuts_mean_nothing(&limits(), &bytes, &at);
    }

    #[test]
    fn cuts_mean_nothing_in_damaged_streams(
        element in element(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        at in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut stream = format!("{HEADER}{element}").into_bytes();
        for (index, byte) in damage {
            let index = index.index(stream.len());
            stream[index] = byte;
        }
        assert_cuts_mean_nothing(&limits(), &stream, &at);
    }
}
