//! Every limit one below, at and one above.

use super::*;

#[test]
fn white_space_before_a_header_is_bounded() {
    let limits = open().with_stanza_bytes(100);
    for (count, fault) in [(99, None), (100, None), (101, Some(XmlError::TooLarge))] {
        assert_eq!(read(&limits, " ".repeat(count).as_bytes().chunks(1)).1, fault);
        assert_eq!(read(&limits, [" ".repeat(count).as_bytes()]).1, fault);
    }
}

#[test]
fn stanza_bytes_are_bounded_on_the_wire() {
    let limits = open().with_stanza_bytes(200);
    for (open, fill, close) in [
        ("<a>", "x", "</a>"),
        ("<a k='", "x", "'/>"),
        ("<a ", " ", "/>"),
        ("<a><", "x", "/></a>"),
        ("<a>", "&amp;&amp;", "</a>"),
    ] {
        for (len, fits) in [(199, true), (200, true), (201, false)] {
            let fill = fill.repeat(300);
            let fill = fill.get(..len - open.len() - close.len()).unwrap();
            if fill.contains('&') && !fill.ends_with(';') {
                continue;
            }
            let stanza = [open, fill, close].concat();
            let (frames, fault, at) =
                read_all_ways(&limits, [HEADER, " ", &stanza, " <b/>"].concat().as_bytes());
            if fits {
                assert_eq!((frames.len(), fault), (3, None), "{stanza}");
            } else {
                assert_eq!((fault, at), (Some(XmlError::TooLarge), HEADER.len() + 1 + 200), "{stanza}");
            }
        }
    }
}

#[test]
fn header_bytes_are_bounded_with_the_declaration() {
    let decl = "<?xml version='1.0'?>\n";
    let len = decl.len() + HEADER.len();
    for (limit, fits) in [(len - 1, false), (len, true), (len + 1, true)] {
        let limits = open().with_stanza_bytes(limit);
        let (frames, fault, at) = read_all_ways(&limits, [decl, HEADER].concat().as_bytes());
        if fits {
            assert_eq!((frames.len(), fault), (1, None));
        } else {
            assert_eq!((fault, at), (Some(XmlError::TooLarge), limit));
        }
    }
}

#[test]
fn depth_is_bounded() {
    let limits = open().with_depth(5);
    for (depth, fits) in [(4, true), (5, true), (6, false)] {
        let stream = [HEADER, &"<a>".repeat(depth), &"</a>".repeat(depth), "<a/>"].concat();
        let (frames, fault, at) = read_all_ways(&limits, stream.as_bytes());
        if fits {
            assert_eq!((frames.len(), fault), (3, None));
        } else {
            assert_eq!((fault, at), (Some(XmlError::TooDeep), HEADER.len() + 3 * 6));
        }
    }
}

#[test]
fn attributes_are_bounded_with_declarations() {
    let limits = open().with_attributes(5);
    for (count, fits) in [(4, true), (5, true), (6, false)] {
        let attributes: String = (1..count).map(|n| format!(" a{n}=''")).collect();
        let tag = format!("{HEADER}<a xmlns='u'{attributes}");
        let (frames, fault, at) = read_all_ways(&limits, [&tag, "/><a/>"].concat().as_bytes());
        if fits {
            assert_eq!((frames.len(), fault), (3, None));
        } else {
            assert_eq!((fault, at), (Some(XmlError::TooManyAttributes), tag.len()));
        }
    }
}

#[test]
fn prefixes_in_scope_are_bounded() {
    let limits = open().with_attributes(5);
    // The header declares one.
    for (count, fits) in [(3, true), (4, true), (5, false)] {
        let tags: String = (0..count).map(|n| format!("<a xmlns:p{n}='u'>")).collect();
        let stream = [HEADER, "<a xmlns:q='u'/>", &tags, &"</a>".repeat(count)].concat();
        let (frames, fault, _) = read_all_ways(&limits, stream.as_bytes());
        let expected = if fits { (3, None) } else { (2, Some(XmlError::TooManyAttributes)) };
        assert_eq!((frames.len(), fault), expected);
    }
}

#[test]
fn elements_are_bounded() {
    let limits = open().with_elements(5);
    for (count, fits) in [(4, true), (5, true), (6, false)] {
        let stream = [HEADER, "<a/>", "<a>", &"<b/>".repeat(count - 1), "</a>"].concat();
        let (frames, fault, at) = read_all_ways(&limits, stream.as_bytes());
        if fits {
            assert_eq!((frames.len(), fault), (3, None));
        } else {
            assert_eq!((fault, at), (Some(XmlError::TooManyElements), stream.len() - "></a>".len()));
        }
    }
}

#[test]
fn what_prefixes_stand_for_is_bounded() {
    // Written out, each of the elements would carry the long name.
    let limits = open().with_stanza_bytes(1000);
    for (count, fits) in [(5, true), (6, false)] {
        let long = "x".repeat(200);
        let stream =
            [HEADER, &format!("<a xmlns:p='{long}'>"), &"<p:b/>".repeat(count - 1), "<b p:k=''/></a>"]
                .concat();
        let (frames, fault, _) = read_all_ways(&limits, stream.as_bytes());
        let expected = if fits { (2, None) } else { (1, Some(XmlError::TooLarge)) };
        assert_eq!((frames.len(), fault), expected);
    }
}

#[test]
fn limits_change_between_elements() {
    let small = open().with_stanza_bytes(100);
    let long = format!("<a k='{}'/>", "x".repeat(200));
    for header in [HEADER, "<s>", "<s><b/>"] {
        let mut reader = Reader::new(small.clone());
        reader.push(header.as_bytes());
        while reader.next().unwrap().is_some() {}
        reader.set_limits(open());
        reader.push(long.as_bytes());
        reader.push(b"</");
        assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))), "{header}");
        assert_eq!(reader.next(), Ok(None));
        reader.push(if header == HEADER { b"stream:stream>" } else { b"s>" });
        assert_eq!(reader.next(), Ok(Some(Frame::Footer)));
    }
    let mut reader = Reader::new(small);
    reader.push(HEADER.as_bytes());
    reader.push(b"<b>");
    while reader.next().unwrap().is_some() {}
    reader.set_limits(open());
    reader.push(long.as_bytes());
    assert_eq!(reader.next(), Err(XmlError::TooLarge), "the element had begun");
}

#[test]
fn a_limit_without_bound_reserves_nothing_unbounded() {
    let limits = open().with_stanza_bytes(usize::MAX);
    let (frames, fault, _) = read(&limits, [[HEADER, "<a k='1'>x</a>"].concat().as_bytes()]);
    assert_eq!((frames.len(), fault), (2, None));
    let (_, fault, _) = read_all_ways(&open().with_stanza_bytes(0), HEADER.as_bytes());
    assert_eq!(fault, Some(XmlError::TooLarge));
}
