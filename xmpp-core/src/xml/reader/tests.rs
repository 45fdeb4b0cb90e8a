mod limits;

use super::*;
use crate::xml::chars;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// The frames, as text, and the fault of a stream that arrives in these chunks; how many bytes it took.
fn read<'a>(
    limits: &XmlLimits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Option<XmlError>, usize) {
    let mut reader = Reader::new(limits.clone());
    let mut frames = Vec::new();
    let mut pushed = 0;
    for chunk in chunks {
        reader.push(chunk);
        pushed += chunk.len();
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(reader.next(), Err(fault));
                    assert!(!reader.in_element() && reader.buffered() == 0);
                    return (frames, Some(fault), pushed);
                }
            }
        }
        assert_eq!(reader.buffered(), 0);
    }
    (frames, None, pushed)
}

/// Reads a stream whole, byte by byte and in two parts cut everywhere; returns what all of them agree on, with the number
/// of bytes that showed the fault.
fn read_all_ways(limits: &XmlLimits, stream: &[u8]) -> (Vec<String>, Option<XmlError>, usize) {
    let single = read(limits, stream.chunks(1));
    let (frames, fault, at) = &single;
    let whole = read(limits, [stream]);
    assert_eq!((&whole.0, &whole.1), (frames, fault), "{:?}", String::from_utf8_lossy(stream));
    if fault.is_some() {
        // The fault is in the byte at `at`: without it there is none, with it there is.
        let before = &stream[..at - 1];
        assert_eq!(
            read(limits, [before]),
            (frames.clone(), None, at - 1),
            "{:?}",
            String::from_utf8_lossy(before)
        );
        assert_eq!(read(limits, [&stream[..*at]]), single);
    }
    for cut in 1..stream.len().min(400) {
        let (left, right) = stream.split_at(cut);
        let parts = read(limits, [left, right]);
        assert_eq!((&parts.0, &parts.1), (frames, fault), "{:?} at {cut}", String::from_utf8_lossy(stream));
    }
    single
}

/// Asserts that the last byte of `bytes` shows the fault, whatever follows.
fn assert_fault(limits: &XmlLimits, bytes: &[u8], expected: XmlError) {
    for behind in [&b""[..], b"<presence/>", b"\xFF>'/> "] {
        let (_, fault, at) = read_all_ways(limits, &[bytes, behind].concat());
        assert_eq!((fault, at), (Some(expected), bytes.len()), "{:?}", String::from_utf8_lossy(bytes));
    }
}

fn assert_fault_inside(content: &[u8], expected: XmlError) {
    assert_fault(&open(), &[HEADER.as_bytes(), content].concat(), expected);
}

fn open() -> XmlLimits {
    XmlLimits::before_login()
}

/// The elements of the first level of a good stream.
fn elements(content: &str) -> Vec<String> {
    let (mut frames, fault, _) = read_all_ways(&open(), [HEADER, content].concat().as_bytes());
    assert_eq!(fault, None, "{content}");
    frames.remove(0);
    frames.iter().map(|frame| frame.trim_start_matches("Element(").trim_end_matches(')').into()).collect()
}

#[test]
fn a_stream_is_cut_into_frames() {
    let stream = format!(
        "<?xml version='1.0'?>\n{HEADER}  \n<message to='a&amp;b'><body>hi</body></message><presence/> </stream:stream>\n "
    );
    let (frames, fault, _) = read_all_ways(&open(), stream.as_bytes());
    assert_eq!(fault, None);
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[1], "Element(<message xmlns='jabber:client' to='a&amp;b'><body>hi</body></message>)");
    assert_eq!(frames[2], "Element(<presence xmlns='jabber:client'/>)");
    assert_eq!(frames[3], "Footer");
}

#[test]
fn the_header_tells_its_namespaces() {
    let mut reader = Reader::new(open());
    reader.push(
        b"<s:stream version='1.0' xml:lang='en' xmlns:s='http://etherx.jabber.org/streams' \
          xmlns:db='jabber:server:dialback' xmlns='jabber:server' to='a'>",
    );
    let Ok(Some(Frame::Header(header))) = reader.next() else { panic!() };
    assert_eq!(header.prefix(), "s");
    assert_eq!(header.default_ns(), ns::SERVER);
    assert_eq!(header.prefixes().collect::<Vec<_>>(), [("s", ns::STREAMS), ("db", "jabber:server:dialback")]);
    assert!(header.element().is(ns::STREAMS, "stream"));
    assert_eq!(header.element().attrs().count(), 3);
    assert_eq!((header.element().attr("to"), header.element().lang()), (Some("a"), Some("en")));
    reader.push(b"<db:result/>");
    let Ok(Some(Frame::Element(result))) = reader.next() else { panic!() };
    assert!(result.is("jabber:server:dialback", "result"));
}

#[test]
fn an_empty_root_is_header_and_footer() {
    let stream = b" <stream xmlns='http://etherx.jabber.org/streams'/> \n";
    let (frames, fault, _) = read_all_ways(&open(), stream);
    assert_eq!((frames.len(), frames[1].as_str(), fault), (2, "Footer", None));
    assert_fault(&open(), b"<stream/> <", XmlError::AfterFooter);
}

#[test]
fn declarations_hold_inside_their_element_only() {
    for (content, expected) in [
        ("<a><b xmlns='u'><c/></b><d/></a>", "<a xmlns='jabber:client'><b xmlns='u'><c/></b><d/></a>"),
        ("<a xmlns=''><b/></a>", "<a><b/></a>"),
        ("<a xmlns=''><b xmlns='u'><c xmlns=''/></b></a>", "<a><b xmlns='u'><c xmlns=''/></b></a>"),
        ("<p:a xmlns:p='u'><p:b/><c/></p:a>", "<a xmlns='u'><b/><c xmlns='jabber:client'/></a>"),
        ("<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>", "<a xmlns='u'><b xmlns='v'/><c/></a>"),
        ("<stream:features/>", "<features xmlns='http://etherx.jabber.org/streams'/>"),
        ("<a k='1' p:k='2' xmlns:p='u'/>", "<a xmlns='jabber:client' k='1' xmlns:ns0='u' ns0:k='2'/>"),
        ("<p:a xmlns:p='u' p:k='1' k='2'/>", "<a xmlns='u' xmlns:ns0='u' ns0:k='1' k='2'/>"),
        ("<a xml:lang='de' lang='x'/>", "<a xmlns='jabber:client' xml:lang='de' lang='x'/>"),
        (
            "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>",
            "<a xmlns='jabber:client' xml:lang='de'/>",
        ),
    ] {
        assert_eq!(elements(content), [expected], "{content}");
    }
}

#[test]
fn text_is_read_as_xml_says() {
    for (content, expected) in [
        ("<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;</a>", "&lt;&gt;&amp;&apos;&quot;AB"),
        ("<a><![CDATA[<b>]]]]><![CDATA[>&amp;]]></a>", "&lt;b&gt;]]&gt;&amp;amp;"),
        ("<a>1\r\n2\r3\n4\r\r\n&#13;</a>", "1\n2\n3\n4\n\n&#xD;"),
        ("<a><![CDATA[1]\r\n]\r]]></a>", "1]\n]\n"),
        ("<a>]] ]&gt;</a>", "]] ]&gt;"),
        ("<a>\u{FEFF}\u{e4}\u{20ac}\u{1F600}</a>", "\u{FEFF}\u{e4}\u{20ac}\u{1F600}"),
        ("<a><![CDATA[]]>\t </a>", "\t "),
    ] {
        assert_eq!(elements(content), [format!("<a xmlns='jabber:client'>{expected}</a>")], "{content}");
    }
    assert_eq!(
        elements("<a k='1\t2\r\n3\r4&#10;&#9;\"'/>"),
        ["<a xmlns='jabber:client' k='1 2 3 4&#xA;&#x9;&quot;'/>"]
    );
}

#[test]
fn r6120_11_1_01_restricted_xml() {
    for content in [
        &b"<!--"[..],
        b"<a><!--",
        b"<a>x<!--",
        b"<?p",
        b"<a><?p",
        b"<a><?xml",
        b"<!D",
        b"<a><!E",
        b"<a>&foo;",
        b"<a k='&nbsp;",
        b"<a>&verylongn",
        b"<a>&AMP;",
    ] {
        assert_fault_inside(content, XmlError::Restricted);
    }
    for prolog in [
        &b"<!D"[..],
        b"<!--",
        b"<?p",
        b"<?xml-",
        b"<?xml version='1.0'?> <!D",
        b"<?xml version='1.0'?><?p",
        b"<?xml version='1.0'?><!--",
        b"<?xml version='1.0'?><?xml",
        b"<?xml version='1.0' encoding='utf-8' standalone='no'",
        b"<?xml version='1.0'\tstandalone=\"no\"",
        b"<stream:stream a='&foo;",
    ] {
        assert_fault(&open(), prolog, XmlError::Restricted);
    }
}

#[test]
fn r6120_11_3_02_xml_that_is_not_well_formed() {
    for content in [
        &b"<a></b>"[..],
        b"</stream>",
        b"<a k>",
        b"<a k='1'l",
        b"<a k=v>",
        b"<a k='<",
        b"<a>]]>",
        b"<a>\x01",
        b"<a>\xEF\xBF\xBE",
        b"<a k='\xEF\xBF\xBF",
        b"<a k='\0",
        b"<a>&;",
        b"<a>& ",
        b"<a>&#0;",
        b"<a>&#xD800;",
        b"<a>&#x110000;",
        b"<a>&#xFFFE;",
        b"<a>&#1x",
        b"<1a>",
        b"<a:b:c>",
        b"<:a>",
        b"<a:>",
        b"<a:1>",
        b"<a :b=",
        b"< ",
        b"<>",
        b"<a><![CDATA ",
        b"<a><!>",
        b"<a/ ",
        b"<a\x00",
        b"<a\xC3\x97>",
    ] {
        assert_fault_inside(content, XmlError::NotWellFormed);
    }
    for prolog in [
        &b"x"[..],
        b"&",
        b"<![",
        b"<?xml version='1.0'?>x",
        b"<?xml version='1.0'?><![",
        b" <?xml version='1.0'?>",
        b"<?xml ?>",
        b"<?xml encoding=",
        b"<?xml version='1.0' version=",
        b"<?xml version='1.0's",
        b"<?xml version='1.0' standalon=",
        b"<?xml version='1.0' standalone='yes' encoding=",
        b"</a>",
    ] {
        assert_fault(&open(), prolog, XmlError::NotWellFormed);
    }
}

#[test]
fn r6120_11_3_03_names_that_are_not_namespace_well_formed() {
    for (content, fault) in [
        ("<p:a>", XmlError::UndeclaredPrefix),
        ("<a p:k='1'/>", XmlError::UndeclaredPrefix),
        ("<a><b xmlns:p='u'/><p:c>", XmlError::UndeclaredPrefix),
        ("<xmlns:a>", XmlError::UndeclaredPrefix),
        ("<a xmlns:p=''", XmlError::Declaration),
        ("<a xmlns:xml='u'", XmlError::Declaration),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'", XmlError::Declaration),
        ("<a xmlns='http://www.w3.org/XML/1998/namespace'", XmlError::Declaration),
        ("<a xmlns:p='http://www.w3.org/2000/xmlns/'", XmlError::Declaration),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'", XmlError::Declaration),
        ("<a xmlns:xmlns=", XmlError::Declaration),
        ("<a xmlns='a}'", XmlError::Declaration),
        ("<a xmlns:p=' '", XmlError::Declaration),
        ("<a xmlns:p='a&#xA;b'", XmlError::Declaration),
        ("<a k='1' k='1'/>", XmlError::DuplicateAttribute),
        ("<a xmlns:p='u' xmlns:p='u'", XmlError::DuplicateAttribute),
        ("<a xmlns='u' xmlns='v'", XmlError::DuplicateAttribute),
        ("<a xmlns:p='u' xmlns:q='u' p:k='1' q:k='2'>", XmlError::DuplicateAttribute),
        ("<a xml:lang='a' xml:lang='b'>", XmlError::DuplicateAttribute),
    ] {
        // What names mean is known when the tag ends, what a declaration says when its value does.
        assert_fault_inside(content.as_bytes(), fault);
    }
}

#[test]
fn names_that_only_the_fifth_edition_allows() {
    // Peers whose parser follows an earlier one would end their stream if they were handed on.
    for content in
        ["<\u{10000} ", "<a\u{2E9}>", "<\u{132}/", "<a \u{132}='1'", "<a xmlns:p='u' p:b\u{10000}=''"]
    {
        assert_fault_inside(content.as_bytes(), XmlError::NotWellFormed);
    }
    // Every name that may be written is read.
    let all: Vec<char> = ('\u{80}'..='\u{FFFF}').filter(|c| chars::is_ncname(&format!("a{c}"))).collect();
    assert!(all.len() > 34_000);
    for names in all.chunks(300) {
        let name: String = names.iter().collect();
        let (frames, fault, _) = read(&open(), [format!("{HEADER}<a{name}/>").as_bytes()]);
        assert_eq!((frames.len(), fault), (2, None), "{name}");
    }
}

#[test]
fn names_are_bounded() {
    for (length, fits) in [(1022, true), (1023, true), (1024, false)] {
        let name = "a".repeat(length);
        if fits {
            assert_eq!(elements(&format!("<{name} {name}=''/>")).len(), 1);
        } else {
            assert_fault_inside(format!("<{name}>").as_bytes(), XmlError::TooLarge);
            assert_fault_inside(format!("<a {name}=''").as_bytes(), XmlError::TooLarge);
        }
    }
}

#[test]
fn many_attributes_are_compared_as_few_are() {
    let attributes: String = (0..40).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(elements(&format!("<a{attributes} p:a7='' xmlns:p='u'/>")).len(), 1);
    assert_fault_inside(format!("<a{attributes} a7=''>").as_bytes(), XmlError::DuplicateAttribute);
    assert_fault_inside(
        format!("<a{attributes} xmlns:p='u' p:a7='' xmlns:q='u' q:a7=''>").as_bytes(),
        XmlError::DuplicateAttribute,
    );
}

#[test]
fn r6120_4_8_5_02_prefixed_content_is_refused() {
    assert_fault_inside(b"<p:message xmlns:p='jabber:client'>", XmlError::ContentPrefix);
    assert_fault_inside(b"<a><p:b xmlns:p='jabber:client'/>", XmlError::ContentPrefix);
    assert_eq!(elements("<p:message xmlns:p='jabber:server'/>").len(), 1);
    assert_eq!(elements("<a xmlns:p='jabber:client' p:k=''/>").len(), 1);
}

#[test]
fn r6120_11_6_01_other_encodings() {
    for prolog in [
        &b"\xFE"[..],
        b"\xFF",
        b"\0",
        b"<\0",
        b"<?xml version='1.0' encoding='UTF-16'",
        b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"",
        b"<?xml version='1.0' encoding='UTF=8'",
    ] {
        assert_fault(&open(), prolog, XmlError::Encoding);
    }
    for content in [&b"<a>\xFF"[..], b"<a>\xC3<", b"<a k='\xE2\x82'", b"<a>\xED\xA0", b"<\x80", b" \xC0"] {
        assert_fault_inside(content, XmlError::Encoding);
    }
    for prolog in [
        &b"<?xml version=\"1.0\" encoding=\"Utf-8\" standalone='yes' ?><s>"[..],
        b"<?xml version='1.0' \n standalone='yes'?><s>",
        b"<?xml version='1.0' encoding='UTF-8'?><s>",
    ] {
        let (frames, fault, _) = read_all_ways(&open(), prolog);
        assert_eq!((frames.len(), fault), (1, None), "{}", prolog.escape_ascii());
    }
}

#[test]
fn r6120_11_6_03_a_byte_order_mark_is_a_character() {
    assert_fault(&open(), b"\xEF", XmlError::NotWellFormed);
    assert_fault_inside(b"<a/>\xEF", XmlError::Text);
}

#[test]
fn other_versions_of_xml() {
    assert_fault(&open(), b"<?xml version='1.1'", XmlError::Version);
    assert_fault(&open(), b"<?xml version='1=0'", XmlError::Version);
}

#[test]
fn text_between_elements_is_refused_and_white_space_is_not() {
    assert_eq!(elements(" \t\r\n<a/>\n\n<b/> ").len(), 2);
    for content in [&b"x"[..], b"<a/> x", b"&", b"<![", b"<a/>]", b"\0"] {
        let fault = XmlError::Text;
        assert_fault_inside(content, fault);
    }
    assert_fault_inside(b"</stream:stream>\r\n x", XmlError::AfterFooter);
    assert_fault_inside(b"</stream:stream><", XmlError::AfterFooter);
}

#[test]
fn r6120_11_7_01_white_space_grows_nothing() {
    let mut reader = Reader::new(open());
    reader.push(HEADER.as_bytes());
    assert!(reader.next().is_ok_and(|frame| frame.is_some()));
    for _ in 0..100 {
        reader.push(&[b' '; 1000]);
        assert_eq!(reader.next(), Ok(None));
        assert!(!reader.in_element() && reader.buffered() == 0);
    }
    reader.push(b"<a/>");
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
}

#[test]
fn r3920_6_a_restart_expects_a_header_and_keeps_what_is_unread() {
    let mut reader = Reader::new(open());
    reader.push(
        format!("<?xml version='1.0'?>{HEADER}<auth/>\n<?xml version='1.0'?><s:s xmlns:s='u'><s:x/></s:s>")
            .as_bytes(),
    );
    assert!(matches!(reader.next(), Ok(Some(Frame::Header(_)))));
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
    reader.restart();
    assert!(reader.buffered() > 0 && !reader.in_element());
    let Ok(Some(Frame::Header(header))) = reader.next() else { panic!() };
    assert_eq!((header.default_ns(), header.prefixes().count()), ("", 1));
    let Ok(Some(Frame::Element(element))) = reader.next() else { panic!() };
    assert!(element.is("u", "x"));
    assert_eq!(reader.next(), Ok(Some(Frame::Footer)));
    // Nothing of the stream before is left.
    reader.restart();
    reader.push(b"<stream:stream>");
    assert_eq!(reader.next(), Err(XmlError::UndeclaredPrefix));
    reader.restart();
    reader.push(HEADER.as_bytes());
    assert_eq!(reader.next(), Err(XmlError::UndeclaredPrefix), "a fault is final");
}

#[test]
fn an_incomplete_element_is_pending() {
    let mut reader = Reader::new(open());
    for (bytes, frame, pending) in [
        ("", false, false),
        ("<?xml version='1.0'?>", false, true),
        (HEADER, true, false),
        (" ", false, false),
        ("<", false, true),
        ("a><b/>", false, true),
        ("</a>", true, false),
        ("</stream:", false, true),
        ("stream>", true, false),
        (" ", false, false),
    ] {
        reader.push(bytes.as_bytes());
        assert_eq!(reader.next().unwrap().is_some(), frame, "{bytes}");
        assert_eq!(reader.in_element(), pending, "{bytes}");
    }
}

#[test]
fn r6120_4_9_3_faults_have_their_stream_errors() {
    use crate::stream::Condition;
    for (content, condition) in [
        ("<a></b>", Condition::NotWellFormed),
        ("<p:a>", Condition::NotWellFormed),
        ("<!--", Condition::RestrictedXml),
        ("<p:a xmlns:p='jabber:client'>", Condition::BadNamespacePrefix),
        ("text", Condition::BadFormat),
        (&"<a>".repeat(21), Condition::PolicyViolation),
        (&["<a>", &"<a/>".repeat(200)].concat(), Condition::PolicyViolation),
    ] {
        let fault = read(&open(), [[HEADER, content].concat().as_bytes()]).1;
        assert_eq!(fault.map(XmlError::condition), Some(condition), "{content}");
    }
    assert_eq!(
        read(&open(), [&b"\xFF\xFE"[..]]).1.map(XmlError::condition),
        Some(Condition::UnsupportedEncoding)
    );
}

#[test]
fn debug_shows_no_byte_of_the_stream() {
    let mut reader = Reader::new(open());
    reader.push(b"<secret secret='secret");
    assert_eq!(reader.next(), Ok(None));
    reader.push(b"secret");
    assert!(!format!("{reader:?}").contains("secret"));
    assert!(XmlError::Text.to_string().contains("text"));
}
